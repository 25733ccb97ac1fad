"""``python -m glm47_tui`` is the command."""

from __future__ import annotations

from glm47_tui.cli import main

if __name__ == "__main__":
    main()
