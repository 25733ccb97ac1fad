"""The proofs pass on a service as it should be, and each fails on the fault it is there for."""

from __future__ import annotations

import json
import threading
from dataclasses import dataclass, field
from typing import Any

import pytest

from glm47_tui.deploy.events import Verified
from glm47_tui.i18n import t
from glm47_tui.profile import Profile, parse
from glm47_tui.service import PROOFS, Service, verify
from tests.unit.service.conftest import Api, Request

THOUGHT = "One and one."
CALLS = {
    "天气": ("get_weather", '{"city": "北京", "date": "2026-01-12"}'),
    "时间": ("get_server_time", "{}"),
}


@dataclass
class Model:
    """GLM-4.7 behind vLLM's API; ``faults`` are what an unpatched or broken one does."""

    faults: set[str] = field(default_factory=set)
    ranks: int = 2
    tokens: list[int] = field(default_factory=lambda: [0, 0])
    turn: int = 0
    lock: threading.Lock = field(default_factory=threading.Lock)

    def serve(self, api: Api) -> None:
        api.on["/v1/chat/completions"] = self.chat
        api.on["/v1/models"] = lambda r: r.json(
            {"data": [{"id": "other" if "name" in self.faults else "glm47"}]}
        )
        api.on["/metrics"] = lambda r: r.raw(self.metrics().encode())

    def metrics(self) -> str:
        return "".join(
            f'vllm:generation_tokens_total{{engine="{i}",model_name="glm47"}} {count}.0\n'
            for i, count in enumerate(self.tokens[: self.ranks])
        )

    def message(self, body: dict[str, Any]) -> dict[str, Any]:
        with self.lock:
            rank = 0 if "one_rank" in self.faults else self.turn % 2
            self.turn += 1
            self.tokens[rank] += 5
        text = body["messages"][-1]["content"]
        thinking = body.get("chat_template_kwargs", {}).get("enable_thinking", True)
        call = next((c for word, c in CALLS.items() if word in text and body.get("tools")), None)
        message: dict[str, Any] = {"content": "2"}
        if call is not None:
            message = self.call(call)
        if thinking and "reasoning" in self.faults:
            message["content"] = f"{THOUGHT}</think>{message['content']}"
        elif thinking or "always_thinks" in self.faults:
            message["reasoning"] = message["reasoning_content"] = THOUGHT
        return message

    def call(self, call: tuple[str, str]) -> dict[str, Any]:
        name, arguments = call
        if "tools" in self.faults or ("zero_arguments" in self.faults and arguments == "{}"):
            return {"content": f"<tool_call>{name}<arg_key>...</tool_call>"}
        if "half_json" in self.faults:
            arguments = '{"city": "北'
        function = {"name": name, "arguments": arguments}
        return {"content": None, "tool_calls": [{"id": "c1", "function": function}]}

    def chat(self, r: Request) -> None:
        if "dead" in self.faults:
            r.json({"error": {"message": "EngineDeadError", "code": 500}}, 500)
            return
        message = self.message(r.body)
        finish = "tool_calls" if message.get("tool_calls") else "stop"
        if r.body.get("stream"):
            self.stream(r, message, finish)
            return
        usage = {"prompt_tokens": 4, "completion_tokens": 0 if "empty" in self.faults else 5}
        r.json({"choices": [{"message": message, "finish_reason": finish}], "usage": usage})

    def stream(self, r: Request, message: dict[str, Any], finish: str) -> None:
        r.begin_stream()
        for word in (message.get("reasoning") or "").split(" "):
            r.delta(reasoning=word + " ", reasoning_content=word + " ")
        for call in message.get("tool_calls") or ():
            function = call["function"]
            r.delta(tool_calls=[{"index": 0, "id": "c1", "function": {"name": function["name"]}}])
            for letter in function["arguments"]:
                r.delta(tool_calls=[{"index": 0, "function": {"arguments": letter}}])
        if message.get("content"):
            r.delta(content=message["content"])
        r.delta(finish=finish)
        r.event("[DONE]")


def profile(level: str = "full") -> Profile:
    nodes = [{"host": f"10.77.0.1{i}", "nic": "eth0", "ip": f"10.77.0.1{i}"} for i in range(2)]
    return parse({"schema": 1, "name": "p", "verify": {"level": level}, "nodes": nodes}, "-")


