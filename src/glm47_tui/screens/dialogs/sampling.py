"""Sampling parameters of the answers to come."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from glm47_tui.i18n import Msg
from glm47_tui.screens.dialogs.form import Form
from glm47_tui.widgets.field import FieldRow

if TYPE_CHECKING:
    from glm47_tui.session.talk import TalkRoom

_YES_NO: tuple[tuple[Any, Msg | str], ...] = ((True, "widgets.key.yes"), (False, "widgets.key.no"))
_NUMBERS: dict[str, tuple[type, float, float]] = {
    "temperature": (float, 0.0, 2.0),
    "top_p": (float, 0.0, 1.0),
    "max_tokens": (int, 1, 1_000_000),
    "repetition_penalty": (float, 0.5, 2.0),
    "seed": (int, 0, 2**31),
}
"""Kind and bounds (vLLM's own for the first two; empty leaves a value to the server)."""


def sampling_form(room: TalkRoom) -> Form:
    """Make the form."""
    options = room.options
    rows = [
        FieldRow("thinking", "screens.chat.field.thinking", options.thinking, choices=_YES_NO),
        FieldRow("tools", "screens.chat.field.tools", room.tools_on, choices=_YES_NO),
    ]
    for name in _NUMBERS:
        value = getattr(options, name)
        text = "" if value is None else f"{value:g}"
        rows.append(FieldRow(name, f"screens.chat.field.{name}", text))

    def edited(name: str, value: Any) -> Msg | None:
        from glm47_tui.session.talk import EXAMPLE_TOOLS

        if name == "thinking":
            room.set_options(thinking=bool(value))
        elif name == "tools":
            room.set_options(tools=EXAMPLE_TOOLS if value else ())
        else:
            number, wrong = _number(name, str(value))
            if wrong is not None:
                return wrong
            room.set_options(**{name: number})
        return None

    return Form("screens.chat.sampling", rows, edited, "screens.chat.sampling_text")


def _number(name: str, text: str) -> tuple[float | int | None, Msg | None]:
    kind, least, most = _NUMBERS[name]
    if not text.strip():
        return None, None
    try:
        number = kind(text)
    except ValueError:
        number = None
    if number is None or not least <= number <= most:
        return None, Msg.of("screens.chat.bad_number", least=f"{least:g}", most=f"{most:g}")
    return number, None
