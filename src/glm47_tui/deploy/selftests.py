"""The self-tests of both parsers, beside the launch.

vLLM imports itself for half a minute before it loads weights, and so does the self-test: side by
side a wrong parser is told as early as before, and nobody waits for it. A test that fails ends the
launch, or the wait for readiness, and the engines with it.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Sequence

from glm47_tui.deploy.errors import Halted, Trouble, internal
from glm47_tui.deploy.node_steps import SELF_TEST_S, self_test
from glm47_tui.deploy.run import Node, Run
from glm47_tui.errors import UserError
from glm47_tui.i18n import Msg

_POLL_S = 0.1


class SelfTests:
    """The self-tests of some nodes, on threads of their own, which begin at once.

    ``stop`` is set as soon as one fails, the run is to end, or they were closed: what runs beside
    them ends then. ``passed`` is called with each node whose tests are all right, and words for it.
    """

    def __init__(
        self,
        run: Run,
        nodes: Sequence[Node],
        *,
        stage: str,
        passed: Callable[[Node, Msg], None],
    ) -> None:
        self._run = run
        self._stage = stage
        self._passed = passed
        self.stop = threading.Event()
        self._errors: dict[int, UserError] = {}
        self._open = {node.index for node in nodes}
        self._over = threading.Event()
        self._threads = [
            threading.Thread(target=self._test, args=(n,), name=f"selftest-{n.name}", daemon=True)
            for n in nodes
        ]
        for thread in self._threads:
            thread.start()
        threading.Thread(target=self._watch_halt, name="selftest-halt", daemon=True).start()

    def _test(self, node: Node) -> None:
        try:
            words = self_test(self._run, node, SELF_TEST_S, stage=self._stage, cancel=self.stop)
            self._open.discard(node.index)
            self._passed(node, words)
        except Halted:
            return
        except UserError as error:
            self._errors[node.index] = error
        except Exception as error:
            self._errors[node.index] = internal(error)
        if node.index in self._errors:
            self.stop.set()

    def _watch_halt(self) -> None:
        while not self._over.wait(_POLL_S):
            if self._run.halt.is_set():
                self.stop.set()
                return

    @property
    def failed(self) -> dict[int, UserError]:
        """What failed, by node."""
        return dict(self._errors)

    def open(self, index: int) -> bool:
        """Whether the tests of a node have not passed (yet)."""
        return index in self._open

    @property
    def trouble(self) -> Trouble | None:
        """What failed, of the first node on which one did; None while nothing has."""
        errors = self.failed
        return Trouble(errors[min(errors)], min(errors)) if errors else None

    def check(self) -> None:
        """Raise Trouble if one has failed."""
        if (trouble := self.trouble) is not None:
            raise trouble

    def settle(self, seconds: float) -> None:
        """Wait until all have ended or one has failed, for so long at most."""
        end = time.monotonic() + seconds
        while any(thread.is_alive() for thread in self._threads) and time.monotonic() < end:
            if self.stop.wait(_POLL_S):
                return

    def wait(self) -> None:
        """Wait until all have ended. Raises Trouble for one that failed, Halted with the run."""
        for thread in self._threads:
            thread.join(SELF_TEST_S)
        self._run.check()
        self.check()

    def close(self) -> None:
        """End those that run."""
        self.stop.set()
        self._over.set()
        for thread in self._threads:
            thread.join()