def failures(api: Api, service: Service, *faults: str, level: str = "full") -> dict[str, str]:
    Model(set(faults)).serve(api)
    seen: list[Verified] = []
    out = verify(service, profile(level), seen.append)  # type: ignore[arg-type]
    assert tuple(seen) == out
    return {v.proof: t(v.note) for v in out if not v.ok}


def test_all_proofs_pass_on_a_service_as_it_should_be(api: Api, service: Service) -> None:
    Model().serve(api)
    seen: list[Verified] = []
    out = verify(service, profile(), seen.append)  # type: ignore[arg-type]
    assert [v.proof for v in out] == list(PROOFS)
    assert all(v.ok for v in out), [t(v.note) for v in out if not v.ok]
    words = {v.proof: t(v.note) for v in out}
    assert "get_weather" in words["tool_call"] and "get_server_time" in words["tool_call"]


def test_proofs_that_do_not_depend_on_each_other_run_side_by_side(
    api: Api, service: Service
) -> None:
    model = Model()
    model.serve(api)
    together = threading.Barrier(6)
    first = iter([together.wait] * 6)

    def chat(r: Request) -> None:
        next(first, lambda _limit: 0)(20)
        model.chat(r)

    api.on["/v1/chat/completions"] = chat
    out = verify(service, profile(), lambda _event: None)
    assert [v.proof for v in out if v.ok] == list(PROOFS), "and they are told in their order"


@pytest.mark.parametrize(
    ("fault", "proofs"),
    [
        ("name", {"model"}),
        ("empty", {"generation"}),
        ("reasoning", {"reasoning", "reasoning_stream"}),
        ("always_thinks", {"no_thinking"}),
        ("tools", {"tool_call", "tool_call_stream"}),
        ("zero_arguments", {"tool_call", "tool_call_stream"}),
        ("half_json", {"tool_call", "tool_call_stream"}),
        ("one_rank", {"ranks"}),
    ],
)
def test_each_fault_fails_its_own_proofs(
    api: Api, service: Service, fault: str, proofs: set[str]
) -> None:
    assert set(failures(api, service, fault)) == proofs


@pytest.mark.parametrize("fault", ["reasoning", "tools", "always_thinks"])
def test_parsers_that_do_not_work_fail_with_a_model_of_noise_too(
    api: Api, service: Service, fault: str
) -> None:
    assert failures(api, service, fault, level="protocol")


def test_no_call_at_all_is_no_fault_of_a_model_of_noise(api: Api, service: Service) -> None:
    model = Model()
    model.call = lambda call: {"content": "noise"}  # type: ignore[method-assign]
    model.serve(api)
    for level, ok in (("protocol", True), ("full", False)):
        out = verify(service, profile(level), lambda _event: None)
        assert next(v.ok for v in out if v.proof == "tool_call") is ok


def test_a_dead_engine_fails_with_the_servers_words(api: Api, service: Service) -> None:
    assert "EngineDeadError" in failures(api, service, "dead")["generation"]


def test_a_rank_that_metrics_do_not_know(api: Api, service: Service) -> None:
    Model(ranks=1).serve(api)
    out = verify(service, profile(), lambda _event: None)
    assert [v.proof for v in out if not v.ok] == ["ranks"]


def test_nothing_listens_ends_at_once(api: Api) -> None:
    api.close()
    service = Service(api.url, "glm47")
    out = verify(service, profile(), lambda _event: None)
    assert [(v.proof, v.ok) for v in out] == [("model", False)]


def test_cancel_ends_between_proofs(api: Api, service: Service) -> None:
    Model().serve(api)
    cancel = threading.Event()
    seen: list[str] = []

    def emit(event: object) -> None:
        seen.append(getattr(event, "proof", ""))
        if len(seen) == 2:
            cancel.set()

    verify(service, profile(), emit, cancel=cancel)
    assert seen == ["model", "generation"]


def test_the_guides_request_is_the_one_that_is_sent(api: Api, service: Service) -> None:
    Model().serve(api)
    verify(service, profile(), lambda _event: None)
    bodies = [json.dumps(r.body, ensure_ascii=False) for r in api.seen]
    assert any("请做一下自我介绍" in b and '"max_tokens": 10' in b for b in bodies)
