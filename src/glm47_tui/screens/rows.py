"""From a draft's fields to rows of a form."""

from __future__ import annotations

from typing import Any

from glm47_tui.i18n import Msg
from glm47_tui.i18n.catalog import catalog
from glm47_tui.session.draft import Draft
from glm47_tui.session.fields import Field, default_of, to_text, to_value
from glm47_tui.widgets.field import FieldRow

YES_NO = (True, False)


def row_of(draft: Draft, field: Field, *, label: str | None = None) -> FieldRow:
    """Make the row of a field, holding what the draft says or the default."""
    value = draft.get(field.path)
    shown = default_of(field.path) if value is None else value
    named = Msg(f"screens.field.{label or field.key}")
    if field.kind in ("choice", "bool"):
        choices = YES_NO if field.kind == "bool" else field.choices
        pairs = tuple((choice, choice_name(choice)) for choice in choices)
        return FieldRow(field.key, named, shown, choices=pairs)
    return FieldRow(field.key, named, to_text(field, shown))


def choice_name(value: Any) -> Msg | str:
    """Name a choice: by its message where there is one, else by itself."""
    word = "chinese" if value == "zh_CN" else str(value).lower()
    id_ = f"screens.choice.{word}"
    return Msg(id_) if id_ in catalog("en", "screens") else str(value)


def put(draft: Draft, field: Field, given: Any) -> bool:
    """Write what a row holds into the draft; a default is written as "unset"."""
    value = to_value(field, given) if isinstance(given, str) else given
    if value == default_of(field.path) and type(value) is type(default_of(field.path)):
        value = None
    return draft.set(field.path, value)
