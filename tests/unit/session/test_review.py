"""What Review shows of a node's own files: nothing acts on the terminal, nothing vanishes."""

from __future__ import annotations

import pytest

from glm47_tui.profile import Profile
from glm47_tui.session import Session
from glm47_tui.session.review import ReviewRoom
from tests.unit.render.conftest import make_profile


@pytest.fixture
def room() -> ReviewRoom:
    profile: Profile = make_profile()
    return ReviewRoom(Session(None), profile)


def diff(room: ReviewRoom, change: tuple[str, str]) -> list[str]:
    """Lines that differ between a file as a node has it and ours."""
    entry = next(e for e in room.entries(0) if e.lands)
    assert change[0] in entry.text
    room.texts[0, entry.path] = entry.text.replace(*change, 1)
    shown = room.node_diff(entry, 0)
    assert shown is not None
    return [x for x in shown.split("\n")[2:] if x.startswith(("+", "-"))]


@pytest.mark.parametrize(
    ("put", "shown"),
    [
        ("\x1b[2J\x1b[1;31m", r"\x1b[2J\x1b[1;31m"),
        ("\x1b]0;owned\x07", r"\x1b]0;owned\x07"),
        ("\x1b]52;c;cm0gLXJmIC8=\x1b\\", r"\x1b]52;c;cm0gLXJmIC8=\x1b"),
        ("\x9b31m", r"\x9b31m"),
        ("\r", r"\r"),
        ("\x0b\x0c\x85", r"\x0b\x0c\x85"),
        ("\u202e\u2066", r"\u202e\u2066"),
        ("\u200b", r"\u200b"),
    ],
)
def test_what_a_terminal_would_act_on_is_written_out(
    room: ReviewRoom, put: str, shown: str
) -> None:
    removed, added = diff(room, ("source ", f"{put}source "))
    assert removed.startswith(f"-{shown}")
    assert added.startswith("+source ")
    assert removed.isprintable()


def test_a_missing_last_newline_is_a_difference(room: ReviewRoom) -> None:
    entry = next(e for e in room.entries(0) if e.lands)
    room.texts[0, entry.path] = entry.text.rstrip("\n")
    shown = room.node_diff(entry, 0)
    assert shown is not None and "-\\ No newline at end of file" in shown.split("\n")
