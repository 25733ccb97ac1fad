"""The draft's nodes: connections, facts, what they suggest, and what the checks say of them."""

from __future__ import annotations

from collections.abc import Callable
from copy import deepcopy
from typing import TYPE_CHECKING, Any

from glm47_tui.checks import Evidence, Finding, Gathering, Severity, blockers, open_warnings
from glm47_tui.errors import UserError
from glm47_tui.i18n import Msg
from glm47_tui.node import NodeFacts, Suggestion, look_all, propose
from glm47_tui.profile import Profile, ProfileInvalid, parse
from glm47_tui.remote import Connection, Fleet, RemoteError, connect
from glm47_tui.session.propose import Proposal, choices, filled
from glm47_tui.session.tasks import Task

if TYPE_CHECKING:
    from glm47_tui.session.session import Session


class NodesRoom:
    """Connections, facts and findings of the draft's nodes. Written on the screen's thread."""

    def __init__(self, session: Session) -> None:
        self.session = session
        self.fleet: Fleet | None = None
        self.failures: dict[int, Exception] = {}
        self.facts: dict[int, NodeFacts] = {}
        self.proposals: dict[int, Proposal] = {}
        self.suggested: tuple[Suggestion, ...] = ()
        """What Detect filled in, with its reasons."""
        self.evidence: Evidence | None = None
        self.findings: tuple[Finding, ...] = ()
        self.waits: dict[int | None, Msg] = {}
        """What is waited for now, by node (None: all)."""
        self.looking: frozenset[str] = frozenset()
        """Checks that are being looked at again; ``*`` for all."""
        self.judged: Profile | None = None
        """The profile the findings speak of."""
        self.fixed: dict[str, Finding] = {}
        """Fixes applied in this session, by finding key, so that they can be taken back."""
        self._logins: tuple[Any, ...] = ()
        self._age = 0
        """Grows when nodes become others: a look that began before speaks of those."""

    # What is known

    @property
    def proven(self) -> bool:
        """Whether the nodes were seen to reach each other both ways, as the draft stands now."""
        draft = self.session.draft
        if draft is None or self.evidence is None or self.judged is None:
            return False
        same = draft.profile is not None and draft.profile.nodes == self.judged.nodes
        all_open = all(r.way in ("open", "held") for r in self.evidence.reach)
        tried = self.evidence.reach_tried or len(draft.nodes) == 1
        return same and tried and all_open and not self.evidence.failures

    @property
    def stale(self) -> bool:
        """Whether the draft was changed since the findings were made."""
        draft = self.session.draft
        if draft is None or self.judged is None:
            return False
        now = draft.profile
        return now is None or now.model_copy(update={"accepted": ()}) != self.judged.model_copy(
            update={"accepted": ()}
        )

    @property
    def accepted(self) -> tuple[str, ...]:
        """Warnings accepted by name, as the draft has them."""
        draft = self.session.draft
        return tuple((draft.get("accepted") or ()) if draft is not None else ())

    @property
    def blockers(self) -> tuple[Finding, ...]:
        """What stops Deploy."""
        return blockers(self.findings)

    @property
    def warnings(self) -> tuple[Finding, ...]:
        """Warnings nobody accepted yet."""
        return open_warnings(self.findings, self.accepted)

    def connection(self, index: int) -> Connection | None:
        """Return an open connection to a node."""
        found = self.fleet.connections.get(index) if self.fleet is not None else None
        return found if found is not None and found.alive else None

    def fixed_of(self, finding: Finding) -> Finding | None:
        """Return the fix that was applied for a finding, to take it back; None: there is none.

        What was said of one node is said of all together once it is fine: then the last one.
        """
        if finding.key in self.fixed:
            return self.fixed[finding.key]
        if finding.node is not None:
            return None
        return next((f for f in reversed(self.fixed.values()) if f.check == finding.check), None)

    # What can be done

    def detect(self) -> None:
        """Log in, look, propose, prove that the nodes reach each other, and judge."""
        self._begin("detect", Msg.of("screens.nodes.task.detect"), frozenset({"*"}))

    def check(self, only: frozenset[str] = frozenset()) -> None:
        """Look again and judge: all checks, or those named."""
        self._begin("checks", Msg.of("screens.checks.task"), only or frozenset({"*"}))

    def accept(self, finding: Finding, yes: bool) -> None:
        """Accept a warning by name, or take that back; the profile remembers it."""
        draft = self.session.draft
        if draft is None or finding.severity is not Severity.WARNING:
            return
        names = [n for n in self.accepted if n not in (finding.key, finding.check)]
        if yes:
            names.append(finding.key)
        draft.set("accepted", names or None)
        self.session.inbox.touch("findings")

    def fix(self, finding: Finding, *, back: bool = False) -> None:
        """Apply a safe fix on its node, or take it back, then look again."""
        connection = self.connection(finding.node) if finding.node is not None else None
        if connection is None or self.session.tasks.running():
            return

        def work(task: Task) -> None:
            from glm47_tui.checks import apply_fix, undo_fix

            (undo_fix if back else apply_fix)(connection, finding)

            def done() -> None:
                if back:
                    self.fixed.pop(finding.key, None)
                else:
                    self.fixed[finding.key] = finding
                # Its thread is through; while a task counts as running, no look begins.
                task.running = False
                self.check(frozenset({finding.check}))

            self.session.inbox.put("findings", done)

        self.session.tasks.start("fix", Msg.of("screens.checks.fixing"), work)

    def _begin(self, name: str, title: Msg, only: frozenset[str]) -> None:
        draft = self.session.draft
        profile = draft.for_connecting() if draft is not None else None
        if draft is None or profile is None or self.session.tasks.running():
            return
        data = deepcopy(draft.data)
        self.looking = only
        self.waits = {}
        age = self._age

        def take(topic: str, change: Callable[[], None]) -> None:
            self.session.inbox.put(topic, lambda: change() if age == self._age else None)

        self.session.tasks.start(
            name, title, lambda task: self._look(task, data, profile, only, take)
        )

    def _look(
        self,
        task: Task,
        data: dict[str, Any],
        profile: Profile,
        only: frozenset[str],
        take: Callable[[str, Callable[[], None]], None],
    ) -> None:
        """Do the work; on a worker thread."""
        from glm47_tui.checks import gather, run

        try:
            fleet = self.connected(profile)
            looks, failed = look_all(fleet, profile)
            facts = {i: seen.facts for i, seen in looks.items()}
            suggested = propose(data, facts)
            whole = _parsed(filled(data, suggested))
            proposals = choices(data, facts)
            take(
                "facts", lambda: self._take_facts(fleet, facts, dict(failed), proposals, suggested)
            )
            if whole is None or task.cancel.is_set():
                return
            evidence = gather(fleet, whole, looks=looks, emit=self._heard)
            ids = None if "*" in only else only
            findings = run(whole, evidence, only=ids)
            take("findings", lambda: self._take_findings(whole, evidence, findings, only))
        finally:
            self.session.inbox.put("facts", self._rest)

    def connected(self, profile: Profile) -> Fleet:
        """Return a fleet with all nodes, making what is missing; on a worker thread."""
        logins = tuple((n.host, profile.node_ssh(i)) for i, n in enumerate(profile.nodes))
        old = self.fleet
        if old is not None and logins != self._logins:
            old.close()
            old = None
        kept = {i: c for i, c in old.connections.items() if c.alive} if old is not None else {}
        missing = [i for i in range(len(profile.nodes)) if i not in kept]
        fleet = Fleet(kept, {})
        if missing:
            made = connect(profile, self.session.asks, only=missing, on_note=self._noted)
            fleet = Fleet({**kept, **made.connections}, made.failures)
        self._logins = logins
        self.fleet = fleet
        return fleet

    def _noted(self, node: str, note: Msg) -> None:
        index = int(node[4:]) if node.startswith("node") and node[4:].isdigit() else None
        self.session.inbox.put("waits", lambda: self.waits.__setitem__(index, note))

    def _heard(self, progress: Gathering) -> None:
        def take() -> None:
            if progress.done:
                self.waits.pop(progress.node, None)
            else:
                self.waits[progress.node] = progress.note

        self.session.inbox.put("waits", take)

    def _take_facts(
        self,
        fleet: Fleet,
        facts: dict[int, NodeFacts],
        failed: dict[int, UserError],
        proposals: dict[int, Proposal],
        suggested: tuple[Suggestion, ...],
    ) -> None:
        self.fleet = fleet
        self.facts = facts
        self.failures = {**fleet.failures, **failed}
        self.proposals = proposals
        self.waits = {}
        draft = self.session.draft
        if draft is not None:
            for found in suggested:
                if draft.get(found.path) is None:
                    draft.set(found.path, found.value)
            kept = {s.path: s for s in (*self.suggested, *suggested)}
            self.suggested = tuple(kept.values())

    def _take_findings(
        self,
        profile: Profile,
        evidence: Evidence,
        findings: tuple[Finding, ...],
        only: frozenset[str],
    ) -> None:
        self.evidence = evidence
        self.facts = dict(evidence.facts) or self.facts
        self.judged = profile
        if "*" in only:
            self.findings = findings
        else:
            kept = [f for f in self.findings if f.check not in only]
            self.findings = (*kept, *findings)

    def _rest(self) -> None:
        self.looking = frozenset()
        self.waits = {}

    def error_of(self, index: int) -> UserError | None:
        """Return why a node could not be reached or looked at."""
        error = self.failures.get(index)
        if error is None:
            return None
        if isinstance(error, (UserError, RemoteError)):
            return error
        return UserError(Msg.of("app.bug", task=f"node{index}", place=type(error).__name__))

    def forget(self) -> None:
        """Drop what is known: the nodes are others now, or have other numbers."""
        self.facts, self.failures, self.proposals = {}, {}, {}
        self.evidence, self.judged, self.findings = None, None, ()
        self.fixed, self.suggested = {}, ()
        self._age += 1
        if self.fleet is not None:
            self.fleet.close()
            self.fleet = None

    def close(self) -> None:
        """Close the connections."""
        if self.fleet is not None:
            self.fleet.close()


def _parsed(data: dict[str, Any]) -> Profile | None:
    try:
        return parse(data)
    except ProfileInvalid:
        return None
