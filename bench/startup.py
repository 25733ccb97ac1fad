"""How long until there is help, and until the app paints."""

from __future__ import annotations

import tempfile
from pathlib import Path

from bench.common import Row, in_turn, paint_seconds, python, seconds

HELLO = """
from textual.app import App, ComposeResult
from textual.widgets import Static
class Hello(App):
    def compose(self) -> ComposeResult:
        yield Static("Hello, world")
Hello().run()
"""


def rows() -> list[Row]:
    """Help, version, first paint."""
    return [_verb("--version"), _verb("--help"), _paint()]


def _verb(flag: str) -> Row:
    base = python("-c", "import argparse")
    ours = python("-m", "glm47_tui", flag)
    took, other = in_turn(lambda: seconds(ours), lambda: seconds(base))
    bound = 2 * other + 0.060
    return Row(
        f"`glm47-tui {flag}`", f"{took * 1000:.0f} ms", f"< {bound * 1000:.0f} ms", took < bound,
        f"2 x {other * 1000:.0f} ms (import argparse) + 60 ms",
    )  # fmt: skip


def _paint() -> Row:
    with tempfile.TemporaryDirectory() as folder:
        hello = Path(folder) / "hello.py"
        hello.write_text(HELLO)
        took, other = in_turn(
            lambda: paint_seconds(python("-m", "glm47_tui", "--lang", "en"), b"Profile"),
            lambda: paint_seconds(python(str(hello)), b"Hello"),
            runs=7,
        )
    ratio = took / other
    return Row(
        "first paint of the app", f"{ratio:.2f} x", "< 1.40 x", ratio < 1.4,
        f"{took * 1000:.0f} ms against {other * 1000:.0f} ms of a hello-world Textual app",
    )  # fmt: skip
