"""The OpenAI server of the head node: HTTP, routing to ranks, generation at a readable pace."""

from __future__ import annotations

import contextlib
import itertools
import json
import os
import signal
import socket
import threading
import time
import uuid
from collections.abc import Iterator, Mapping
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from glm47_tui.demo.sim import kernel
from glm47_tui.demo.sim.site import Site, service_ip
from glm47_tui.demo.sim.vllm import metrics
from glm47_tui.demo.sim.vllm.chat import Chat
from glm47_tui.demo.sim.vllm.flags import Flags
from glm47_tui.demo.sim.vllm.link import Gone, Rank
from glm47_tui.demo.sim.vllm.log import Log
from glm47_tui.demo.sim.vllm.parsers import Parsers

TOKENS, STEP_S, FIRST_S = 2, 0.05, 0.25
"""Tokens of a step, seconds it takes, seconds before the first one, at pace 1."""
ROUTES = {
    "/health": "GET", "/version": "GET", "/v1/models": "GET", "/metrics": "GET",
    "/v1/chat/completions": "POST", "/ping": "GET",
}  # fmt: skip
_DEAD = "EngineCore encountered an issue. See stack trace (above) for the root cause."


class Refused(Exception):
    """A request that is answered with an error."""

    def __init__(self, code: int, kind: str, text: str) -> None:
        super().__init__(text)
        self.code = code
        self.kind = kind


