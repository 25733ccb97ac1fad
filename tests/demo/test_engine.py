"""The stand-in for vllm serve: start-up, answers, and how it fails."""

from __future__ import annotations

import json
import os
import shlex
import signal
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from glm47_tui import assets
from glm47_tui.demo import Cluster
from glm47_tui.demo.sim import kernel
from glm47_tui.demo.sim.docker.store import REFERENCE
from tests.demo.conftest import PACE, Lab

MODELS = "/root/.cache/verification/models"
LOG = "/opt/data/vllm.log"
BASE = {
    "--host": "0.0.0.0", "--port": "8080", "--tensor-parallel-size": "8", "--max-model-len": "8192",
    "--served-model-name": "glm47", "--tool-call-parser": "glm47", "--reasoning-parser": "glm45",
    "--enable-auto-tool-choice": "", "--trust-remote-code": "", "--enable-expert-parallel": "",
}  # fmt: skip
TWO = {
    "--data-parallel-size": "2", "--data-parallel-size-local": "1",
    "--data-parallel-address": "10.77.0.10", "--data-parallel-rpc-port": "8082",
}  # fmt: skip
SECOND = {**TWO, "--data-parallel-start-rank": "1", "--headless": ""}
LIMIT_S = 60.0
QUESTION = [{"role": "user", "content": "请做一下自我介绍"}]
TOOLS = [{"type": "function", "function": {
    "name": "get_weather", "description": "weather of a city",
    "parameters": {"type": "object", "properties": {"city": {"type": "string"}}},
}}]  # fmt: skip


class Engines(Lab):
    """Nodes with a container each, in which vllm can be started by hand."""

    def __init__(self, cluster: Cluster) -> None:
        super().__init__(cluster)
        self.model = self.profile.inside(self.profile.model_path(0))
        cluster.fault("image-present")
        for node in self.fleet.connections:
            devices = " ".join(f"--device /dev/davinci{n}" for n in range(8))
            self.sh(f"docker run --name box --net=host {devices} -v /opt/data:/root/.cache "
                    f"-itd {REFERENCE} bash", node=node)  # fmt: skip

    def patch(self, node: int) -> None:
        """Put the parsers in, by the tool's own script."""
        scripts = assets.path("scripts", "container")
        files = {f: f.read_bytes() for f in (*scripts.iterdir(), *assets.path("patches").iterdir())}
        from glm47_tui.remote import PushFile

        pushed = [PushFile(f"/opt/data/patching/{f.name}", data) for f, data in files.items()]
        self.fleet.connections[node].push(pushed)
        self.sh("docker exec box bash /root/.cache/patching/patches.sh apply", node=node)

    def serve(self, node: int = 0, **more: str) -> None:
        """Start vllm detached; ``env`` holds variables for it."""
        env = more.pop("env", "GLOO_SOCKET_IFNAME=enp67s0f5")
        words = {**BASE, **{f"--{k.replace('_', '-')}": v for k, v in more.items()}}
        flags = " ".join(f"{k} {shlex.quote(v)}" if v else k for k, v in words.items())
        inner = f"{env} setsid --fork vllm serve {self.model} {flags} >/root/.cache/vllm.log 2>&1"
        self.sh(f"docker exec box bash -c {shlex.quote(inner + ' </dev/null')}", node=node)

    def log(self, node: int = 0) -> str:
        file = self.cluster.site(node).fs / LOG.lstrip("/")
        return file.read_text("utf-8") if file.exists() else ""

    def until(self, words: str, node: int = 0) -> str:
        """Wait until the log has these words; returns it."""
        deadline = time.monotonic() + LIMIT_S
        while words not in self.log(node):
            assert time.monotonic() < deadline, f"no {words!r} in:\n{self.log(node)[-4000:]}"
            time.sleep(0.02)
        return self.log(node)

    def api(self) -> httpx.Client:
        port = self.fleet.connections[0].forward(8080).port
        return httpx.Client(base_url=f"http://127.0.0.1:{port}", timeout=LIMIT_S)

    def pids(self, node: int, kind: str) -> list[int]:
        """Processes of a node whose command line begins so."""
        running = kernel.processes(self.cluster.site(node))
        return [p["pid"] for p in running if str(p.get("cmdline", "")).startswith(f"VLLM::{kind}")]


def dashes(flags: dict[str, str]) -> dict[str, str]:
    return {k.strip("-").replace("-", "_"): v for k, v in flags.items()}


