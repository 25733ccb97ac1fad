"""What goes wrong in a deployment is said, and mended by the next run."""

from __future__ import annotations

import contextlib
import json
import re

import pytest

from glm47_tui.deploy.events import (
    Diagnosed,
    EnginePhase,
    LogLine,
    Phase,
    Progress,
    RunEnded,
    Status,
    StepChanged,
    to_json,
)
from glm47_tui.i18n import t
from glm47_tui.profile import Profile, SshOverride
from glm47_tui.remote import Nobody, connect
from glm47_tui.remote.api import Fleet
from tests.demo.conftest import Lab
from tests.demo.jobs import Runner, Says
from tests.support.tcp import Proxy


@pytest.fixture
def ready(lab: Lab) -> Lab:
    """A cluster that has the image: pulls are another test's."""
    lab.cluster.fault("image-present")
    return lab


def runner(lab: Lab, **more: object) -> Runner:
    return Runner(lab.profile, lab.fleet, **more)  # type: ignore[arg-type]


def in_phase(phase: Phase) -> object:
    return lambda event: isinstance(event, EnginePhase) and event.phase is phase


def test_a_dying_engine_ends_the_wait_with_its_cause(ready: Lab) -> None:
    ready.cluster.fault("engine-oom", 1)
    run = runner(ready)
    ended = run.run()
    assert ended.exit_code == 5
    assert ended.node == 1
    assert run.last("ready")[1] is Status.FAILED
    found = run.of(Diagnosed)
    assert found and found[0].node == 1 and "out of memory" in found[0].quote
    assert ended.why == found[0].cause and ended.fix == found[0].fix
    assert not any(n.lock for n in run.job().status().nodes), "the lock is given back"

    ready.cluster.clear("engine-oom", 1)
    again = runner(ready)
    assert again.run().exit_code == 0, again.words()
    assert again.last("launch") == [Status.APPLIED] * 2, "both are started anew"


def test_an_engine_that_was_killed_is_found_and_both_restart(ready: Lab) -> None:
    assert runner(ready).run().exit_code == 0
    before = [n.pid for n in runner(ready).job().status().nodes]
    ready.sh(
        'read -r pid _ </opt/data/glm47-tui/demo/state/glm_47_infer_node1.pid; '
        'docker exec "$1" bash -c "kill -9 -$pid"',
        ready.profile.container.name, node=1,
    )  # fmt: skip
    status = runner(ready).job().status()
    assert [n.engine for n in status.nodes] == ["running", "absent"] and not status.serving
    again = runner(ready)
    assert again.run().exit_code == 0, again.words()
    assert any("started anew" in e.text for e in again.of(LogLine) if e.node == 0)
    after = [n.pid for n in again.job().status().nodes]
    assert all(a and a != b for a, b in zip(after, before, strict=True))


def test_changed_settings_restart_only_when_agreed(ready: Lab) -> None:
    assert runner(ready).run().exit_code == 0
    pids = [n.pid for n in runner(ready).job().status().nodes]
    launch = ready.profile.launch.model_copy(update={"max_num_seqs": 4})
    changed = ready.profile.model_copy(update={"launch": launch})

    keeps = Says(engine_restart="keep")
    run = Runner(changed, ready.fleet, consent=keeps)
    assert run.run().exit_code == 0, run.words()
    assert [q.id for q in keeps.asked] == ["engine.restart"]
    assert [n.pid for n in run.job().status().nodes] == pids

    restarts = Runner(changed, ready.fleet)
    assert restarts.run().exit_code == 0, restarts.words()
    now = [n.pid for n in restarts.job().status().nodes]
    assert all(a != b for a, b in zip(now, pids, strict=True))


def test_a_second_user_is_told_who_is_at_work(ready: Lab) -> None:
    ready.cluster.fault("engine-stuck", 1)
    first = runner(ready)
    thread = first.start()
    first.wait(in_phase(Phase.WAITING_PEER), "node 0 waits")  # type: ignore[arg-type]
    second = runner(ready)
    ended = second.run()
    assert ended.exit_code == 5
    assert "deploy since 20" in second.words() and " pid " in second.words()
    holder = second.job().status().nodes[0].lock
    assert holder is not None and "deploy since" in holder.who
    first.cancel.set()
    thread.join(60)
    assert first.ended is not None and first.ended.exit_code == 130


