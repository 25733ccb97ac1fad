"""Chat, whole answers, models, metrics: as vLLM 0.13.0 speaks, and as things go wrong."""

from __future__ import annotations

import socket
import threading

import pytest

from glm47_tui.i18n import t
from glm47_tui.service import ChatOptions, Delta, Service, ServiceError
from tests.unit.service.conftest import Api, Request

CHAT = "/v1/chat/completions"
ASK = [{"role": "user", "content": "hi"}]


def test_stream_splits_thinking_content_and_tokens(api: Api, service: Service) -> None:
    def answer(r: Request) -> None:
        r.begin_stream()
        r.delta(role="assistant", content="")
        r.delta(reasoning="Let me ", reasoning_content="Let me ")
        r.delta(reasoning="think", reasoning_content="think")
        r.delta(content="Hel")
        r.delta(content="lo", finish="stop")
        r.usage(7, 5)
        r.event("[DONE]")

    api.on[CHAT] = answer
    deltas = list(service.chat(ASK))
    assert "".join(d.reasoning for d in deltas) == "Let me think"
    assert "".join(d.content for d in deltas) == "Hello"
    last = deltas[-1]
    assert last.finish == "stop"
    assert last.usage is not None and (last.usage.prompt, last.usage.completion) == (7, 5)
    assert last.stats is not None and last.stats.completion_tokens == 5
    assert last.stats.first_token_s is not None
    assert last.stats.first_token_s <= last.stats.total_s
    body = api.seen[0].body
    assert body["stream"] is True and body["stream_options"] == {"include_usage": True}
    assert body["model"] == "glm47" and "chat_template_kwargs" not in body


def test_older_field_for_thinking_is_read_too(api: Api, service: Service) -> None:
    def answer(r: Request) -> None:
        r.begin_stream()
        r.delta(reasoning_content="hm")
        r.event("[DONE]")

    api.on[CHAT] = answer
    assert next(iter(service.chat(ASK))).reasoning == "hm"


def test_options_reach_the_request(api: Api, service: Service) -> None:
    api.on[CHAT] = lambda r: r.json({"choices": [{"message": {"content": "x"}}]})
    tool = {"type": "function", "function": {"name": "f", "parameters": {}}}
    options = ChatOptions(
        thinking=False, temperature=0.5, top_p=None, max_tokens=9, repetition_penalty=1.05,
        tools=[tool], seed=3, stop=["END"],
    )  # fmt: skip
    service.complete(ASK, options)
    body = api.seen[0].body
    assert body["chat_template_kwargs"] == {"enable_thinking": False}
    assert (body["temperature"], body["max_tokens"], body["seed"]) == (0.5, 9, 3)
    assert body["repetition_penalty"] == 1.05
    assert body["tools"] == [tool] and body["stop"] == ["END"]
    assert "top_p" not in body and "stream" not in body


def test_tool_calls_come_in_pieces(api: Api, service: Service) -> None:
    def answer(r: Request) -> None:
        r.begin_stream()
        call = {"index": 0, "id": "call_1", "type": "function",
                "function": {"name": "get_weather", "arguments": ""}}  # fmt: skip
        r.delta(tool_calls=[call])
        r.delta(tool_calls=[{"index": 0, "function": {"arguments": '{"city": '}}])
        r.delta(tool_calls=[{"index": 0, "function": {"arguments": '"北京"}'}}])
        r.delta(finish="tool_calls")
        r.event("[DONE]")

    api.on[CHAT] = answer
    deltas = list(service.chat(ASK))
    pieces = [piece for delta in deltas for piece in delta.tools]
    assert [p.name for p in pieces if p.name] == ["get_weather"]
    assert "".join(p.arguments for p in pieces) == '{"city": "北京"}'
    assert deltas[-1].finish == "tool_calls"


def test_cancel_ends_a_silent_stream_on_the_server_too(api: Api, service: Service) -> None:
    hung_up = threading.Event()
    begun = threading.Event()

    def answer(r: Request) -> None:
        r.begin_stream()
        r.delta(content="one")
        begun.set()
        if r.gone(30):
            hung_up.set()

    api.on[CHAT] = answer
    cancel = threading.Event()
    got: list[Delta] = []
    for delta in service.chat(ASK, cancel=cancel):
        got.append(delta)
        if delta.content:
            cancel.set()
    assert got[-1].finish == "cancelled"
    assert hung_up.wait(30)