def ask(api: httpx.Client, **more: Any) -> dict[str, Any]:
    answer = api.post("/v1/chat/completions", json={"model": "glm47", "messages": QUESTION, **more})
    assert answer.status_code == 200, answer.text
    return dict(answer.json())


def streamed(api: httpx.Client, **more: Any) -> list[dict[str, Any]]:
    body = {"model": "glm47", "messages": QUESTION, "stream": True, **more}
    with api.stream("POST", "/v1/chat/completions", json=body) as answer:
        lines = [line[6:] for line in answer.iter_lines() if line.startswith("data: ")]
    assert lines[-1] == "[DONE]"
    return [json.loads(line) for line in lines[:-1]]


@pytest.fixture
def engines(tmp_path: Path) -> Iterator[Engines]:
    own = Engines(Cluster(tmp_path / "home", pace=PACE).start())
    yield own
    own.close()


@pytest.fixture
def single(tmp_path: Path) -> Iterator[Engines]:
    """One node, with the weights that fit on it."""
    own = Engines(Cluster(tmp_path / "home", nodes=1, pace=PACE).start())
    yield own
    own.close()


@pytest.fixture(scope="module")
def serving(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Engines]:
    """Two patched nodes that serve."""
    both = Engines(Cluster(tmp_path_factory.mktemp("serving") / "home", pace=PACE).start())
    for node in (0, 1):
        both.patch(node)
    both.serve(0, **dashes(TWO))
    both.serve(1, **dashes(SECOND))
    both.until("Application startup complete.")
    yield both
    both.close()


class TestUnpatched:
    """What the tool's work is for."""

    def test_the_parser_is_not_known(self, single: Engines) -> None:
        single.serve()
        log = single.until("KeyError")
        assert "invalid tool call parser: glm47 (chose from { deepseek_v3," in log
        assert not single.pids(0, "EngineCore")

    def test_thinking_and_calls_come_as_content(self, single: Engines) -> None:
        single.serve(tool_call_parser="glm45")
        single.until("Application startup complete.")
        with single.api() as api:
            message = ask(api)["choices"][0]["message"]
            assert message["reasoning"] is None
            assert "</think>" in message["content"]
            tools = ask(api, tools=TOOLS, chat_template_kwargs={"enable_thinking": False},
                        messages=[{"role": "user", "content": "weather in Paris?"}])  # fmt: skip
            assert "<tool_call>get_weather" in tools["choices"][0]["message"]["content"]
            assert "Failed to extract tool call spec" in single.log()


