"""What the wizard knows and does, without a widget: a draft, nodes, findings, a run, a service.

Screens are views of it. Everything long runs here on named daemon threads; what they find is put
into an inbox and taken in on the screen's own thread, ten times a second.
"""

from __future__ import annotations

from glm47_tui.session.session import Session

__all__ = ["Session"]
