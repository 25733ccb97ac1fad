"""A scroll bar drawn with spaces alone: the usual eighth blocks are of ambiguous width."""

from __future__ import annotations

from textual.scrollbar import ScrollBar, ScrollBarRender


class PlainScrollBar(ScrollBarRender):
    """Whole cells only."""

    VERTICAL_BARS = [" "] * 8
    HORIZONTAL_BARS = [" "] * 8


def install() -> None:
    """Draw all scroll bars of the app this way."""
    ScrollBar.renderer = PlainScrollBar
