"""The OpenAI protocol of node 0's API through a forwarded port. Every wait has a limit."""

from __future__ import annotations

import json
import socket
import ssl
import threading
import time
from collections.abc import Generator, Iterator, Mapping, Sequence
from contextlib import closing, contextmanager, suppress
from typing import TYPE_CHECKING, Any, Final

from glm47_tui.profile import Profile
from glm47_tui.remote.api import Connection, Forward
from glm47_tui.service.chat import Answer, ChatOptions, Delta, Stats, Usage
from glm47_tui.service.errors import (
    ServiceError,
    bad_answer,
    http_error,
    stream_error,
    transport_error,
)
from glm47_tui.service.metrics import EngineMetrics, parse_metrics
from glm47_tui.service.wire import delta_of, reasoning_of, request_body, tools_of, usage_of

if TYPE_CHECKING:
    import httpx

__all__ = ["Message", "Service", "ServiceError", "open_service"]

Message = Mapping[str, Any]
"""A message in OpenAI's form: ``role``, ``content``, and what a tool call adds."""

CONNECT_S: Final = 10.0
SILENCE_S: Final = 600.0
"""Longest pause within a stream. A long prompt on a busy engine may take minutes to its first
token."""
_CHAT: Final = "/v1/chat/completions"
PROBE_MARK: Final = "asked-by=glm47-tui-monitor"
"""Stands in the address of a question to a rank, and so in the access line of vLLM's own log: the
monitor knows its questions again there. vLLM reads no query of this address."""


class _Cutter:
    """Ends a request from another thread: a closed socket alone would not wake its reader."""

    def __init__(self, cancel: threading.Event | None) -> None:
        self._cancel = cancel
        self._socket: socket.socket | None = None
        self._done = threading.Event()
        if cancel is not None:
            threading.Thread(target=self._watch, name="service-cancel", daemon=True).start()

    def trace(self, name: str, info: Mapping[str, Any]) -> None:
        """See httpcore's trace extension: learns the socket when it is connected."""
        if name == "connection.connect_tcp.complete":
            self._socket = info["return_value"].get_extra_info("socket")

    @property
    def cancelled(self) -> bool:
        """Whether the user ended it."""
        return self._cancel is not None and self._cancel.is_set()

    def close(self) -> None:
        """Stop watching."""
        self._done.set()

    def _watch(self) -> None:
        while not self._done.wait(0.05):
            if self.cancelled and self._socket is not None:
                with suppress(OSError):
                    self._socket.shutdown(socket.SHUT_RDWR)
                return


class _Clock:
    """Times of one answer."""

    def __init__(self) -> None:
        self._begin = time.monotonic()
        self._first: float | None = None
        self._last = self._begin

    def piece(self) -> None:
        self._last = time.monotonic()
        if self._first is None:
            self._first = self._last

    def stats(self, usage: Usage | None) -> Stats:
        total = time.monotonic() - self._begin
        first = None if self._first is None else self._first - self._begin
        rate = None
        if usage is not None and self._first is not None and self._last > self._first:
            rate = max(usage.completion - 1, 0) / (self._last - self._first)
        if usage is None:
            return Stats(first, total, rate)
        return Stats(first, total, rate, usage.completion, usage.prompt)