class Api:
    """The state of the server."""

    def __init__(
        self, site: Site, flags: Flags, log: Log, parsers: Parsers, ranks: list[Rank]
    ) -> None:
        self.site = site
        self.flags = flags
        self.log = log
        self.parsers = parsers
        self.ranks = {rank.number: rank for rank in ranks}
        self.counters = {rank.number: metrics.RankCounters() for rank in ranks}
        self.longest = flags.number("max-model-len", 202752)
        self._turn = itertools.count()

    def run(self, sock: socket.socket) -> int:
        """Serve until told to end."""
        host, port = self.flags.text("host", "0.0.0.0"), sock.getsockname()[1]  # noqa: S104
        self.log.line("api_server.py:1099", "Supported tasks: ['generate']")
        self.log.line("api_server.py:1425", f"Starting vLLM API server 0 on http://{host}:{port}")
        self.log.line("launcher.py:38", "Available routes are:")
        for path, method in ROUTES.items():
            self.log.line("launcher.py:46", f"Route: {path}, Methods: {method}")
        sock.listen(256)
        kernel.listen(self.site, port)
        server = _Server(self, sock)
        signal.signal(signal.SIGTERM, lambda *_: self._shut_down())
        self.log.plain(f"INFO:     Started server process [{os.getpid()}]")
        self.log.plain("INFO:     Waiting for application startup.")
        self.log.plain("INFO:     Application startup complete.")
        for work in (self._report, self._end_with_engine):
            threading.Thread(target=work, daemon=True).start()
        server.serve_forever(poll_interval=0.1)
        return 0

    def _shut_down(self) -> None:
        self.log.plain("INFO:     Shutting down")
        self.log.plain("INFO:     Waiting for application shutdown.")
        self.log.plain("INFO:     Application shutdown complete.")
        os._exit(0)

    @property
    def dead(self) -> bool:
        """Whether a local engine has died: of remote ones the server does not know."""
        return any(rank.local and rank.dead.is_set() for rank in self.ranks.values())

    def _end_with_engine(self) -> None:
        while not self.dead:
            time.sleep(0.2)
        self.site.sleep(5)
        self._shut_down()

    def _report(self) -> None:
        """Say every ten seconds what each rank did, unless it was idle."""
        before = dict.fromkeys(self.ranks, (0, 0))
        while True:
            time.sleep(10)
            for number, rank in self.counters.items():
                now = (rank.prompt, rank.generated)
                prompt, made = (b - a for a, b in zip(before[number], now, strict=True))
                before[number] = now
                if made or rank.running:
                    self.log.line(
                        "loggers.py:236",
                        f"Engine {number:03d}: Avg prompt throughput: {prompt / 10:.1f} tokens/s, "
                        f"Avg generation throughput: {made / 10:.1f} tokens/s, "
                        f"Running: {rank.running} reqs, Waiting: 0 reqs, GPU KV cache usage: "
                        f"{100 * rank.kv / metrics.KV_TOKENS:.1f}%, Prefix cache hit rate: 0.0%",
                    )

    def choose(self, wanted: str | None) -> Rank:
        """Return the rank that takes the next request: the header's, or the least busy one."""
        if wanted is not None and wanted.isdigit():
            if int(wanted) not in self.ranks:
                count = len(self.ranks)
                text = f"data_parallel_rank {wanted} is out of range [0, {count})."
                raise Refused(400, "BadRequestError", text)
            return self.ranks[int(wanted)]
        turn = next(self._turn)
        count = len(self.ranks)
        return min(
            self.ranks.values(),
            key=lambda r: (self.counters[r.number].running, (r.number - turn) % count),
        )

    def check(self, request: Mapping[str, Any]) -> None:
        """Refuse what the real server refuses."""
        if self.dead:
            raise Refused(500, "InternalServerError", _DEAD)
        model = request.get("model")
        if model and model != self.flags.served:
            raise Refused(404, "NotFoundError", f"The model `{model}` does not exist.")
        if not isinstance(request.get("messages"), list):
            raise Refused(400, "BadRequestError", "1 validation error: messages: Field required")
        asked = request.get("max_completion_tokens") or request.get("max_tokens")
        if asked and int(asked) > self.longest:
            raise Refused(
                400, "BadRequestError",
                f"'max_tokens' or 'max_completion_tokens' is too large: {asked}. This model's "
                f"maximum context length is {self.longest} tokens (simulated).",
            )  # fmt: skip
        if (
            request.get("tools")
            and request.get("tool_choice", "auto") == "auto"
            and ("enable-auto-tool-choice" not in self.flags.switches)
        ):
            raise Refused(
                400, "BadRequestError", '"auto" tool choice requires --enable-auto-tool-choice and '
                "--tool-call-parser to be set",
            )  # fmt: skip

    def generate(self, chat: Chat, rank: Rank) -> Iterator[int]:
        """Yield how many tokens are there by now, at the pace of an engine."""
        counters = self.counters[rank.number]
        began = time.monotonic()
        pace = self.site.node.pace
        with counters.lock:
            counters.running += 1
            counters.prompt += chat.prompt_tokens
            counters.kv += chat.prompt_tokens
        made = 0
        try:
            while made < len(chat.ids):
                step = FIRST_S if made == 0 else STEP_S
                if not self._step_together(rank, step * pace):
                    raise Refused(500, "InternalServerError", _DEAD)
                count = min(TOKENS, len(chat.ids) - made)
                self._count(counters, count, time.monotonic() - began, first=made == 0)
                made += count
                yield made
            with counters.lock:
                counters.finished["length" if chat.finish == "length" else "stop"] += 1
                counters.e2e.add(time.monotonic() - began)
        finally:
            with counters.lock:
                counters.running -= 1
                counters.kv -= chat.prompt_tokens + made
                if made < len(chat.ids):
                    counters.finished["abort"] += 1

    def _step_together(self, rank: Rank, seconds: float) -> bool:
        """Take a step on all ranks, as data parallel does: the others compute along.

        A rank that died is noticed here, not before: the local engines fail in the collective,
        and the server with them. One that hangs holds everybody up.
        """
        others = [other for other in self.ranks.values() if other is not rank]
        fine = all([rank.step(TOKENS, seconds), *(other.step(0, 0.0) for other in others)])
        gone = [r for r in self.ranks.values() if not r.local and r.dead.is_set()]
        if fine and not gone:
            return True
        for mine in self.ranks.values():
            if mine.local and gone:
                with contextlib.suppress(Gone):
                    ip = service_ip(gone[0].number // max(1, self.flags.local))
                    mine.link.send(status="LOST", ip=ip)
                mine.dead.wait(5)
        return False

    @staticmethod
    def _count(counters: metrics.RankCounters, count: int, seconds: float, *, first: bool) -> None:
        with counters.lock:
            counters.generated += count
            counters.kv += count
            counters.step.add(count)
            if first:
                counters.ttft.add(seconds)
            else:
                counters.inter.add(STEP_S / TOKENS)


class _Server(ThreadingHTTPServer):
    daemon_threads = True

    def __init__(self, api: Api, sock: socket.socket) -> None:
        self.api = api
        super().__init__(sock.getsockname(), Handler, bind_and_activate=False)
        self.socket.close()
        self.socket = sock

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Say nothing of clients that leave."""


class Handler(BaseHTTPRequestHandler):
    """One client connection."""

    protocol_version = "HTTP/1.1"
    server: _Server

    @property
    def api(self) -> Api:
        """The server's state."""
        return self.server.api

    def log_message(self, format: str, *args: Any) -> None:
        """Say nothing: the access log is written with each answer."""

    def _access(self, code: int) -> None:
        host, port = self.client_address[:2]
        host = self.api.site.world().leave(host)
        words = {200: "OK", 400: "Bad Request", 404: "Not Found", 503: "Service Unavailable"}
        self.api.log.plain(
            f'INFO:     {host}:{port} - "{self.command} {self.path} HTTP/1.1" {code} '
            f"{words.get(code, 'Internal Server Error')}"
        )

    def _reply(self, code: int, body: bytes, kind: str = "application/json") -> None:
        self._access(code)
        self.send_response(code)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def _json(self, code: int, data: Any) -> None:
        self._reply(code, json.dumps(data, ensure_ascii=False).encode())

    def _error(self, refused: Refused) -> None:
        error = {"message": str(refused), "type": refused.kind, "param": None, "code": refused.code}
        self._json(refused.code, {"error": error})

    def do_GET(self) -> None:
        """Answer what needs no engine."""
        path = self.path.partition("?")[0]
        if path in ("/health", "/ping"):
            self._reply(503 if self.api.dead else 200, b"")
        elif path == "/version":
            self._json(200, {"version": "0.13.0"})
        elif path == "/metrics":
            text = metrics.text(self.api.flags.served, self.api.counters)
            self._reply(200, text.encode(), "text/plain; version=0.0.4; charset=utf-8")
        elif path == "/v1/models":
            card = {
                "id": self.api.flags.served, "object": "model", "created": int(time.time()),
                "owned_by": "vllm", "root": self.api.flags.model, "parent": None,
                "max_model_len": self.api.longest, "permission": [], "simulated": True,
            }  # fmt: skip
            self._json(200, {"object": "list", "data": [card]})
        else:
            self._json(404, {"detail": "Not Found"})

    def do_POST(self) -> None:
        """Answer a chat request."""
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        if self.path.partition("?")[0] != "/v1/chat/completions":
            self._json(404, {"detail": "Not Found"})
            return
        try:
            request = json.loads(body)
            self.api.check(request)
            rank = self.api.choose(self.headers.get("X-data-parallel-rank"))
            chat = Chat(self.api.parsers, request, self.api.longest)
            if request.get("stream"):
                self._stream(request, chat, rank)
            else:
                self._whole(request, chat, rank)
        except Refused as refused:
            self._error(refused)
        except (ValueError, AttributeError, TypeError, KeyError) as error:
            self._error(Refused(400, "BadRequestError", f"{type(error).__name__}: {error}"))

    def _usage(self, chat: Chat, made: int) -> dict[str, Any]:
        return {
            "prompt_tokens": chat.prompt_tokens, "total_tokens": chat.prompt_tokens + made,
            "completion_tokens": made, "prompt_tokens_details": None,
        }  # fmt: skip

    def _head(self, kind: str) -> dict[str, Any]:
        return {
            "id": f"chatcmpl-{uuid.uuid4().hex}", "object": kind, "created": int(time.time()),
            "model": self.api.flags.served,
        }  # fmt: skip

    def _whole(self, request: Mapping[str, Any], chat: Chat, rank: Rank) -> None:
        del request
        for _ in self.api.generate(chat, rank):
            pass
        message = chat.whole()
        choice = {
            "index": 0, "message": message, "logprobs": None, "finish_reason": chat.finish,
            "stop_reason": None, "token_ids": None,
        }  # fmt: skip
        self._json(200, {
            **self._head("chat.completion"), "choices": [choice], "service_tier": None,
            "system_fingerprint": None, "usage": self._usage(chat, len(chat.ids)),
            "prompt_logprobs": None, "prompt_token_ids": None, "kv_transfer_params": None,
        })  # fmt: skip

    def _chunk(self, data: str) -> None:
        raw = f"data: {data}\n\n".encode()
        self.wfile.write(f"{len(raw):x}\r\n".encode() + raw + b"\r\n")
        self.wfile.flush()

    def _stream(self, request: Mapping[str, Any], chat: Chat, rank: Rank) -> None:
        steps = self.api.generate(chat, rank)
        made = next(steps, 0)  # what fails before the first token is an ordinary error
        self._access(200)
        self.send_response(200)
        self.send_header("Content-Type", "text/event-stream; charset=utf-8")
        self.send_header("Transfer-Encoding", "chunked")
        self.end_headers()
        head = self._head("chat.completion.chunk")
        self._piece(head, {"role": "assistant", "content": ""}, None)
        sent = 0
        try:
            for delta in chat.deltas():
                while sent >= made:
                    made = next(steps)
                sent += 1
                last = sent == len(chat.ids)
                if delta is not None or last:
                    self._piece(head, delta or {}, chat.finish if last else None)
            for _ in steps:
                pass
        except Refused as refused:
            error = {"message": str(refused), "type": refused.kind, "code": refused.code}
            self._chunk(json.dumps({"error": error}))
        options = request.get("stream_options") or {}
        if options.get("include_usage"):
            usage = self._usage(chat, sent)
            self._chunk(json.dumps({**head, "choices": [], "usage": usage}))
        self._chunk("[DONE]")
        self.wfile.write(b"0\r\n\r\n")

    def _piece(self, head: Mapping[str, Any], delta: Mapping[str, Any], end: str | None) -> None:
        choice: dict[str, Any] = {"index": 0, "delta": delta, "logprobs": None}
        choice["finish_reason"] = end
        self._chunk(json.dumps({**head, "choices": [choice]}, ensure_ascii=False))
