"""What all tests share: a home of their own, English, no terminal of the machine's."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from glm47_tui.i18n import set_language


@pytest.fixture(autouse=True)
def own_home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """No test reads or writes the user's own profiles, keys or language."""
    home = tmp_path / "glm47-tui-home"
    monkeypatch.setenv("GLM47_TUI_HOME", str(home))
    for name in ("LC_ALL", "LC_MESSAGES", "LANG"):
        monkeypatch.setenv(name, "C.UTF-8")
    monkeypatch.setenv("TERM", "xterm-256color")
    for name in ("GLM47_TUI_PASSWORD", "GLM47_TUI_SUDO_PASSWORD", "GLM47_TUI_PASSPHRASE"):
        monkeypatch.delenv(name, raising=False)
    set_language("en")
    yield home
    set_language("en")
