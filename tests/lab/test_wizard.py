"""The wizard once end to end, by keys alone, in a terminal, against real hosts and a real vLLM.

It leaves the service running: test_running.py, which comes next, joins it."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.lab.conftest import ProfileMaker
from tests.lab.kit import node as look
from tests.lab.kit.lab import Lab
from tests.lab.kit.layout import NODES
from tests.lab.kit.terminal import Terminal
from tests.lab.kit.tool import Tool


@pytest.fixture
def wizard(lab: Lab, tool: Tool, profile: ProfileMaker, own_home: Path) -> Iterator[Terminal]:
    """The app on the desk, with the lab's profile."""
    lab.clear()
    own_home.mkdir(parents=True, exist_ok=True)
    env = tool.environment(TERM="xterm-256color", LANG="C.UTF-8", GLM47_TUI_HOME=str(own_home))
    words = [*lab.desk(), sys.executable, "-m", "glm47_tui", "--lang", "en", "wizard"]
    terminal = Terminal("wizard", [*words, str(profile())], env)
    yield terminal
    terminal.close()


def test_from_the_first_screen_to_a_chat_and_back(wizard: Terminal, lab: Lab) -> None:
    wizard.sees("What to deploy")
    wizard.keys("C-n")
    wizard.sees("10.77.0.11")
    wizard.keys("d")
    wizard.sees("reach each other both ways")
    wizard.keys("C-n")
    wizard.sees("in order")
    wizard.keys("C-n")
    wizard.sees("glm_47_infer_node0.sh")
    wizard.keys("C-n")
    wizard.sees("Press d to deploy")
    assert look.engines(lab, "node0") == [], "nothing runs before Deploy is pressed"
    wizard.keys("d")
    wizard.sees("Deploy lab-pair?")
    wizard.keys("Enter")
    wizard.sees("is serving at", limit=360)
    wizard.keys("C-n")
    wizard.sees("NPUs and logs of all nodes")
    wizard.sees("rank 1 node1")
    wizard.keys("C-n")
    wizard.sees("Ask something and press Enter")
    wizard.type("1 加 1 等于几?只回答数字。")
    wizard.keys("Enter")
    wizard.sees("tokens/s")
    assert "Thinking" in wizard.screen
    assert "形式" not in wizard.screen, "the model knows this answer by heart: 2"
    for node in NODES:
        assert look.engines(lab, node.name)
