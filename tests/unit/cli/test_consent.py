"""Answers at the terminal: what its end (Ctrl-D) means."""

from __future__ import annotations

import io

import pytest

from glm47_tui.cli.consent import TerminalConsent
from glm47_tui.cli.secrets import TerminalAsk
from glm47_tui.deploy import Question
from glm47_tui.i18n import Msg
from glm47_tui.remote.api import HostKey

QUESTION = Question(
    id="model.download", node=0, text=Msg.of("deploy.question.model", node="node0", repo="a/b",
                                              path="/m"),
    options=("download", "stop"), default="download",
)  # fmt: skip


@pytest.mark.parametrize(
    ("typed", "answer"),
    [("\n", "download"), ("2\n", "stop"), ("7\nx\n1\n", "download"), ("", None)],
    ids=["default", "second", "nonsense first", "end"],
)
def test_a_question_is_answered_by_its_number(
    typed: str, answer: str | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sys.stdin", io.StringIO(typed))
    assert TerminalConsent().agree(QUESTION) == answer


@pytest.mark.parametrize(
    ("typed", "answer"), [("yes\n", "save"), ("once\n", "once"), ("\n", "refuse"), ("", "refuse")]
)
def test_a_host_key_is_trusted_only_on_a_clear_word(
    typed: str, answer: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sys.stdin", io.StringIO(typed))
    key = HostKey("node0", "10.77.0.10", 22, "ssh-ed25519", "SHA256:abc")
    assert TerminalAsk({}, interactive=True).host_key(key) == answer


def test_nobody_there_trusts_no_host_key() -> None:
    key = HostKey("node0", "10.77.0.10", 22, "ssh-ed25519", "SHA256:abc")
    assert TerminalAsk({}, interactive=False).host_key(key) == "refuse"
