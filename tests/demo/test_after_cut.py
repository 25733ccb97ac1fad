"""What a run that was cut short left behind does not stand in the way of the next one."""

from __future__ import annotations

from glm47_tui.checks import blockers, gather, run
from glm47_tui.deploy.events import Event, Status, StepChanged
from tests.demo.conftest import Lab
from tests.demo.jobs import Runner


def test_the_checks_know_the_engine_that_an_interrupted_run_left(lab: Lab) -> None:
    first = Runner(lab.profile, lab.fleet)

    def launched(event: Event) -> None:
        if not isinstance(event, StepChanged) or event.status is not Status.APPLIED:
            return
        if (event.stage, event.node) == ("launch", 0):
            first.cancel.set()

    first.on = launched
    assert first.run().exit_code == 130

    evidence = gather(lab.fleet, lab.profile, only=("ports", "npu"))
    assert evidence.facts[0].listening(lab.profile.launch.rpc_port), "the head's engine runs"
    findings = run(lab.profile, evidence, ("ports", "npu"))
    assert not blockers(findings, ()), [str(f.found) for f in blockers(findings, ())]

    assert Runner(lab.profile, lab.fleet).run().exit_code == 0