def test_cancel_while_loading_leaves_engines_that_the_next_run_joins(ready: Lab) -> None:
    ready.cluster.fault("engine-stuck", 1)
    first = runner(ready)
    thread = first.start()
    first.wait(in_phase(Phase.WAITING_PEER), "node 0 waits")  # type: ignore[arg-type]
    first.cancel.set()
    thread.join(60)
    assert first.ended is not None and first.ended.exit_code == 130
    assert "goes on loading" in first.note("ready", 0)
    assert "stop" in first.words() and "rollback" in first.words()
    status = runner(ready).job().status()
    assert [n.engine for n in status.nodes] == ["running", "running"]
    assert not any(n.lock for n in status.nodes)
    stop = runner(ready)
    assert stop.run("stop").exit_code == 0


def test_a_cut_connection_while_loading_is_made_again(ready: Lab) -> None:
    with contextlib.ExitStack() as stack:
        proxies = []
        for node in (0, 1):
            host, port = ready.cluster.address(node)
            proxies.append(stack.enter_context(Proxy(port, host)))
        profile = through(ready, [proxy.port for proxy in proxies])
        fleet = connect(profile, Nobody())
        assert not fleet.failures, fleet.failures
        stack.callback(fleet.close)
        run = Runner(profile, fleet)
        cuts: list[object] = []

        def cut(event: object) -> None:
            if isinstance(event, EnginePhase) and event.phase is Phase.WEIGHTS and not cuts:
                cuts.append(event)
                for proxy in proxies:
                    proxy.cut()

        run.on = cut
        ended = run.run()
    assert cuts and ended.exit_code == 0, run.words()
    assert any(e.note.id == "deploy.progress.reconnect" for e in run.of(Progress))
    for node in (0, 1):
        seen = [e.text for e in run.of(LogLine) if (e.source, e.node) == ("engine", node)]
        log = ready.sh(
            f"cat /opt/data/glm47-tui/demo/logs/glm_47_infer_node{node}_log.txt", node=node
        )
        assert seen == _clean(log)[: len(seen)], "no line lost, none doubled"


def test_a_node_that_falls_silent_while_loading_is_named_and_ends_the_wait(
    ready: Lab, monkeypatch: pytest.MonkeyPatch
) -> None:
    """No power, or no network: nothing closes the connection, and nobody answers."""
    monkeypatch.setattr("glm47_tui.deploy.job.PAUSES", (0.0, 1.0, 1.0))
    monkeypatch.setattr("glm47_tui.deploy.ready.AWAY_S", 0.1)
    ready.cluster.fault("engine-stuck", 1)
    with contextlib.ExitStack() as stack:
        proxies = []
        for node in (0, 1):
            host, port = ready.cluster.address(node)
            proxies.append(stack.enter_context(Proxy(port, host)))
        profile = through(ready, [proxy.port for proxy in proxies])
        fleet = connect(profile, Nobody())
        assert not fleet.failures, fleet.failures
        stack.callback(fleet.close)
        limits = profile.limits.model_copy(update={"connect_s": 1})
        run = Runner(profile.model_copy(update={"limits": limits}), fleet)

        def silence(event: object) -> None:
            if isinstance(event, EnginePhase) and event.phase is Phase.WAITING_PEER:
                proxies[1].freeze()
                proxies[1].cut()

        run.on = silence
        ended = run.run()
    assert (ended.exit_code, ended.node) == (3, 1), run.words()
    said = [(e.node, e.note.id) for e in run.of(StepChanged) if e.stage == "ready" and e.note]
    assert (1, "deploy.note.away") in said and (0, "deploy.note.away") not in said
    assert said[-2:] == [(0, "deploy.half.engine_runs"), (1, said[-1][1])], said
    assert run.last("ready") == [Status.SKIPPED, Status.FAILED]


def through(lab: Lab, ports: list[int]) -> Profile:
    """The cluster's profile by way of proxies on loopback."""
    profile = lab.profile
    nodes = [
        node.model_copy(update={"host": "127.0.0.1", "ssh": SshOverride(port=port)})
        for node, port in zip(profile.nodes, ports, strict=True)
    ]
    keys = {
        f"127.0.0.1:{port}": print_
        for port, print_ in zip(ports, profile.ssh.host_keys.values(), strict=True)
    }
    ssh = profile.ssh.model_copy(update={"host_keys": keys})
    return profile.model_copy(update={"nodes": tuple(nodes), "ssh": ssh})


