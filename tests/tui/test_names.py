"""No attribute of ours hides one of Textual's by accident (``_closed`` once hung the app)."""

from __future__ import annotations

import ast
import importlib
import inspect
import pkgutil
import textwrap
from collections.abc import Iterator
from functools import cache

import pytest
from textual.message_pump import MessagePump

import glm47_tui.screens
import glm47_tui.widgets

ON_PURPOSE = {
    "LogPane": {"_update_size", "_render_line_strip", "_process_line"},
    "QuietApp": {"_fatal_error"},
    "Prompt": {"_on_key"},
    "Line": {"_on_key"},
}


def _classes() -> Iterator[type]:
    names = ["glm47_tui.app"]
    for package in (glm47_tui.screens, glm47_tui.widgets):
        names += [m.name for m in pkgutil.walk_packages(package.__path__, package.__name__ + ".")]
    for name in names:
        module = importlib.import_module(name)
        for _, found in inspect.getmembers(module, inspect.isclass):
            if found.__module__ == name and issubclass(found, MessagePump):
                yield found


@cache
def _stored(cls: type) -> frozenset[str]:
    """Private names that the class body or ``self.name = ...`` in it defines."""
    tree = ast.parse(textwrap.dedent(inspect.getsource(cls)))
    names = set(vars(cls))
    for node in ast.walk(tree):
        if (
            isinstance(node, ast.Attribute)
            and isinstance(node.ctx, ast.Store)
            and isinstance(node.value, ast.Name)
            and node.value.id == "self"
        ):
            names.add(node.attr)
    return frozenset(n for n in names if n.startswith("_") and not n.startswith("__"))


def _textual(cls: type) -> set[str]:
    bases = [b for b in cls.__mro__ if b.__module__.startswith("textual")]
    return set().union(*(_stored(base) for base in bases))


GENERATED = {
    "_css_type_name", "_css_type_names", "_decorated_handlers", "_merged_bindings", "_reactives",
    "_inherit_bindings", "_inherit_css", "_inherit_component_classes", "_computes",
    "_bubble", "_stylesheet",
}  # fmt: skip


@pytest.mark.parametrize("cls", sorted(set(_classes()), key=lambda c: c.__qualname__))
def test_no_private_name_of_textual_is_hidden(cls: type) -> None:
    """Public names are checked by the type checker; private ones only here."""
    hidden = (_stored(cls) & _textual(cls)) - GENERATED - ON_PURPOSE.get(cls.__name__, set())
    assert not hidden
