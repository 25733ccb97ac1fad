"""Proof that the service does what the guide promises: not a port that answers.

An unpatched vLLM 0.13.0 answers 200 with the thinking in ``content`` and tool calls as plain text
(errata 15), so each proof looks at the form of a real answer. With ``verify.level = "protocol"``
(a model whose words are noise) the meaning is left out. A random token can spoil a form, and a
model can decide otherwise once, so a proof has a few attempts; what the parsers do wrong they do
wrong every time.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, suppress
from dataclasses import dataclass, field
from typing import Final

from glm47_tui.deploy.events import Emit, Verified
from glm47_tui.i18n import Msg
from glm47_tui.profile import Profile
from glm47_tui.render import verification_request
from glm47_tui.service.chat import Answer, ChatOptions
from glm47_tui.service.client import Service, ServiceError
from glm47_tui.service.ranks import busy, tokens_by_rank, work_all_ranks
from glm47_tui.service.seen import Seen, no_form, seen_of, seen_streamed, tool_form, with_thinking

PROOFS: Final = (
    "model", "generation", "reasoning", "reasoning_stream", "no_thinking", "tool_call",
    "tool_call_stream", "ranks",
)  # fmt: skip
"""Ids of the proofs, in their order."""

ATTEMPTS: Final = 3
LIMIT_S: Final = 300.0
"""Seconds for one answer."""

_QUESTION: Final = "1 加 1 等于几?只回答数字。"
_TWO_ARGUMENTS: Final = "请调用工具查询北京 2026-01-12 的天气。"
_NO_ARGUMENT: Final = "请调用工具查询服务器的当前时间。"
_TOOLS: Final = (
    {
        "type": "function",
        "function": {
            "name": "get_weather",
            "description": "查询某城市某一天的天气",
            "parameters": {
                "type": "object",
                "properties": {"city": {"type": "string"}, "date": {"type": "string"}},
                "required": ["city", "date"],
            },
        },
    },
    {
        "type": "function",
        "function": {
            "name": "get_server_time",
            "description": "查询服务器的当前时间,没有参数",
            "parameters": {"type": "object", "properties": {}},
        },
    },
)

Judge = Callable[[Seen], "Msg | None"]
"""Returns what is wrong with an answer, None when nothing is."""


@dataclass
class _Verification:
    service: Service
    profile: Profile
    cancel: threading.Event
    before: dict[str, float] = field(default_factory=dict)
    """Tokens of each rank before the first proof."""

    @property
    def full(self) -> bool:
        return self.profile.verify.level == "full"

    def run(self, proof: str) -> Msg | None:
        """Return what was seen; raises _Failed or ServiceError."""
        return getattr(self, f"_{proof}")()  # type: ignore[no-any-return]

    def _model(self) -> Msg:
        served = self.service.models()
        if self.service.model not in served:
            raise _Failed(
                Msg.of("service.bad.model", want=self.service.model, have=", ".join(served) or "-")
            )
        return Msg.of("service.seen.model", name=self.service.model)

    def _generation(self) -> Msg:
        answer: Answer = self.service.post(
            verification_request(self.profile), timeout=LIMIT_S, cancel=self.cancel
        )
        tokens = answer.usage.completion if answer.usage else 0
        text = answer.reasoning + answer.content
        if tokens < 1 or (self.full and not text.strip()):
            raise _Failed(Msg.of("service.bad.empty", tokens=tokens))
        seconds = f"{answer.stats.total_s:.1f}"
        return Msg.of("service.seen.generation", tokens=tokens, seconds=seconds, text=_short(text))

    def _reasoning(self) -> Msg:
        return self._attempts(_QUESTION, ChatOptions(), False, self._thinks)

    def _reasoning_stream(self) -> Msg:
        return self._attempts(_QUESTION, ChatOptions(), True, self._thinks)

    def _no_thinking(self) -> Msg:
        return self._attempts(_QUESTION, ChatOptions(thinking=False), False, no_form)

    def _tool_call(self) -> Msg:
        return self._tools(stream=False)

    def _tool_call_stream(self) -> Msg:
        return self._tools(stream=True)

    def _tools(self, *, stream: bool) -> Msg:
        options = ChatOptions(tools=_TOOLS, thinking=False)
        two = ("get_weather", ("city", "date"))
        first = self._attempts(_TWO_ARGUMENTS, options, stream, tool_form(self.full, *two))
        none = ("get_server_time", ())
        second = self._attempts(_NO_ARGUMENT, options, stream, tool_form(self.full, *none))
        return Msg.of("service.seen.both", first=first, second=second)

    def _thinks(self, seen: Seen) -> Msg | None:
        return with_thinking(seen, whole=self.full)

    def _attempts(self, text: str, options: ChatOptions, stream: bool, judge: Judge) -> Msg:
        problem: Msg | None = None
        for seed in range(1, ATTEMPTS + 1):
            if self.cancel.is_set():
                raise _Cancelled
            tokens = 1024 if self.full else 24
            asked = ChatOptions(
                thinking=options.thinking, tools=options.tools, max_tokens=tokens, seed=seed
            )
            messages = [{"role": "user", "content": text}]
            if stream:
                seen = seen_streamed(
                    self.service.chat(messages, asked, cancel=self.cancel, silence_s=LIMIT_S)
                )
            else:
                seen = seen_of(
                    self.service.complete(messages, asked, timeout=LIMIT_S, cancel=self.cancel)
                )
            problem = judge(seen)
            if problem is None:
                return seen.words()
        raise _Failed(problem or Msg.of("service.bad.empty", tokens=0))

    def _ranks(self) -> Msg:
        want = self.profile.data_parallel
        now = tokens_by_rank(self.service)
        if len(now) < want:
            raise _Failed(Msg.of("service.bad.rank_count", have=len(now), want=want))
        found = busy(now, self.before)
        if len(found) < len(now):
            found = work_all_ranks(self.service, self.before, want, self.cancel)
        idle = [rank for rank in now if rank not in found]
        if idle:
            raise _Failed(Msg.of("service.bad.rank_idle", ranks=", ".join(idle)))
        return Msg.of("service.seen.ranks", count=len(found), ranks=", ".join(now))


class _Failed(Exception):
    def __init__(self, note: Msg) -> None:
        super().__init__(note.id)
        self.note = note


class _Cancelled(Exception):
    pass


def _short(text: str, most: int = 60) -> str:
    one_line = " ".join(text.split())
    return one_line if len(one_line) <= most else one_line[:most] + "..."


def _prove(job: _Verification, proof: str) -> tuple[Verified | None, bool]:
    """Return the result, None when it was cancelled; and whether nothing answers any more."""
    try:
        seen = job.run(proof)
    except _Failed as failed:
        return Verified(proof, False, failed.note), False
    except _Cancelled:
        return None, False
    except ServiceError as error:
        if job.cancel.is_set():
            return None, False
        return Verified(proof, False, error.what), error.kind == "refused"
    return Verified(proof, True, seen or Msg.of("service.seen.nothing")), False


class _Group:
    """Proofs that do not depend on each other, side by side: an engine answers them together."""

    def __init__(self, job: _Verification, proofs: Sequence[str]) -> None:
        self._found: dict[str, tuple[Verified | None, bool]] = {}
        self._errors: list[Exception] = []
        self._threads = {
            proof: threading.Thread(
                target=self._work, args=(job, proof), name=f"verify-{proof}", daemon=True
            )
            for proof in proofs
        }
        for thread in self._threads.values():
            thread.start()

    def _work(self, job: _Verification, proof: str) -> None:
        try:
            self._found[proof] = _prove(job, proof)
        except Exception as error:  # handed over to the caller, whatever it is
            self._errors.append(error)

    def __iter__(self) -> Iterator[tuple[Verified | None, bool]]:
        """Results in the order of the proofs, each as soon as it and those before it are there."""
        for proof, thread in self._threads.items():
            thread.join()
            if proof not in self._found:
                raise self._errors[0]
            yield self._found[proof]

    def close(self) -> None:
        """Wait for what still runs."""
        for thread in self._threads.values():
            thread.join()


def verify(
    service: Service, profile: Profile, emit: Emit, *, cancel: threading.Event | None = None
) -> tuple[Verified, ...]:
    """Run all proofs; each is emitted in its turn. Never raises for what the service does.

    The name comes first, the ranks last (their counters tell of all the others); what is between
    runs side by side. Ends early, with the proofs made so far, when ``cancel`` is set, or when
    nothing answers.
    """
    job = _Verification(service, profile, cancel or threading.Event())
    with suppress(ServiceError):  # where it matters, the proof of the ranks says so
        job.before = tokens_by_rank(service)
    out: list[Verified] = []
    for proofs in (PROOFS[:1], PROOFS[1:-1], PROOFS[-1:]):
        if job.cancel.is_set():
            break
        with closing(_Group(job, proofs)) as group:
            for result, gone in group:
                if result is None:
                    return tuple(out)
                out.append(result)
                emit(result)
                if gone or job.cancel.is_set():
                    return tuple(out)
    return tuple(out)
