"""One lab for all tests of this folder: brought up at the first that asks, taken down at the end.

GLM47_LAB_KEEP=1 leaves it running (``python -m tests.lab --name test ...`` reaches it),
GLM47_LAB_NAME gives it another name than "test" (a lab of its own beside another run).
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.lab.kit import faults, prepare
from tests.lab.kit.lab import Lab, profile_text
from tests.lab.kit.layout import NODES, Layout
from tests.lab.kit.tool import Tool

HERE = Path(__file__).parent
ORDER = ("test_lab", "test_stand_ins", "test_check", "test_detection", "test_listeners",
         "test_fixes", "test_login", "test_patches",
         "test_container", "test_deploy", "test_wizard", "test_running",
         "test_trouble")  # fmt: skip
"""Cheap tests first; those that start engines last. What needs a running service comes after what
leaves one; what needs nodes that hold nothing of ours clears them first."""


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark everything here as a lab test, in an order that finds cheap faults first."""
    mine = [item for item in items if item.path.is_relative_to(HERE)]
    for item in mine:
        item.add_marker(pytest.mark.lab)
        if item.get_closest_marker("timeout") is None:
            item.add_marker(pytest.mark.timeout(900))
    rank = {name: i for i, name in enumerate(ORDER)}
    mine.sort(key=lambda item: rank.get(item.path.stem, len(ORDER)))
    places = [i for i, item in enumerate(items) if item.path.is_relative_to(HERE)]
    for place, item in zip(places, mine, strict=True):
        items[place] = item


@pytest.fixture(scope="session")
def prepared() -> None:
    """Everything fetched and built; the tests are skipped where that is not possible."""
    if reason := prepare.why_not():
        pytest.skip(reason)
    prepare.prepare()


@pytest.fixture(scope="session")
def lab(prepared: None) -> Iterator[Lab]:
    """The running lab; a second run of the tests waits for the first."""
    it = Lab(Layout(os.environ.get("GLM47_LAB_NAME", "test")))
    with prepare.locked(f"tests-{it.layout.name}"):
        it.up()
        yield it
        if os.environ.get("GLM47_LAB_KEEP") != "1":
            left = it.down()
            assert not left and not it.leftovers()


@pytest.fixture
def healthy(lab: Lab) -> Iterator[Lab]:
    """The lab with no fault in it, before and after."""
    for node in NODES:
        faults.change(lab, node.name, ["clear"])
    yield lab
    for node in NODES:
        faults.change(lab, node.name, ["clear"])


@pytest.fixture
def tool(healthy: Lab) -> Tool:
    """The product on the desk."""
    return Tool(healthy)


ProfileMaker = Callable[..., Path]


@pytest.fixture
def profile(healthy: Lab, tmp_path: Path) -> ProfileMaker:
    """Write a profile for the lab: ``profile("ssh.user=ops", ...)`` changes its keys.

    A change is ``table.key=value`` (TOML), ``nodes.N.key=value`` for one node, or ``table.key=`` to
    leave a key out.
    """

    def make(*changes: str) -> Path:
        text = profile_text(healthy.layout)
        for change in changes:
            text = _change(text, *change.split("=", 1))
        path = tmp_path / f"profile-{abs(hash(changes)) % 10000}.toml"
        path.write_text(text)
        return path

    return make


def _change(text: str, key: str, value: str) -> str:
    table, _, name = key.rpartition(".")
    parts = re.split(r"(?m)^(?=\[)", text)
    node = -1
    for i, part in enumerate(parts):
        head = part.splitlines()[0]
        node += head == "[[nodes]]"
        if head == f"[{table}]" or (head == "[[nodes]]" and table == f"nodes.{node}"):
            kept = [line for line in part.splitlines() if not re.match(rf"{name}\s*=", line)]
            if value:
                kept.insert(1, f"{name} = {value}")
            parts[i] = "\n".join(kept) + "\n"
            return "".join(parts)
    return f"{text}[{table}]\n{name} = {value}\n" if value else text
