"""A pane that draws only the lines it shows: any number of them, at no cost."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

from rich.segment import Segment
from rich.style import Style
from textual.geometry import Size
from textual.scroll_view import ScrollView
from textual.strip import Strip

Part = tuple[str, str]
"""(text, component class without its ``line--``; "" for plain)"""


class LineView(ScrollView, can_focus=True):
    """Subclasses give ``count()`` and ``parts(y)``, and call ``changed()`` when there is more."""

    STYLES: ClassVar[tuple[str, ...]] = (
        "quiet", "bad", "warn", "good", "info", "head", "here", "found", "accent",
    )  # fmt: skip
    COMPONENT_CLASSES: ClassVar[set[str]] = {f"line--{name}" for name in STYLES}
    DEFAULT_CSS = """
    LineView {
        background: $surface;
        scrollbar-size-vertical: 1;
        scrollbar-size-horizontal: 1;
        overflow-x: hidden;
        .line--quiet { color: $quiet; }
        .line--bad { color: $text-error; text-style: bold; }
        .line--warn { color: $text-warning; }
        .line--good { color: $text-success; }
        .line--info { color: $text-accent; }
        .line--accent { color: $text-primary; }
        .line--head { color: $quiet; background: $panel; }
        .line--here { background: $block-cursor-blurred-background; }
        .line--found { background: $warning; color: $background; }
        &:focus .line--here { background: $block-cursor-background; }
    }
    """

    def __init__(self, *, id: str | None = None) -> None:
        super().__init__(id=id)
        self.selected: int | None = None
        self._styles: dict[str, Style] = {}
        self._styles_of = ""

    def count(self) -> int:
        """How many lines there are."""
        raise NotImplementedError

    def parts(self, y: int) -> Sequence[Part]:
        """What line ``y`` consists of."""
        raise NotImplementedError

    def changed(self) -> None:
        """Draw again; follows the number of lines."""
        size = Size(self.scrollable_content_region.width, self.count())
        if size != self.virtual_size:
            self.virtual_size = size
        self.refresh()

    def notify_style_update(self) -> None:
        """Forget the styles of the former theme."""
        super().notify_style_update()
        self._styles.clear()

    def style_of(self, name: str) -> Style:
        """Return the style of a part."""
        style = self._styles.get(name)
        if style is None:
            base = self.rich_style
            style = base
            if name:
                style = base + self.get_component_rich_style(f"line--{name}", partial=True)
            self._styles[name] = style
        return style

    def render_line(self, y: int) -> Strip:
        """Draw one line of the pane."""
        width = self.scrollable_content_region.width
        index = y + self.scroll_offset.y
        if index >= self.count() or width <= 0:
            return Strip.blank(width, self.style_of(""))
        here = index == self.selected
        segments = []
        for text, name in self.parts(index):
            style = self.style_of(name)
            if here:
                style = style + Style(bgcolor=self.style_of("here").bgcolor)
            segments.append(Segment(text, style))
        end = self.style_of("here" if here else "")
        return Strip(segments).adjust_cell_length(width, end)