class TestServing:
    """The OpenAI protocol of a patched server on two nodes."""

    def test_the_phases_are_in_the_log(self, serving: Engines) -> None:
        log = serving.log()
        phases = [
            "Initializing a V1 LLM engine (v0.13.0)", "Loading safetensors checkpoint shards:   0%",
            "100% Completed | 93/93", "Loading model weights took", "Available memory: ",
            "GPU KV cache size: ", "Graph capturing finished", "Application startup complete.",
        ]  # fmt: skip
        places = [log.index(words) for words in phases]
        assert places == sorted(places)
        assert "with head node address tcp://10.77.0.10:8082." in serving.log(1)

    def test_npus_are_full_and_named(self, serving: Engines) -> None:
        table = serving.sh("npu-smi info", node=1)
        assert table.count("VLLMWorker_DP") == 8
        assert "8082" in serving.sh("ss -H -ltnp")
        listed = serving.sh("cat /proc/net/tcp")
        assert ":1F92 " in listed
        assert ":1F90 " in listed

    def test_thinking_apart(self, serving: Engines) -> None:
        with serving.api() as api:
            message = ask(api)["choices"][0]["message"]
            assert message["reasoning"].startswith("（模拟的思考）")
            assert message["reasoning_content"] == message["reasoning"]
            assert "模拟回答" in message["content"]
            assert "</think>" not in message["content"]

    def test_thinking_off(self, serving: Engines) -> None:
        with serving.api() as api:
            off = {"chat_template_kwargs": {"enable_thinking": False}}
            message = ask(api, **off)["choices"][0]["message"]
            assert message["reasoning"] is None
            deltas = [c["choices"][0]["delta"] for c in streamed(api, **off)]
            assert not any(d.get("reasoning") for d in deltas)
            assert "".join(d.get("content") or "" for d in deltas) == message["content"]

    def test_streamed_is_the_same_as_whole(self, serving: Engines) -> None:
        with serving.api() as api:
            whole = ask(api)["choices"][0]["message"]
            chunks = streamed(api, stream_options={"include_usage": True})
        deltas = [c["choices"][0]["delta"] for c in chunks if c["choices"]]
        assert "".join(d.get("reasoning") or "" for d in deltas) == whole["reasoning"]
        assert "".join(d.get("content") or "" for d in deltas) == whole["content"]
        assert len(deltas) > 20
        assert chunks[-2]["choices"][0]["finish_reason"] == "stop"
        assert chunks[-1]["usage"]["completion_tokens"] >= len(deltas) - 2

    def test_a_tool_call_both_ways(self, serving: Engines) -> None:
        asked = {"tools": TOOLS, "messages": [{"role": "user", "content": "查询北京的天气"}]}
        with serving.api() as api:
            choice = ask(api, **asked)["choices"][0]
            call = choice["message"]["tool_calls"][0]["function"]
            assert (call["name"], json.loads(call["arguments"])) == (
                "get_weather",
                {"city": "北京"},
            )
            assert choice["finish_reason"] == "tool_calls"
            pieces = [
                piece["function"]
                for chunk in streamed(api, **asked)
                for piece in chunk["choices"][0]["delta"].get("tool_calls") or []
            ]
            assert pieces[0]["name"] == "get_weather"
            assert json.loads("".join(p.get("arguments") or "" for p in pieces)) == {"city": "北京"}
            result = [*asked["messages"], {"role": "tool", "content": "晴, 25 度"}]
            after = ask(api, tools=TOOLS, messages=result)["choices"][0]["message"]
            assert "晴, 25 度" in after["content"]

    def test_a_short_answer_is_cut(self, serving: Engines) -> None:
        with serving.api() as api:
            answer = ask(api, max_tokens=10)
        assert answer["usage"]["completion_tokens"] == 10
        assert answer["choices"][0]["finish_reason"] == "length"
        assert answer["choices"][0]["message"]["content"] is None

    @pytest.mark.parametrize(
        ("body", "code", "words"),
        [
            ({"model": "other", "messages": QUESTION}, 404, "does not exist"),
            ({"model": "glm47"}, 400, "messages"),
            ({"model": "glm47", "messages": QUESTION, "max_tokens": 9000}, 400, "too large"),
        ],
    )
    def test_refused(self, serving: Engines, body: dict[str, Any], code: int, words: str) -> None:
        with serving.api() as api:
            answer = api.post("/v1/chat/completions", json=body)
        assert (answer.status_code, words in answer.json()["error"]["message"]) == (code, True)

    def test_ranks_are_counted_apart(self, serving: Engines) -> None:
        def made(api: httpx.Client) -> list[float]:
            text = api.get("/metrics").text
            names = [
                f'vllm:generation_tokens_total{{engine="{n}",model_name="glm47"}} ' for n in "01"
            ]
            return [float(text.partition(name)[2].split()[0]) for name in names]

        with serving.api() as api:
            before = made(api)
            pinned = {"X-data-parallel-rank": "1"}
            body = {"model": "glm47", "messages": QUESTION, "max_tokens": 6}
            assert api.post("/v1/chat/completions", json=body, headers=pinned).status_code == 200
            after = made(api)
            assert [b - a for a, b in zip(before, after, strict=True)] == [0.0, 6.0]
            assert api.post(
                "/v1/chat/completions", json=body, headers={"X-data-parallel-rank": "2"}
            ).status_code == 400  # fmt: skip
            assert api.get("/v1/models").json()["data"][0]["id"] == "glm47"
            assert api.get("/health").status_code == 200