def _clean(text: str) -> list[str]:
    lines = text.split("\n")[:-1]
    return [re.sub(r"\x1b\[[0-9;]*m", "", line).rpartition("\r")[2] for line in lines]


def test_weights_are_downloaded_on_consent_and_the_token_is_nowhere(ready: Lab) -> None:
    ready.cluster.fault("model-missing")
    token = "ms-0123456789-secret"
    refuses = runner(ready, consent=Says(model_download="stop"))
    assert refuses.run().exit_code == 5
    assert refuses.last("model")[0] is Status.FAILED

    says = Says()
    run = runner(ready, consent=says, secrets={"MODELSCOPE_API_TOKEN": token})
    ended = run.run()
    assert ended.exit_code == 0, run.words()
    assert sorted(q.node for q in says.asked if q.id == "model.download") == [0, 1]  # type: ignore[type-var]
    notes = [e for e in run.of(Progress) if e.stage == "model"]
    assert any("download" in e.note.id for e in notes)
    assert token not in json.dumps([to_json(e) for e in run.events])
    for node in (0, 1):
        found = ready.sh('grep -rl "$1" /opt/data /root /tmp 2>/dev/null; true', token, node=node)
        assert found.strip() == ""


def test_cancel_ends_a_download_and_the_next_run_goes_on(ready: Lab) -> None:
    ready.cluster.fault("model-missing")
    run = runner(ready)
    thread = run.start()
    run.wait(lambda e: isinstance(e, Progress) and e.stage == "model", "the download")
    run.cancel.set()
    thread.join(60)
    assert run.ended is not None and run.ended.exit_code == 130
    assert run.last("model") == [Status.FAILED] * 2
    assert "what has come stays" in run.note("model", 0)
    again = runner(ready)
    assert again.run().exit_code == 0, again.words()


def test_a_foreign_file_is_never_overwritten(ready: Lab) -> None:
    stopped = runner(ready)

    wanted = ("container", Status.APPLIED)

    def stop_before_patches(event: object) -> None:
        if isinstance(event, StepChanged) and (event.stage, event.status) == wanted:
            stopped.cancel.set()

    stopped.on = stop_before_patches
    assert stopped.run().exit_code == 130
    ready.cluster.fault("foreign-file", 1)
    run = runner(ready)
    ended = run.run()
    assert (ended.exit_code, ended.node) == (5, 1)
    assert "Nothing was overwritten" in run.words()
    diff = [e.text for e in run.of(LogLine) if e.source == "patches" and e.node == 1]
    assert any("reasoning_parser.py" in line for line in diff), diff
    assert run.last("launch") == []


def test_a_registry_that_cannot_be_reached(lab: Lab) -> None:
    lab.cluster.fault("pull-fails")
    run = runner(lab)
    ended = run.run()
    assert ended.exit_code == 5
    assert run.last("image") == [Status.FAILED] * 2
    assert "could not be pulled" in run.words() and "mirror" in run.words()


def test_a_node_that_could_not_be_reached(ready: Lab) -> None:
    from glm47_tui.remote import RemoteError

    half = Fleet({0: ready.fleet.connections[0]}, {1: RemoteError("timeout", node="node1")})
    run = Runner(ready.profile, half)
    ended = run.run()
    assert (ended.exit_code, ended.node) == (3, 1)
    assert run.last("connect") == [Status.PRESENT, Status.FAILED]
    assert "lock" not in {e.stage for e in run.of(StepChanged)}


def test_retry_from_a_stage_passes_over_the_earlier_ones(ready: Lab) -> None:
    ready.cluster.fault("engine-oom", 0)
    assert runner(ready).run().exit_code == 5
    ready.cluster.clear("engine-oom", 0)
    run = runner(ready)
    assert run.run(start="launch").exit_code == 0, run.words()
    assert run.last("patches") == [Status.SKIPPED] * 2
    assert run.last("launch") == [Status.APPLIED] * 2


def test_every_event_of_a_failed_run_has_its_words(ready: Lab) -> None:
    ready.cluster.fault("engine-oom", 0)
    run = runner(ready)
    ended = run.run()
    assert isinstance(ended, RunEnded)
    for event in run.events:
        text = json.dumps(to_json(event), ensure_ascii=False)
        assert "deploy.error." not in t(text).replace('"id": "deploy.', "")
