"""What is true now, on all nodes and of the API; changes nothing."""

from __future__ import annotations

import threading

from glm47_tui.deploy.errors import Halted, internal
from glm47_tui.deploy.events import Phase
from glm47_tui.deploy.lock import read_holder
from glm47_tui.deploy.probe import Prober
from glm47_tui.deploy.run import Node, Run
from glm47_tui.deploy.status import (
    ContainerState,
    EngineState,
    LockHolder,
    NodeStatus,
    ServiceStatus,
)
from glm47_tui.deploy.survey import SURVEY, Part, State
from glm47_tui.errors import UserError
from glm47_tui.i18n import Msg
from glm47_tui.node.engine import differences, read_flags, wanted_flags

LOG_LINES = 2000
"""Lines of the log that the phase is read from."""
_ENGINES: dict[str, EngineState] = {
    "done": "running", "differs": "differs", "dead": "dead", "missing": "absent",
}  # fmt: skip


def look_at(run: Run) -> ServiceStatus:
    """Ask all nodes side by side, in one round trip each, and the API."""
    found: dict[int, NodeStatus] = {}

    def work(node: Node) -> None:
        try:
            found[node.index] = _node(run, node)
        except UserError as error:
            found[node.index] = NodeStatus(node.index, node.name, error=error.what)
        except Halted:
            found[node.index] = NodeStatus(
                node.index, node.name, error=Msg.of("deploy.error.interrupted")
            )
        except Exception as error:
            found[node.index] = NodeStatus(node.index, node.name, error=internal(error).what)

    threads = [
        threading.Thread(target=work, args=(node,), name=f"status-{node.name}", daemon=True)
        for node in run.nodes
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    models, note = _api(run)
    nodes = tuple(found[node.index] for node in run.nodes)
    ok = run.profile.model.served_name in models
    if ok:
        nodes = tuple(_serving(node) for node in nodes)
    elif models:
        note = Msg.of("deploy.now.other_models", names=", ".join(models))
    return ServiceStatus(run.profile.name, nodes, ok, models, note)


def _serving(node: NodeStatus) -> NodeStatus:
    from dataclasses import replace

    return replace(node, phase=Phase.SERVING) if node.engine in ("running", "differs") else node


def _api(run: Run) -> tuple[tuple[str, ...], Msg | None]:
    prober = Prober(run)
    try:
        return prober.service().models(timeout=5.0), None
    except UserError as error:
        return (), error.what
    except Halted:
        return (), Msg.of("deploy.error.interrupted")
    finally:
        prober.close()


def _node(run: Run, node: Node) -> NodeStatus:
    if not run.links.get(node.index).alive:
        run.links.again(node.index, "connect")
    parts = [Part("lock", run.script(node, "lock"))]
    parts += [Part(step, run.script(node, step)) for step in SURVEY]
    parts.append(Part("flags", run.script(node, "launch"), ("serving",)))
    parts.append(Part("log", run.script(node, "launch"), ("last", str(LOG_LINES))))
    found = run.survey(node, parts, stage="connect")
    launch = found.get("launch", State("unknown"))
    container = found.get("container", State("unknown"))
    holder = read_holder(found.get("lock", State("unknown")))
    engine = _ENGINES.get(launch.word, "unknown")
    running = read_flags(found.get("flags", State("unknown")).fact("serve") or "")
    odd = differences(running, wanted_flags(run.profile, node.index))
    if engine == "running" and odd:
        engine = "differs"
    return NodeStatus(
        index=node.index,
        name=node.name,
        steps={step: found[step].word for step in SURVEY if step in found},
        container=_container(container),
        container_id=(container.fact("container") or "").partition(" ")[0][:12],
        engine=engine,
        pid=_number(launch.fact("pid")),
        uptime_s=_number(launch.fact("age")),
        exit_code=_number(launch.fact("rc")),
        flags=tuple(odd),
        phase=_phase(node, engine, found.get("log", State("unknown")).lines),
        patches=_patches(run, found.get("patches", State("unknown"))),
        lock=LockHolder(holder[1], holder[0]) if holder is not None else None,
    )


def _number(word: str | None) -> int | None:
    return int(word) if word is not None and word.isdigit() else None


def _container(state: State) -> ContainerState:
    if state.word == "differs":
        return "differs"
    if state.has("stopped"):
        return "stopped"
    words: dict[str, ContainerState] = {"done": "running", "missing": "absent"}
    return words.get(state.word, "unknown")


def _patches(run: Run, state: State) -> str:
    if run.profile.launch.parsers == "plugin":
        return "plugin"
    if state.word == "missing" and not state.has("file"):
        return "absent"
    files = [words.rpartition(" ")[2] for words in state.all("file")]
    if not files or state.word == "unknown":
        return "unknown"
    for word in ("foreign", "builtin"):
        if word in files:
            return word
    if all(word == "patched" for word in files):
        return "patched"
    return "partial" if "patched" in files else "pristine"


def _phase(node: Node, engine: EngineState, lines: tuple[str, ...]) -> Phase | None:
    from glm47_tui.diagnose import PhaseReader

    if engine == "dead":
        return Phase.GONE
    if engine not in ("running", "differs"):
        return None
    reader = PhaseReader(node.name)
    seen = [found for line in lines if (found := reader.read(line)) is not None]
    return Phase(seen[-1].phase) if seen else Phase.STARTING
