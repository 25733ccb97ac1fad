"""A group of fields that opens and closes; its fields are made when it is first opened."""

from __future__ import annotations

from collections.abc import Sequence

from textual.widget import Widget
from textual.widgets import Collapsible

from glm47_tui.i18n import Msg
from glm47_tui.widgets.glyphs import glyph
from glm47_tui.widgets.say import words


class Fold(Collapsible):
    """A group by name; its title is a message."""

    def __init__(self, group: str, title: str) -> None:
        super().__init__(
            title=words(title), collapsed_symbol="+", expanded_symbol="-", id=f"fold-{group}"
        )
        self.group = group
        self.filled = False
        self._msg = title
        self._wrong = 0

    async def fill(self, rows: Sequence[Widget]) -> None:
        """Put the fields in."""
        self.filled = True
        await self.query_one(Collapsible.Contents).mount_all(rows)

    def wrong(self, count: int) -> None:
        """Say in the title how many fields inside are wrong."""
        self._wrong = count
        self.relabel()

    def relabel(self) -> None:
        """Say it in the current language."""
        title = words(self._msg)
        if self._wrong:
            wrong = Msg.of("widgets.fold.wrong", mark=glyph("bad"), count=self._wrong)
            title = f"{title}  {words(wrong)}"
        self.title = title
