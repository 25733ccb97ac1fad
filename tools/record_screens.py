#!/usr/bin/env python3
"""Records the wizard for docs/screens/: driven by keys, on two simulated nodes, in both languages.

    python tools/record_screens.py [NAME ...]

Writes ``NAME-LANG-120x40.svg`` and ``NAME-LANG-80x24.txt`` for each of the seven screens (or those
named), about a minute a walk. Run it after the screens changed. Only what anybody would see is in
the pictures: the home folder is a temporary one, shown as ``~``.
"""

from __future__ import annotations

import asyncio
import os
import re
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from textual.pilot import Pilot

OUT = Path(__file__).resolve().parent.parent / "docs" / "screens"
SIZES = ((120, 40), (80, 24))
STEPS = ("profile", "nodes", "checks", "review", "deploy", "monitor", "chat")
QUESTIONS = {
    "en": "Give me one sentence about the Ascend NPU.",
    "zh_CN": "用一句话介绍昇腾 NPU。",
}
WAIT_S = 180.0
FONTS = re.compile(r"@font-face \{.*?\}\s*", re.DOTALL)


def text_of(pilot: Pilot[int]) -> str:
    """What the screen shows, as text."""
    strips = pilot.app.screen._compositor.render_strips()
    return "\n".join("".join(s.text for s in strip).rstrip() for strip in strips) + "\n"


class Walk:
    """One walk through the wizard, in one language and size."""

    def __init__(self, pilot: Pilot[int], lang: str, wanted: set[str]) -> None:
        self.pilot = pilot
        self.app = pilot.app
        self.lang = lang
        self.wanted = wanted

    async def until(self, holds: Callable[[], object], what: str) -> None:
        """Wait for a state; it must come."""
        deadline = time.monotonic() + WAIT_S
        while not holds():
            if time.monotonic() > deadline:
                raise SystemExit(f"never came: {what}\n{text_of(self.pilot)}")
            await self.pilot.pause(0.05)
        await self.pilot.pause()

    async def go(self, step: str) -> None:
        """Go on to a step by its number."""
        await self.pilot.press(str(STEPS.index(step) + 1))
        await self.until(lambda: self.app.step_shown == step, step)  # type: ignore[attr-defined]

    async def idle(self) -> None:
        """Wait until no task runs."""
        await self.until(lambda: not self.session.tasks.running(), "the end of the task")

    @property
    def session(self):  # type: ignore[no-untyped-def]
        """What the wizard knows."""
        return self.app.session  # type: ignore[attr-defined]

    def take(self, name: str) -> None:
        """Write what is shown."""
        if name not in self.wanted:
            return
        width, height = self.app.size
        base = OUT / f"{name}-{self.lang}-{width}x{height}"
        if width >= 100:
            file = base.with_suffix(".svg")
            shown = FONTS.sub("", self.app.export_screenshot(title="glm47-tui demo"))
        else:
            file, shown = base.with_suffix(".txt"), text_of(self.pilot)
        if os.environ["HOME"] in shown:
            raise SystemExit(f"{file.name} would show a folder of this machine")
        file.write_text(shown, encoding="utf-8")

    async def all(self) -> None:
        """Walk from the profile to an answer."""
        await self.until(lambda: self.app.step_ready, "the first step")  # type: ignore[attr-defined]
        self.take("profile")
        await self.go("nodes")
        await self.pilot.press("d")
        await self.idle()
        self.take("nodes")
        await self.go("checks")
        await self.idle()
        await self.pilot.press("f")
        await self.pilot.pause(1.0)
        await self.pilot.press("down")
        await self.pilot.pause(0.3)
        self.take("checks")
        await self.go("review")
        await self.pilot.press("down", "down", "v")
        await self.until(lambda: "--shm-size" in text_of(self.pilot), "the guide's docker_run.sh")
        self.take("review")
        await self.deploy()
        await self.go("monitor")
        await self.until(lambda: "HBM" in text_of(self.pilot), "a reading")
        await self.pilot.pause(3.0)
        self.take("monitor")
        await self.chat()

    async def deploy(self) -> None:
        """Deploy, and take the picture while weights are loaded."""
        await self.go("deploy")
        await self.pilot.press("d")
        await self.pilot.pause(0.3)
        await self.pilot.press("enter")
        await self.until(self._loading, "weights being loaded")
        await self.pilot.pause(0.2)
        self.take("deploy")
        await self.idle()
        self.take("deployed")

    def _loading(self) -> bool:
        return any(p.phase.value == "weights" for p in self.session.job.state.phases.values())

    async def chat(self) -> None:
        """Ask something, and take the picture of the whole answer."""
        await self.go("chat")
        await self.until(lambda: self.app.focused is not None, "the prompt")
        self.app.focused.insert(QUESTIONS[self.lang])  # type: ignore[union-attr]
        await self.pilot.press("enter")
        await self.until(lambda: self.session.talk.turns, "the question")
        await self.idle()
        self.take("chat")


async def record(home: Path, lang: str, size: tuple[int, int], wanted: set[str]) -> None:
    """Walk once, on nodes of its own."""
    from glm47_tui.app import WizardApp
    from glm47_tui.demo import Cluster
    from glm47_tui.i18n import set_language
    from glm47_tui.session import Session

    set_language(lang)

    os.environ["GLM47_TUI_HOME"] = str(home / ".config" / "glm47-tui")
    with Cluster(home / "demo", pace=0.6) as nodes:
        profile = home / "demo.toml"
        profile.write_text(nodes.profile_text().replace(str(home), "~"), encoding="utf-8")
        app = WizardApp(Session(str(profile)), lang=lang)
        async with app.run_test(size=size) as pilot:
            await Walk(pilot, lang, wanted).all()
        if app.faults:
            raise SystemExit(f"the wizard survived faults: {app.faults}")


def main() -> None:
    """Record what is asked for."""
    os.environ["TEXTUAL_ANIMATIONS"] = "none"
    wanted = set(sys.argv[1:]) or {*STEPS, "deployed"}
    OUT.mkdir(parents=True, exist_ok=True)
    for lang in QUESTIONS:
        for size in SIZES:
            with tempfile.TemporaryDirectory() as folder:
                os.environ["HOME"] = folder
                asyncio.run(record(Path(folder), lang, size, wanted))
            sys.stderr.write(f"recorded: {lang} {size[0]}x{size[1]}\n")


if __name__ == "__main__":
    main()
