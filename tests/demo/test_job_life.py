"""The whole life of a deployment on the simulated cluster."""

from __future__ import annotations

import threading

from glm47_tui.deploy import STAGES, Job
from glm47_tui.deploy.events import EnginePhase, LogLine, Phase, Status, StepChanged, Verified
from glm47_tui.deploy.journal import journals
from glm47_tui.errors import CheckFailed
from glm47_tui.i18n import Msg
from glm47_tui.service import PROOFS, open_service
from tests.demo.conftest import Lab
from tests.demo.jobs import Runner
from tests.support.sshd import wait_until

VLLM_SUMS = (
    'docker exec "$1" bash -c \'cd /vllm-workspace/vllm/vllm && '
    'find tool_parsers reasoning -name "*.py" | sort | xargs sha256sum\''
)


def runner(lab: Lab, **more: object) -> Runner:
    return Runner(lab.profile, lab.fleet, **more)  # type: ignore[arg-type]


def test_from_nothing_to_a_verified_service_and_back(lab: Lab) -> None:
    lab.cluster.fault("image-present")

    dry = runner(lab)
    assert dry.run(dry_run=True).exit_code == 0
    assert dry.last("container") == dry.last("launch") == [Status.NEEDED] * 2
    assert lab.sh("ls /opt/data").split() == ["verification"], "a dry run leaves nothing"

    first = runner(lab)
    ended = first.run()
    assert (ended.exit_code, first.words()) == (0, "")
    assert ended.changed > 0
    for stage in ("files", "container", "patches", "launch", "ready"):
        assert first.last(stage) == [Status.APPLIED] * 2, stage
    assert first.last("model") == first.last("image") == [Status.PRESENT] * 2
    assert [v.proof for v in first.of(Verified) if v.ok] == list(PROOFS)
    for node in (0, 1):
        phases = [e.phase for e in first.of(EnginePhase) if e.node == node]
        wanted = [Phase.WAITING_PEER, Phase.WEIGHTS, Phase.PROFILING, Phase.CAPTURE, Phase.SERVING]
        assert [p for p in dict.fromkeys(phases) if p in wanted] == wanted
    order = [(e.node, e.status) for e in first.of(StepChanged) if e.stage == "launch"]
    assert order.index((0, Status.APPLIED)) < order.index((1, Status.APPLYING))
    engine = [e.text for e in first.of(LogLine) if e.source == "engine"]
    assert any("Application startup complete" in text for text in engine), engine[:20]

    second = runner(lab)
    ended = second.run(before_change=_never)
    assert (ended.exit_code, ended.changed) == (0, 0), "nothing to change"
    for stage in STAGES[2:-1]:
        assert second.last(stage) == [Status.PRESENT] * 2, stage

    status = second.job().status()
    assert status.serving and status.models == ("glm47",)
    assert [n.patches for n in status.nodes] == ["patched"] * 2
    assert all(n.pid and n.phase is Phase.SERVING and n.lock is None for n in status.nodes)
    assert len(status.lines()) > 4 and status.as_data()["serving"] is True

    stop = runner(lab)
    ended = stop.run("stop")
    assert (ended.exit_code, ended.changed) == (0, 2)
    assert stop.last("launch") == [Status.UNDONE] * 2
    status = stop.job().status()
    assert not status.serving and [n.engine for n in status.nodes] == ["absent"] * 2
    again = runner(lab)
    assert again.run("stop").changed == 0 and again.last("launch") == [Status.PRESENT] * 2

    back = runner(lab)
    ended = back.run("rollback")
    assert (ended.exit_code, back.words()) == (0, "")
    for stage in ("patches", "container", "files"):
        assert back.last(stage) == [Status.UNDONE] * 2, stage
    assert lab.sh("docker ps -aq").strip() == ""
    assert lab.sh("ls /opt/data/glm47-tui/demo").split() == ["logs"]
    twice = runner(lab)
    ended = twice.run("rollback")
    assert (ended.exit_code, ended.changed) == (0, 0)
    assert len(journals("demo")) == 7