class Service:
    """The running model. Thread-safe; ``close`` gives the forwarded port back."""

    def __init__(
        self, base_url: str, model: str, *, where: str = "", forward: Forward | None = None
    ) -> None:
        self.base_url = base_url.rstrip("/")
        self.model = model
        self._where = where or self.base_url
        self._forward = forward
        self._closed = False

    def chat(
        self,
        messages: Sequence[Message],
        options: ChatOptions | None = None,
        *,
        cancel: threading.Event | None = None,
        silence_s: float = SILENCE_S,
    ) -> Iterator[Delta]:
        """Stream an answer. Closing the iterator or setting ``cancel`` ends it on the server too.

        The last piece has ``finish``, ``usage`` and ``stats``. ``silence_s`` is the longest pause
        allowed. Raises ServiceError: refused, an HTTP error with the server's words, a cut stream.
        """
        body = request_body(self.model, messages, options or ChatOptions(), stream=True)
        clock = _Clock()
        finish: str | None = None
        usage: Usage | None = None
        cutter = _Cutter(cancel)
        try:
            with closing(self._events(body, cutter, silence_s)) as events:
                for data in events:
                    delta = delta_of(data)
                    finish = delta.finish or finish
                    usage = delta.usage or usage
                    if delta.content or delta.reasoning or delta.tools:
                        clock.piece()
                        yield Delta(delta.content, delta.reasoning, delta.tools)
                    if cutter.cancelled:
                        break
        except ServiceError:
            if not cutter.cancelled:
                raise
        finally:
            cutter.close()
        if cutter.cancelled:
            finish = "cancelled"
        yield Delta(finish=finish, usage=usage, stats=clock.stats(usage))

    def complete(
        self,
        messages: Sequence[Message],
        options: ChatOptions | None = None,
        *,
        timeout: float = 300.0,
        cancel: threading.Event | None = None,
    ) -> Answer:
        """Return a whole answer at once; ``timeout`` in seconds. Raises ServiceError."""
        body = request_body(self.model, messages, options or ChatOptions(), stream=False)
        return self.post(body, timeout=timeout, cancel=cancel)

    def post(
        self, body: Mapping[str, Any], *, timeout: float, cancel: threading.Event | None = None
    ) -> Answer:
        """Send a ready body for a whole answer (the guide's own request, for one)."""
        clock = _Clock()
        cutter = _Cutter(cancel)
        try:
            data = self._json("POST", _CHAT, timeout=timeout, body=body, cutter=cutter)
        finally:
            cutter.close()
        try:
            choice = data["choices"][0]
            message = choice["message"]
        except (KeyError, IndexError, TypeError):
            raise bad_answer(_CHAT, json.dumps(data, ensure_ascii=False)) from None
        usage = usage_of(data)
        return Answer(
            content=message.get("content") or "",
            reasoning=reasoning_of(message),
            tools=tools_of(message),
            finish=choice.get("finish_reason"),
            usage=usage,
            stats=clock.stats(usage),
            model=str(data.get("model", "")),
        )

    def probe_rank(self, rank: int, *, timeout: float) -> None:
        """Ask one data-parallel rank for one token. Raises ServiceError when it gives none.

        vLLM 0.13.0 takes the rank from a header (``entrypoints/openai/serving_engine.py``).
        """
        options = ChatOptions(thinking=False, max_tokens=1, temperature=0.0, top_p=None)
        body = request_body(self.model, [{"role": "user", "content": "1"}], options, stream=False)
        headers = {"X-data-parallel-rank": str(rank)}
        path = f"{_CHAT}?{PROBE_MARK}"
        data = self._json("POST", path, timeout=timeout, body=body, headers=headers)
        if not data.get("choices"):
            raise bad_answer(_CHAT, json.dumps(data, ensure_ascii=False))

    def models(self, *, timeout: float = 10.0) -> tuple[str, ...]:
        """Names of the models that are served. Raises ServiceError."""
        data = self._json("GET", "/v1/models", timeout=timeout)
        try:
            return tuple(str(item["id"]) for item in data["data"])
        except (KeyError, TypeError):
            raise bad_answer("/v1/models", json.dumps(data, ensure_ascii=False)) from None

    def health(self, *, timeout: float = 5.0) -> bool:
        """Whether /health says 200. It does so too while an engine is dead: no proof."""
        try:
            self._bytes("GET", "/health", timeout=timeout)
        except ServiceError:
            return False
        return True

    def metrics(self, *, timeout: float = 10.0) -> EngineMetrics:
        """Read /metrics. Raises ServiceError."""
        return parse_metrics(self.metrics_text(timeout=timeout))

    def metrics_text(self, *, timeout: float = 10.0) -> str:
        """Read /metrics as it is. Raises ServiceError."""
        return self._bytes("GET", "/metrics", timeout=timeout).decode("utf-8", "replace")

    def close(self) -> None:
        """Close; safe to call twice."""
        if not self._closed and self._forward is not None:
            self._forward.close()
        self._closed = True

    def _events(
        self, body: Mapping[str, Any], cutter: _Cutter, silence_s: float
    ) -> Generator[dict[str, Any], None, None]:
        from httpx_sse import SSEError, connect_sse

        ended = begun = False
        with (
            self._client(silence_s) as client,
            _in_words(self._where, silence_s, lambda: begun),
            connect_sse(
                client, "POST", self.base_url + _CHAT, json=body, extensions={"trace": cutter.trace}
            ) as source,
        ):
            if source.response.status_code != 200:
                raise http_error(source.response.status_code, source.response.read())
            begun = True
            try:
                for event in source.iter_sse():
                    if event.data == "[DONE]":
                        ended = True
                        break
                    yield self._chunk(event.data)
            except SSEError as error:
                raise bad_answer(_CHAT, str(error)) from None
        if not ended and not cutter.cancelled:
            raise _cut(self._where)

    def _chunk(self, text: str) -> dict[str, Any]:
        try:
            data = json.loads(text)
        except ValueError:
            raise bad_answer(_CHAT, text) from None
        if not isinstance(data, dict):
            raise bad_answer(_CHAT, text)
        if data.get("error"):
            raise stream_error(data)
        return data

    def _json(
        self,
        method: str,
        path: str,
        *,
        timeout: float,
        body: Mapping[str, Any] | None = None,
        cutter: _Cutter | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> dict[str, Any]:
        raw = self._bytes(method, path, timeout=timeout, body=body, cutter=cutter, headers=headers)
        try:
            data = json.loads(raw)
        except ValueError:
            raise bad_answer(path, raw[:200].decode("utf-8", "replace")) from None
        if not isinstance(data, dict):
            raise bad_answer(path, raw[:200].decode("utf-8", "replace"))
        return data

    def _bytes(
        self,
        method: str,
        path: str,
        *,
        timeout: float,
        body: Mapping[str, Any] | None = None,
        cutter: _Cutter | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> bytes:
        extensions = {"trace": cutter.trace} if cutter is not None else {}
        with self._client(timeout) as client, _in_words(self._where, timeout, lambda: False):
            answer = client.request(
                method, self.base_url + path, json=body, headers=headers, extensions=extensions
            )
        if answer.status_code // 100 != 2:
            raise http_error(answer.status_code, answer.content)
        return answer.content

    def _client(self, timeout: float) -> httpx.Client:
        # A client a request: the trace must see the socket, and a kept connection may have been
        # closed by the server meanwhile. trust_env: a proxy must never see this. The empty TLS
        # context (plain HTTP needs none) saves reading the CA bundle each time.
        import httpx

        limits = httpx.Timeout(timeout, connect=min(CONNECT_S, timeout))
        no_tls = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        return httpx.Client(timeout=limits, trust_env=False, verify=no_tls)


@contextmanager
def _in_words(where: str, limit_s: float, begun: Any) -> Iterator[None]:
    import httpx

    try:
        yield
    except httpx.TransportError as error:
        raise transport_error(error, begun=begun(), limit_s=limit_s, where=where) from None
    except httpx.DecodingError as error:
        raise bad_answer(where, str(error)) from None


def _cut(where: str) -> ServiceError:
    import httpx

    return transport_error(httpx.ReadError("ended early"), begun=True, limit_s=0, where=where)


def open_service(connection: Connection, profile: Profile) -> Service:
    """Open a local port to node 0's API. ``connection`` is node 0's; it stays the caller's."""
    host = profile.launch.host
    if host in ("0.0.0.0", "::"):  # noqa: S104 - the address the engine listens on
        host = "127.0.0.1"
    forward = connection.forward(profile.launch.port, host)
    where = f"{connection.name}:{profile.launch.port}"
    url = f"http://127.0.0.1:{forward.port}"
    return Service(url, profile.model.served_name, where=where, forward=forward)
