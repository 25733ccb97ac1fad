"""Pictures of stable states, at 80x24 and 120x40, in both languages.

No clock, no cursor that blinks, no animation, nothing of a machine's own in them. To accept new
ones after looking at them: ``pytest tests/tui/test_snapshots.py --snapshot-update``.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

import pytest
from textual.pilot import Pilot

from glm47_tui.app import WizardApp
from glm47_tui.i18n import set_language
from glm47_tui.remote.api import HostKey, SecretRequest
from glm47_tui.session import Session
from tests.tui.conftest import Driver

SIZES = [(80, 24), (120, 40)]
LANGS = ["en", "zh_CN"]
KEY = HostKey("node0", "10.77.0.10", 22, "ssh-ed25519", "SHA256:EhMHWqRG4gLK2i9aggtBpxKaPkxWkH04")

Scene = Callable[[Driver], Awaitable[None]]


async def pick(d: Driver) -> None:
    await d.sees("47")


async def profile(d: Driver) -> None:
    await d.keys("tab", "tab")


async def wrong(d: Driver) -> None:
    field = d.app.screen.query_one("#field-model_path Input")
    field.focus()
    await d.type("/..")
    await d.keys("tab")


async def nodes(d: Driver) -> None:
    await d.keys("2")
    await d.until(lambda: d.app.step_shown == "nodes", "Nodes")


async def edit_node(d: Driver) -> None:
    await nodes(d)
    await d.keys("e")


async def help_(d: Driver) -> None:
    await nodes(d)
    await d.keys("question_mark")


async def commands(d: Driver) -> None:
    await d.keys("4")
    await d.sees("docker pull")


async def guide(d: Driver) -> None:
    await commands(d)
    await d.keys("down", "down", "v")
    await d.sees("--shm-size")


async def deploy(d: Driver) -> None:
    await d.keys("5")
    await d.until(lambda: d.app.step_shown == "deploy", "Deploy")


async def chat(d: Driver) -> None:
    await d.keys("7")
    await d.until(lambda: d.app.step_shown == "chat", "Chat")


async def secret(d: Driver) -> None:
    from glm47_tui.screens.dialogs.ask import AskSecret

    d.app.push_screen(
        AskSecret(SecretRequest("password", "node0", "root@10.77.0.10:22", attempt=2))
    )
    await d.pilot.pause()


async def host_key(d: Driver) -> None:
    from glm47_tui.screens.dialogs.ask import ask_host_key

    d.app.push_screen(ask_host_key(KEY))
    await d.pilot.pause()


SCENES: dict[str, tuple[Scene, bool]] = {
    "pick": (pick, False),
    "profile": (profile, True),
    "wrong": (wrong, True),
    "nodes": (nodes, True),
    "edit-node": (edit_node, True),
    "help": (help_, True),
    "commands": (commands, True),
    "guide": (guide, True),
    "deploy": (deploy, True),
    "chat": (chat, True),
    "secret": (secret, True),
    "host-key": (host_key, True),
}


@pytest.mark.parametrize("lang", LANGS)
@pytest.mark.parametrize("size", SIZES, ids=lambda s: f"{s[0]}x{s[1]}")
@pytest.mark.parametrize("scene", SCENES)
def test_picture(
    scene: str, size: tuple[int, int], lang: str, pair: str, snap_compare: Any
) -> None:
    set_language(lang)
    play, with_profile = SCENES[scene]
    app = WizardApp(Session(pair if with_profile else None), lang=lang)

    async def run_before(pilot: Pilot[int]) -> None:
        driver = Driver(app, pilot)
        await driver.opened()
        await play(driver)
        await pilot.pause()

    assert snap_compare(app, terminal_size=size, run_before=run_before)
