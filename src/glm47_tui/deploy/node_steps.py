"""The steps that each node takes for itself: folder, image, files, container, patches."""

from __future__ import annotations

import re
import threading
import time
from dataclasses import dataclass
from typing import Final

from glm47_tui.deploy.consent import Question
from glm47_tui.deploy.errors import failed
from glm47_tui.deploy.run import Node, Run
from glm47_tui.deploy.steps import Step
from glm47_tui.deploy.survey import State
from glm47_tui.errors import UserError
from glm47_tui.i18n import Msg
from glm47_tui.remote.api import PushFile
from glm47_tui.render import deployed_files

SELF_TEST_S: Final = 600.0
"""Limit of a self-test, which imports vLLM and reads the tokenizer: a minute on a busy host."""


@dataclass(frozen=True)
class Workdir(Step):
    """The folder of the profile on the node. It belongs to the stage of the lock."""

    id: str = "workdir"


@dataclass(frozen=True)
class Image(Step):
    """The container image, pulled if it is missing."""

    id: str = "image"
    cancel: bool = True

    def limit(self, run: Run) -> float:
        """Seconds for the pull, by the profile."""
        return run.profile.limits.pull_min * 60.0

    def present(self, run: Run, node: Node, state: State) -> Msg | None:
        """Name the image's id."""
        del run, node
        words = (state.fact("image") or "").split()
        short = words[0].removeprefix("sha256:")[:12] if words else "?"
        return Msg.of("deploy.note.image", id=short, arch=words[1] if len(words) > 1 else "?")

    def apply(self, run: Run, node: Node, state: State, args: tuple[str, ...]) -> None:
        """Pull, and say how many layers have come."""
        del state, args
        pull = Pull(run, node, self.limit(run))
        result = run.call(
            node, self.id, "apply",
            stage=self.id, timeout=self.limit(run), cancel=True, on_line=pull.line,
        )  # fmt: skip
        self.must(run, node, result)


SAY_S = 0.25
"""Docker prints many lines at once; people see four a second."""


class Pull:
    """Progress of ``docker pull`` without a terminal: it names each layer's stations."""

    _LAYER = re.compile(r"([0-9a-f]{12}): (\w[\w ]*)")

    def __init__(self, run: Run, node: Node, limit_s: float) -> None:
        self._run = run
        self._node = node
        self._limit = limit_s
        self._clock = time.monotonic
        self._begin = time.monotonic()
        self._layers: dict[str, float] = {}
        self._said = 0.0

    def line(self, text: str) -> None:
        """Take one line of docker's."""
        found = self._LAYER.match(text)
        if found is None:
            return
        share = {"Download complete": 0.5, "Verifying Checksum": 0.4, "Pull complete": 1.0}
        worth = 1.0 if found[2].startswith("Already exists") else share.get(found[2].strip(), 0.0)
        self._layers[found[1]] = max(worth, self._layers.get(found[1], 0.0))
        done = sum(1 for worth in self._layers.values() if worth >= 1.0)
        now = self._clock()
        if now - self._said < SAY_S and done < len(self._layers):
            return
        self._said = now
        self._run.progress(
            "image",
            self._node.index,
            Msg.of("deploy.progress.pull", done=done, layers=len(self._layers)),
            fraction=sum(self._layers.values()) / len(self._layers),
            elapsed=now - self._begin,
            limit=self._limit,
        )


@dataclass(frozen=True)
class Files(Step):
    """Scripts and patches of this profile."""

    id: str = "files"

    def present(self, run: Run, node: Node, state: State) -> Msg | None:
        """Say where they are."""
        del state
        count = len(deployed_files(run.profile, node.index))
        return Msg.of("deploy.note.files", count=count, folder=run.profile.base_dir)

    def apply(self, run: Run, node: Node, state: State, args: tuple[str, ...]) -> None:
        """Write those that are missing or other than wanted."""
        del args
        stale = set(state.all("stale"))
        files = [f for f in deployed_files(run.profile, node.index) if f.path in stale]
        run.links.get(node.index).push(
            [PushFile(f.path, f.data, f.mode) for f in files], timeout=self.apply_s
        )


