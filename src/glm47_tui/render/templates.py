"""The templates of ``assets/scripts``: strict (a missing value is an error), nothing escaped.

Values that stand in shell code go through the filter ``sh`` unless the profile's own alphabet
already makes them safe between double quotes (addresses, NIC names, paths).
"""

from __future__ import annotations

import shlex
from functools import cache
from typing import Any

import jinja2

from glm47_tui import assets


@cache
def _environment() -> jinja2.Environment:
    env = jinja2.Environment(
        loader=jinja2.FileSystemLoader(str(assets.path("scripts"))),
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
        autoescape=False,  # noqa: S701 - shell and Python, not HTML
    )
    env.filters["sh"] = lambda value: shlex.quote(str(value))
    return env


def fill(name: str, values: dict[str, Any]) -> str:
    """Return a template's text with the values in place; jinja2.UndefinedError if one is absent."""
    return _environment().get_template(name).render(values)
