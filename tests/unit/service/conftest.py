"""A small HTTP server that speaks as vLLM 0.13.0 does, told by each test what to say."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest

from glm47_tui.service import Service

Answerer = Callable[["Request"], None]


class Request:
    """One request: its path and body, and ways to answer it."""

    def __init__(self, handler: BaseHTTPRequestHandler, body: dict[str, Any] | None) -> None:
        self.handler = handler
        self.path = handler.path
        self.headers = handler.headers
        self.body = body or {}

    def json(self, data: object, status: int = 200) -> None:
        """Answer with JSON."""
        self.raw(json.dumps(data).encode(), status, "application/json")

    def raw(self, data: bytes, status: int = 200, kind: str = "text/plain") -> None:
        """Answer with bytes."""
        self.handler.send_response(status)
        self.handler.send_header("Content-Type", kind)
        self.handler.send_header("Content-Length", str(len(data)))
        self.handler.end_headers()
        self.handler.wfile.write(data)

    def begin_stream(self) -> None:
        """Begin server-sent events; the connection's end is the stream's end."""
        self.handler.send_response(200)
        self.handler.send_header("Content-Type", "text/event-stream; charset=utf-8")
        self.handler.end_headers()

    def event(self, data: object) -> None:
        """Send one event."""
        text = data if isinstance(data, str) else json.dumps(data)
        self.handler.wfile.write(f"data: {text}\n\n".encode())
        self.handler.wfile.flush()

    def delta(self, finish: str | None = None, **delta: object) -> None:
        """Send one chunk of a chat."""
        choice = {"index": 0, "delta": delta, "finish_reason": finish}
        self.event({"id": "c", "object": "chat.completion.chunk", "choices": [choice]})

    def usage(self, prompt: int, completion: int) -> None:
        """Send the last chunk, with the tokens."""
        usage = {"prompt_tokens": prompt, "completion_tokens": completion,
                 "total_tokens": prompt + completion}  # fmt: skip
        self.event({"id": "c", "object": "chat.completion.chunk", "choices": [], "usage": usage})

    def gone(self, seconds: float) -> bool:
        """Wait until the other side has hung up; whether it did."""
        self.handler.connection.settimeout(seconds)
        try:
            return self.handler.connection.recv(1) == b""
        except TimeoutError:
            return False
        except OSError:
            return True


class Api:
    """The server. ``on`` maps a path to what answers it."""

    def __init__(self) -> None:
        self.on: dict[str, Answerer] = {}
        self.seen: list[Request] = []
        api = self

        class Handler(BaseHTTPRequestHandler):
            def log_message(self, *args: object) -> None:
                """Say nothing."""

            def do_GET(self) -> None:
                api.answer(Request(self, None))

            def do_POST(self) -> None:
                size = int(self.headers.get("Content-Length", "0"))
                api.answer(Request(self, json.loads(self.rfile.read(size))))

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self.server.server_port}"
        threading.Thread(target=self.server.serve_forever, args=(0.02,), daemon=True).start()

    def answer(self, request: Request) -> None:
        """Find who answers."""
        self.seen.append(request)
        self.on.get(request.path.partition("?")[0], lambda r: r.json({"detail": "Not Found"}, 404))(
            request
        )

    def close(self) -> None:
        """Stop."""
        self.server.shutdown()
        self.server.server_close()


@pytest.fixture
def api() -> Iterator[Api]:
    made = Api()
    yield made
    made.close()


@pytest.fixture
def service(api: Api) -> Iterator[Service]:
    made = Service(api.url, "glm47", where="node0:8080")
    yield made
    made.close()
