"""An app to drive by keys, and a cluster of simulated nodes behind real SSH for it."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from textual.pilot import Pilot
from textual.widgets import Input, TextArea

from glm47_tui.app import WizardApp
from glm47_tui.demo import Cluster
from glm47_tui.monitor import Player
from glm47_tui.session import Session
from tests.tui.nights import a_night

WAIT_S = 90.0
"""Seconds until a state that must come counts as not coming; a busy machine is slow."""

PAIR = """\
schema = 1
name = "atlas-pair"

[ssh]
user = "root"
port = 9
auth = "key"
identity = "~/.ssh/id_ed25519"

[[nodes]]
host = "127.0.0.1"
nic = "enp67s0f5"
ip = "10.77.0.10"

[[nodes]]
host = "127.0.0.2"
nic = "enp67s0f5"
ip = "10.77.0.11"
"""


class Driver:
    """The app under a pilot, with waits on what it shows or knows."""

    def __init__(self, app: WizardApp, pilot: Pilot[int]) -> None:
        self.app = app
        self.pilot = pilot

    @property
    def session(self) -> Session:
        return self.app.session

    async def keys(self, *keys: str) -> None:
        for key in keys:
            await self.pilot.press(key)
            await self.pilot.pause()

    async def type(self, text: str) -> None:
        await self.pilot.press(*({" ": "space"}.get(c, c) for c in text))
        await self.pilot.pause()

    async def until(self, holds: Callable[[], object], what: str) -> None:
        deadline = time.monotonic() + WAIT_S
        while not holds():
            assert time.monotonic() < deadline, f"never: {what}\n{self.text}"
            await self.pilot.pause(0.02)
        await self.pilot.pause()

    async def sees(self, text: str) -> None:
        await self.until(lambda: text in self.text, f"{text!r} on the screen")

    async def idle(self) -> None:
        await self.until(lambda: not self.session.tasks.running(), "no task running")

    async def opened(self) -> None:
        await self.until(lambda: self.app.step_ready, "the first step")

    @property
    def text(self) -> str:
        """What the screen shows, as text."""
        width, height = self.app.size
        lines = self.app.screen._compositor.render_strips()
        return "\n".join("".join(s.text for s in strip) for strip in lines[:height])[: width * 400]


@asynccontextmanager
async def driving(
    profile: str | None, size: tuple[int, int] = (80, 24), lang: str | None = "en"
) -> AsyncIterator[Driver]:
    app = WizardApp(Session(profile), lang=lang)
    async with app.run_test(size=size) as pilot:
        driver = Driver(app, pilot)
        await driver.opened()
        yield driver
        assert app.faults == []


@pytest.fixture(autouse=True)
def still(monkeypatch: pytest.MonkeyPatch) -> None:
    """No cursor blinks, nothing is animated."""
    monkeypatch.setenv("TEXTUAL_ANIMATIONS", "none")
    monkeypatch.setattr(Input, "cursor_blink", False)
    monkeypatch.setattr(TextArea, "cursor_blink", False)


@pytest.fixture
def pair(tmp_path: Path) -> str:
    """Path of a profile that holds, of nodes that nobody reaches (closed ports on loopback)."""
    file = tmp_path / "pair.toml"
    file.write_text(PAIR)
    return str(file)


@pytest.fixture
def cluster(tmp_path: Path) -> Iterator[Cluster]:
    """Two simulated nodes of the test's own."""
    with Cluster(tmp_path / "nodes", pace=0.02) as nodes:
        (nodes.home / "profile.toml").write_text(nodes.profile_text())
        yield nodes


@pytest.fixture
def player(tmp_path: Path) -> Player:
    """Two nodes' night: one with an alarm, logs with an error, two ranks."""
    return a_night(tmp_path)