def test_cancel_ends_the_wait_for_the_first_byte(api: Api, service: Service) -> None:
    arrived, hung_up = threading.Event(), threading.Event()

    def answer(r: Request) -> None:
        arrived.set()
        if r.gone(30):
            hung_up.set()

    api.on[CHAT] = answer
    cancel = threading.Event()
    threading.Thread(target=lambda: (arrived.wait(30), cancel.set()), daemon=True).start()
    assert [d.finish for d in service.chat(ASK, cancel=cancel)] == ["cancelled"]
    assert hung_up.wait(30)


def test_closing_the_iterator_hangs_up(api: Api, service: Service) -> None:
    hung_up = threading.Event()

    def answer(r: Request) -> None:
        r.begin_stream()
        r.delta(content="one")
        if r.gone(30):
            hung_up.set()

    api.on[CHAT] = answer
    stream = service.chat(ASK)
    assert next(stream).content == "one"
    stream.close()  # type: ignore[attr-defined]
    assert hung_up.wait(30)


def test_server_error_in_words(api: Api, service: Service) -> None:
    error = {"error": {"message": "maximum context length is 8192", "code": 400}}
    api.on[CHAT] = lambda r: r.json(error, 400)
    for ask in (lambda: list(service.chat(ASK)), lambda: service.complete(ASK)):
        with pytest.raises(ServiceError) as caught:
            ask()
        assert caught.value.status == 400 and caught.value.kind == "http"
        assert "maximum context length is 8192" in t(caught.value.what)


def test_error_within_a_stream(api: Api, service: Service) -> None:
    def answer(r: Request) -> None:
        r.begin_stream()
        r.delta(content="par")
        r.event({"error": {"message": "EngineCore encountered an issue", "code": 500}})
        r.event("[DONE]")

    api.on[CHAT] = answer
    stream = service.chat(ASK)
    assert next(stream).content == "par"
    with pytest.raises(ServiceError, match=r"service\.error\.in_stream|EngineCore"):
        list(stream)


def test_stream_without_its_end_is_cut(api: Api, service: Service) -> None:
    def answer(r: Request) -> None:
        r.begin_stream()
        r.delta(content="par")

    api.on[CHAT] = answer
    with pytest.raises(ServiceError) as caught:
        list(service.chat(ASK))
    assert caught.value.kind == "cut"


def test_closed_before_any_answer_counts_as_refused(api: Api, service: Service) -> None:
    # A forwarded port whose far end is closed takes the connection and drops it.
    api.on[CHAT] = lambda r: r.handler.connection.shutdown(socket.SHUT_RDWR)
    with pytest.raises(ServiceError) as caught:
        service.complete(ASK)
    assert caught.value.kind == "refused"


def test_nothing_listens() -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    service = Service(f"http://127.0.0.1:{port}", "glm47", where="node0:8080")
    with pytest.raises(ServiceError) as caught:
        service.models()
    assert caught.value.kind == "refused" and "node0:8080" in t(caught.value.what)
    assert service.health() is False


def test_silence_has_a_limit(api: Api, service: Service) -> None:
    over = threading.Event()
    api.on["/v1/models"] = lambda r: over.wait(30)
    try:
        with pytest.raises(ServiceError) as caught:
            service.models(timeout=0.2)
        assert caught.value.kind == "silent"
    finally:
        over.set()


def test_what_is_no_protocol_is_said(api: Api, service: Service) -> None:
    api.on["/v1/models"] = lambda r: r.raw(b"<html>nginx</html>", kind="text/html")
    api.on[CHAT] = lambda r: r.json({"object": "list"})
    for ask in (service.models, lambda: service.complete(ASK)):
        with pytest.raises(ServiceError) as caught:
            ask()
        assert caught.value.kind == "bad"


def test_models_and_rank_probe(api: Api, service: Service) -> None:
    api.on["/v1/models"] = lambda r: r.json({"object": "list", "data": [{"id": "glm47"}]})
    api.on[CHAT] = lambda r: r.json({"choices": [{"message": {"content": "1"}}]})
    assert service.models() == ("glm47",)
    service.probe_rank(1, timeout=5)
    assert api.seen[-1].headers["X-data-parallel-rank"] == "1"
    assert api.seen[-1].body["max_tokens"] == 1
    assert api.seen[-1].path.endswith("?asked-by=glm47-tui-monitor")


def test_a_proxy_of_the_environment_is_not_used(
    api: Api, service: Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:9")
    monkeypatch.setenv("ALL_PROXY", "http://127.0.0.1:9")
    api.on["/health"] = lambda r: r.raw(b"")
    assert service.health() is True
