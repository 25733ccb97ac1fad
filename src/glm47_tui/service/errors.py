"""What can go wrong between this side and the API, in words."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, Literal

from glm47_tui.errors import Exit, UserError
from glm47_tui.i18n import Msg

if TYPE_CHECKING:
    import httpx

ErrorKind = Literal["refused", "silent", "http", "cut", "bad"]
"""``refused``: nothing listens (or the tunnel is gone); ``silent``: the limit was reached;
``http``: an HTTP error; ``cut``: the answer broke off; ``bad``: not the protocol."""

_SHOWN = 400


class ServiceError(UserError):
    """The API did not answer, or not as it should. ``status`` is the HTTP status, 0 for none."""

    exit_code = Exit.VERIFY_FAILED

    def __init__(
        self, kind: ErrorKind, what: Msg, *, fix: Msg | None = None, status: int = 0, text: str = ""
    ) -> None:
        super().__init__(what, fix=fix)
        self.kind = kind
        self.status = status
        self.text = text
        """The server's own words."""


def server_words(body: bytes) -> str:
    """Return what an error body says: vLLM's ``error.message``, FastAPI's ``detail``, or itself."""
    text = body[:65536].decode("utf-8", "replace").strip()
    try:
        data: Any = json.loads(text)
    except ValueError:
        return text[:_SHOWN]
    if isinstance(data, dict):
        inner = data.get("error", data)
        if isinstance(inner, dict):
            inner = inner.get("message", inner.get("detail", inner))
        text = inner if isinstance(inner, str) else json.dumps(inner, ensure_ascii=False)
    return text[:_SHOWN]


def http_error(status: int, body: bytes) -> ServiceError:
    """Build the error for an answer that is not 2xx."""
    words = server_words(body)
    known = {400: "bad_request", 404: "not_found", 401: "unauthorized", 403: "unauthorized"}
    fix = known.get(status, "server_error" if status >= 500 else "client_error")
    return ServiceError(
        "http",
        Msg.of("service.error.http", status=status, words=words or "-"),
        fix=Msg.of(f"service.fix.{fix}"),
        status=status,
        text=words,
    )


def stream_error(data: dict[str, Any]) -> ServiceError:
    """Build the error that vLLM puts into a stream: ``data: {"error": {...}}``."""
    inner = data["error"] if isinstance(data["error"], dict) else {"message": data["error"]}
    code = inner.get("code", 0)
    words = str(inner.get("message", inner))[:_SHOWN]
    return ServiceError(
        "http",
        Msg.of("service.error.in_stream", words=words),
        fix=Msg.of("service.fix.server_error"),
        status=code if isinstance(code, int) else 0,
        text=words,
    )


def transport_error(
    error: httpx.TransportError, *, begun: bool, limit_s: float, where: str
) -> ServiceError:
    """Put a transport error into words. ``begun``: part of the answer had come."""
    import httpx

    if isinstance(error, httpx.TimeoutException):
        return ServiceError(
            "silent",
            Msg.of("service.error.silent", seconds=f"{limit_s:g}", where=where),
            fix=Msg.of("service.fix.silent"),
        )
    if begun:
        return ServiceError(
            "cut", Msg.of("service.error.cut", where=where), fix=Msg.of("service.fix.cut")
        )
    return ServiceError(
        "refused", Msg.of("service.error.refused", where=where), fix=Msg.of("service.fix.refused")
    )


def bad_answer(where: str, detail: str) -> ServiceError:
    """Build the error for an answer that is not what the protocol says."""
    return ServiceError(
        "bad",
        Msg.of("service.error.bad", where=where, detail=detail[:_SHOWN]),
        fix=Msg.of("service.fix.bad"),
    )