@dataclass(frozen=True)
class Container(Step):
    """The container: run it, start it, or ask what to do with one that differs."""

    id: str = "container"
    apply_s: float = 300.0

    def present(self, run: Run, node: Node, state: State) -> Msg | None:
        """Name it."""
        del node
        ident = (state.fact("container") or "?").split()[0][:12]
        key = "kept_container" if state.has("kept") else "container"
        return Msg.of(f"deploy.note.{key}", name=run.profile.container.name, id=ident)

    def needed(self, run: Run, node: Node, state: State) -> Msg | None:
        """Run it, or start it."""
        del run, node
        return Msg.of(f"deploy.needed.{'start' if state.has('stopped') else 'container'}")

    def decide(self, run: Run, node: Node, state: State) -> tuple[str, ...] | None:
        """Ask about one that differs."""
        if state.word != "differs":
            return ()
        details = tuple(differences(state))
        for line in details:  # for an unattended run and the journal: nobody sees the question
            run.bus.log(node.index, self.id, line)
        answer = run.ask(
            Question(
                id="container.differs",
                node=node.index,
                text=Msg.of(
                    "deploy.question.container", name=run.profile.container.name, node=node.name
                ),
                options=("replace", "keep", "stop"),
                default="replace",
                details=details,
            )
        )
        return (answer,)


def differences(state: State) -> list[str]:
    """How the container that stands there differs, as lines."""
    out = [f"image {words}" for words in state.all("differs")]
    out += [f"- {line}" for line in state.all("absent")]
    out += [f"+ {line}" for line in state.all("extra")]
    return out


@dataclass(frozen=True)
class Patches(Step):
    """The parsers of GLM-4.7 in vLLM. That they work is proved beside the launch (selftests)."""

    id: str = "patches"
    apply_s: float = 180.0

    def present(self, run: Run, node: Node, state: State) -> Msg | None:
        """Say how it is done."""
        del node
        if run.profile.launch.parsers == "plugin":
            return Msg.of("deploy.note.plugin")
        builtin = any(words.endswith(" builtin") for words in state.all("file"))
        key = "builtin" if builtin else "patched"
        return Msg.of(f"deploy.note.{key}", version=state.fact("version") or "?")

    def broken(self, run: Run, node: Node, state: State) -> UserError:
        """Name the foreign file; its diff is in the log."""
        if not state.has("foreign"):
            return super().broken(run, node, state)
        files = [words.split()[0] for words in state.all("file") if words.endswith(" foreign")]
        return failed("foreign", files=", ".join(files) or "?", folder=state.fact("vllm") or "?")


_OF_THE_MODEL = ("tokenizer", "tokens")
"""Self-tests that fail because of the model's files, whatever the parsers are."""


def self_test(run: Run, node: Node, limit_s: float, *, stage: str, cancel: threading.Event) -> Msg:
    """Feed both parsers with GLM-4.7's text in the container; raises DeployFailed, Halted."""
    run.progress(stage, node.index, Msg.of("deploy.progress.selftest"), limit=limit_s)
    result = run.call(
        node, "patches", "verify", stage=stage, timeout=limit_s, tries=2, cancel=cancel
    )
    tests = [fact for fact in result.facts if fact[0] == "selftest" and len(fact) > 2]
    bad = [fact for fact in tests if fact[2] != "ok"]
    if result.ok and not bad:
        return Msg.of("deploy.note.selftest", count=len(tests))
    lines = (result.out + "\n" + result.err).splitlines()
    run.causes.feed(node.index, lines, "selftest")
    if bad:
        raise failed(
            "selftest_model" if bad[0][1] in _OF_THE_MODEL else "selftest",
            test=Msg.of(f"render.selftest.{bad[0][1]}"),
            line=" ".join(bad[0][3:])[:300] or "-",
        )
    last = [line for line in lines if line.strip() and not line.startswith("@@ ")]
    raise failed("selftest_died", code=result.code, line=last[-1][:300] if last else "-")