def _never() -> None:
    raise AssertionError("there was nothing to change")


def test_what_comes_before_a_change_may_forbid_it_and_nothing_is_left(lab: Lab) -> None:
    there: list[list[str]] = []

    def forbid() -> None:
        there.append(lab.sh("cd /opt/data && find . -path ./verification -prune -o -print").split())
        raise CheckFailed(Msg.of("cli.check.blocked", count=1), fix=Msg.of("cli.check.blocked_fix"))

    for dry in (True, False):
        refused = runner(lab)
        ended = refused.run(dry_run=dry, before_change=forbid)
        assert (ended.exit_code, ended.changed) == (4, 0)
        assert "1" in refused.words() and not refused.last("image")
        assert lab.sh("ls /opt/data").split() == ["verification"]
    assert there[0] == ["."], "a dry run takes no lock"
    assert "./glm47-tui/demo/lock/owner" in there[1], "nobody else begins meanwhile"
    assert "./glm47-tui/demo/scripts" not in there[1], "asked before the first change"


def test_container_of_somebody_else_kept_or_replaced_and_given_back(lab: Lab) -> None:
    lab.cluster.fault("container-differs")
    name = lab.profile.container.name
    before = lab.sh(VLLM_SUMS, name)
    ident = lab.sh('docker inspect --format "{{.Id}}" "$1"', name)

    refuses = Runner(lab.profile, lab.fleet, consent=_Nobody())
    ended = refuses.run()
    assert ended.exit_code == 5 and "--yes" in refuses.words()
    said = [e.text for e in refuses.of(LogLine) if (e.source, e.node) == ("container", 0)]
    assert "- device /dev/davinci7:/dev/davinci7" in said, "said where nobody is asked, too"
    assert lab.sh("ls /opt/data/glm47-tui/demo").split() == [
        "backup", "logs", "patches", "scripts", "state",
    ]  # fmt: skip

    replaces = runner(lab)
    assert replaces.run().exit_code == 0, replaces.words()
    assert lab.sh('docker inspect --format "{{.Id}}" "$1"', name) != ident
    assert lab.sh(VLLM_SUMS, name) != before

    back = runner(lab)
    assert back.run("rollback").exit_code == 0, back.words()
    assert lab.sh('docker inspect --format "{{.Id}} {{.State.Running}}" "$1"', name) == (
        ident.strip() + " true\n"
    )
    assert lab.sh(VLLM_SUMS, name) == before


class _Nobody:
    def agree(self, question: object) -> None:
        return None


def test_logs_are_followed_from_their_tail_on(lab: Lab) -> None:
    log = "/opt/data/glm47-tui/demo/logs/glm_47_infer_node1_log.txt"
    lab.sh(f"mkdir -p {log.rpartition('/')[0]}; seq 1 50 >{log}", node=1)
    job: Job = runner(lab).job()
    assert job.last_log(1, 3) == ["48", "49", "50"]
    got: list[str] = []
    more = threading.Event()

    def sink(lines: object) -> None:
        got.extend(lines)  # type: ignore[arg-type]
        if "51" in got:
            more.set()

    stream = job.follow_logs(1, sink, tail=5)
    wait_until(lambda: len(got) >= 5, what="the tail")
    lab.sh(f"echo 51 >>{log}", node=1)
    assert more.wait(30)
    stream.close()
    assert got == ["46", "47", "48", "49", "50", "51"]
    whole: list[str] = []
    assert job.follow_logs(1, whole.extend, tail=2, follow=False).ended
    assert whole == ["50", "51"]


def test_the_chat_works_through_the_tunnel(lab: Lab) -> None:
    lab.cluster.fault("image-present")
    assert runner(lab).run().exit_code == 0
    service = open_service(lab.fleet.connections[0], lab.profile)
    deltas = list(service.chat([{"role": "user", "content": "你好"}]))
    service.close()
    assert "".join(d.reasoning for d in deltas) and "".join(d.content for d in deltas)
    assert deltas[-1].finish == "stop"
    assert deltas[-1].usage is not None and deltas[-1].usage.completion > 0
