"""A bug of ours: a line and a private file, on whichever thread; never a value, never a stack."""

from __future__ import annotations

import tempfile
import threading
from pathlib import Path

import pytest

from glm47_tui.cli import run


def test_a_thread_that_ends_by_a_bug_prints_no_traceback(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    monkeypatch.setattr(threading, "excepthook", run._thread_ended)

    token = "of-" + "somebody"

    def work() -> None:
        raise ValueError(token)

    thread = threading.Thread(target=work)
    thread.start()
    thread.join()
    said = capsys.readouterr().err
    assert "ValueError" in said
    assert "Traceback" not in said
    (file,) = tmp_path.iterdir()
    assert str(file) in said
    assert "in work" in file.read_text()
    assert token not in said + file.read_text()