class TestFailing:
    """Each failure says what the real one says, on the node where it happens first."""

    def pair(self, engines: Engines, first: dict[str, str], second: dict[str, str]) -> None:
        for node in (0, 1):
            engines.patch(node)
        engines.serve(0, **dashes({**TWO, **first}))
        engines.serve(1, **dashes({**SECOND, **second}))

    def test_out_of_memory_on_one_node_ends_both(self, engines: Engines) -> None:
        engines.cluster.fault("engine-oom", 1)
        self.pair(engines, {}, {})
        log = engines.until("WorkerProc initialization failed", node=1)
        assert "NPU out of memory. Tried to allocate" in log
        log = engines.until("Engine core initialization failed. See root cause above.")
        assert "Connection closed by peer [10.77.0.11]" in log
        assert "out of memory" not in log

    def test_weights_that_do_not_fit_on_one_node(self, engines: Engines) -> None:
        engines.patch(0)
        engines.serve(0)
        assert "(NPU 0; 60.97 GiB total capacity" in engines.until("NPU out of memory")

    def test_a_foreign_process_leaves_no_room(self, engines: Engines) -> None:
        engines.cluster.fault("npu-busy", 0, "5")
        self.pair(engines, {}, {})
        assert "(NPU 5; 60.97 GiB total capacity" in engines.until("NPU out of memory")

    def test_flags_that_differ(self, engines: Engines) -> None:
        self.pair(engines, {}, {"--max-model-len": "4096"})
        engines.until("Configuration mismatch detected for engine 1.")

    def test_a_second_node_that_is_not_headless(self, engines: Engines) -> None:
        self.pair(engines, {}, {"--data-parallel-start-rank": "3"})
        engines.until("unexpected data parallel rank: 3")

    def test_a_nic_that_is_not_there(self, engines: Engines) -> None:
        engines.patch(0)
        engines.patch(1)
        engines.serve(0, **dashes(TWO))
        engines.serve(1, **dashes(SECOND), env="GLOO_SOCKET_IFNAME=eth9")
        engines.until("Unable to find address for: eth9", node=1)

    def test_the_other_nic(self, engines: Engines) -> None:
        engines.patch(0)
        engines.patch(1)
        engines.serve(0, **dashes(TWO))
        engines.serve(1, **dashes(SECOND), env="GLOO_SOCKET_IFNAME=enp189s0f0")
        engines.until("Gloo connectFullMesh failed", node=1)

    def test_a_head_node_that_never_comes(self, engines: Engines) -> None:
        engines.patch(1)
        engines.serve(1, **dashes(SECOND))
        engines.until("Did not receive response from front-end process within 5 minutes", node=1)

    def test_a_weight_file_that_is_missing(self, single: Engines) -> None:
        single.cluster.fault("model-incomplete", 0)
        single.patch(0)
        single.serve(0)
        log = single.until("FileNotFoundError: No such file or directory")
        assert f"{MODELS}/GLM-4.7-W8A8-floatmtp/model-00041-of-00093.safetensors" in log

    def test_a_port_that_is_taken(self, single: Engines) -> None:
        single.patch(0)
        single.serve(0)
        single.until("Application startup complete.")
        single.serve(0)
        single.until("[Errno 98] Address already in use")

    def test_a_local_engine_that_dies_in_service_ends_the_server(self, single: Engines) -> None:
        single.patch(0)
        single.serve(0)
        single.until("Application startup complete.")
        os.kill(single.pids(0, "EngineCore")[0], signal.SIGKILL)
        single.until("died unexpectedly, shutting down client.")
        single.until("INFO:     Application shutdown complete.")
        deadline = time.monotonic() + LIMIT_S
        while single.pids(0, "Worker"):
            assert time.monotonic() < deadline
            time.sleep(0.02)

    def test_a_remote_engine_that_dies_is_noticed_by_the_next_request(
        self, engines: Engines
    ) -> None:
        self.pair(engines, {}, {})
        engines.until("Application startup complete.")
        os.kill(engines.pids(1, "EngineCore")[0], signal.SIGKILL)
        engines.until("[serve.py:158] Shutting down.", node=1)
        body = {"model": "glm47", "messages": QUESTION, "max_tokens": 4}
        with engines.api() as api:
            assert api.get("/health").status_code == 200
            answer = api.post("/v1/chat/completions", json=body)
            assert (answer.status_code, "EngineCore encountered" in answer.text) == (500, True)
        assert "Read error [10.77.0.11]" in engines.until(
            "INFO:     Application shutdown complete."
        )

    def test_a_remote_engine_that_hangs_holds_everybody_up(self, engines: Engines) -> None:
        self.pair(engines, {}, {})
        engines.until("Application startup complete.")
        hung = engines.pids(1, "EngineCore")[0]
        os.kill(hung, signal.SIGSTOP)
        body = {"model": "glm47", "messages": QUESTION, "max_tokens": 4}
        with engines.api() as api:
            with pytest.raises(httpx.ReadTimeout):
                api.post("/v1/chat/completions", json=body, timeout=1.0)
            assert api.get("/health").status_code == 200
            os.kill(hung, signal.SIGCONT)
            assert api.post("/v1/chat/completions", json=body).status_code == 200
