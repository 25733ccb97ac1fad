"""Full logs of two nodes: the first answer is right, whatever the clocks and the colours."""

from __future__ import annotations

from pathlib import Path

import pytest

from glm47_tui.diagnose import Diagnoser, Report, diagnose_files, report_lines, report_to_json
from glm47_tui.i18n import set_language

from . import noise, scenarios
from .scenarios import Answer, Scenario
from .worlds import EPOCH, Node, pair, together

VARIANTS = [{}, {"skew": 45.0}, {"skew": -70.0, "colour": True}, {"docker": True, "colour": True}]


def diagnose(nodes: tuple[Node, Node], answer: Answer | None = None) -> Report:
    diagnoser = Diagnoser(reference=EPOCH + 90_000.0)
    for node in nodes:
        diagnoser.feed(node.name, node.lines, f"{node.name}.log")
    for where, lines in (answer.extra if answer else {}).items():
        name, _, file = where.partition("=")
        diagnoser.feed(name, lines, file)
    return diagnoser.report()


@pytest.mark.parametrize("options", VARIANTS, ids=str)
@pytest.mark.parametrize("build", scenarios.ALL, ids=lambda s: s.__name__)
def test_the_first_answer_is_right(build: Scenario, options: dict) -> None:
    nodes, answer = build(**options)
    report = diagnose(nodes, answer)
    assert [c.entry for c in report.causes] == [answer.entry, *answer.others]
    first = report.causes[0].place
    assert answer.node in ("", first.node)
    assert answer.text in first.text
    assert answer.process in first.process
    if first.file == f"{first.node}.log":
        assert answer.text in nodes[int(first.node[-1])].lines[first.line - 1]


def test_there_are_twenty_and_they_are_full() -> None:
    assert len(scenarios.ALL) >= 20
    sizes = [sum(len(node.lines) for node in build()[0]) for build in scenarios.ALL]
    assert sum(size > 100 for size in sizes) >= 15


def test_a_good_start_has_nothing_to_say() -> None:
    nodes = pair()
    together(nodes, Node.good_start, Node.serve)
    report = diagnose(nodes)
    assert report.causes == ()
    assert report.first_error is None
    assert [n.entry for n in report.notes] == ["device.padding"]
    assert [(p.node, p.phase) for p in report.phases] == [
        ("node0", "serving"),
        ("node1", "serving"),
    ]


def test_a_restart_leaves_the_earlier_run_out() -> None:
    (zero, one), _ = scenarios.leftovers_hold_the_npus_of_node1()
    begin = {node.name: len(node.lines) for node in (zero, one)}
    together((zero, one), Node.good_start, Node.serve)
    zero.log(zero.api, "ERROR", "glm4_moe_tool_parser.py:122", "Failed to extract tool call spec")
    report = diagnose((zero, one))
    assert [c.entry for c in report.causes] == ["parser.tool_format"]
    assert report.causes[0].place.line > begin["node0"]
    assert report.skipped_runs == 2


def test_all_runs_on_request() -> None:
    (zero, one), _ = scenarios.leftovers_hold_the_npus_of_node1()
    together((zero, one), Node.good_start)
    diagnoser = Diagnoser(reference=EPOCH + 90_000.0, all_runs=True)
    for node in (zero, one):
        diagnoser.feed(node.name, node.lines, node.name)
    assert diagnoser.report().skipped_runs == 0


def test_a_launch_that_fails_before_its_first_line_is_a_run_of_its_own() -> None:
    (zero, one), _ = scenarios.leftovers_hold_the_npus_of_node1()
    zero.raw("vllm: error: unrecognized arguments: --enable-multistream-moe")
    one.raw("vllm: error: unrecognized arguments: --enable-multistream-moe")
    report = diagnose((zero, one))
    assert [c.entry for c in report.causes] == ["args.unknown"]
    assert report.skipped_runs == 2
    diagnoser = Diagnoser()
    diagnoser.feed("node0", zero.lines[-1:], "node0.log")
    assert diagnoser.report().skipped_runs == 0


def test_nothing_matched_quotes_the_first_error_of_the_first_failing_rank() -> None:
    nodes = zero, one = pair(skew=30.0)
    together(nodes, Node.launch, Node.join, lambda n: n.weights(30))
    one.workers_fail([5], "ValueError: a thing nobody has written down yet")
    one.engine_falls()
    zero.wait(10)
    zero.workers_fail(range(8), "ValueError: another thing that came later")
    diagnoser = Diagnoser(reference=EPOCH + 90_000.0, skew={"node1": 30.0})
    for node in nodes:
        diagnoser.feed(node.name, node.lines, node.name)
    report = diagnoser.report()
    assert report.causes == ()
    assert report.first_error is not None
    assert report.exception is not None
    assert report.first_error.process == one.worker(5)
    assert "WorkerProc failed to start." in report.first_error.text
    assert "a thing nobody has written down yet" in report.exception.text
    assert report.exception.text in one.lines[report.exception.line - 1]


def test_skew_decides_between_two_independent_causes() -> None:
    (zero, one), _ = scenarios.two_faults_at_once_stand_apart()
    diagnoser = Diagnoser(reference=EPOCH + 90_000.0, skew={"node1": -900.0})
    for node in (zero, one):
        diagnoser.feed(node.name, node.lines, node.name)
    entries = [c.entry for c in diagnoser.report().causes]
    assert entries == ["memory.npu_oom", "model.shard"]


def test_what_the_service_outlived_is_no_cause() -> None:
    nodes = zero, _one = pair()
    together(nodes, Node.launch)
    zero.log(zero.core, "ERROR", "core.py:1", "Connection reset by peer, trying again")
    together(nodes, Node.join, Node.weights, Node.profile, Node.capture, Node.serve)
    assert diagnose(nodes).causes == ()


@pytest.mark.parametrize("lines", [1, 7, 1000])
def test_fed_bit_by_bit_the_answer_is_the_same(lines: int) -> None:
    nodes, answer = scenarios.leftovers_hold_the_npus_of_node1()
    whole = diagnose(nodes)
    diagnoser = Diagnoser(reference=EPOCH + 90_000.0)
    for node in nodes:
        for at in range(0, len(node.lines), lines):
            diagnoser.feed(node.name, node.lines[at : at + lines], f"{node.name}.log")
    assert report_to_json(diagnoser.report()) == report_to_json(whole)
    assert whole.causes[0].entry == answer.entry


def test_the_report_says_where_why_and_what_to_do(tmp_path: Path) -> None:
    nodes, _ = scenarios.leftovers_hold_the_npus_of_node1()
    paths = []
    for node in nodes:
        path = tmp_path / f"glm_47_infer_{node.name}_log.txt"
        path.write_text("\n".join([*noise.healthy(50), *node.lines]) + "\n", encoding="utf-8")
        paths.append(str(path))
    report = diagnose_files(paths)
    for lang, words in (("en", "What to do: "), ("zh_CN", "处理：")):
        set_language(lang)
        try:
            text = "\n".join(report_lines(report))
        finally:
            set_language("en")
        assert words in text
        assert f"node1  {paths[1]}:{report.causes[0].place.line}" in text
        assert "EJ0001: [PID: 512]" in text
        assert "$ npu-smi info" in text


def test_an_engine_that_was_told_to_end_did_not_fail() -> None:
    nodes = zero, one = pair()
    together(nodes, Node.launch)
    zero.raw(
        f"({zero.api}) Traceback (most recent call last):",
        *[f'({zero.api})   File "/vllm-workspace/vllm/vllm/v1/x.py", line {n}' for n in range(90)],
        f'({zero.api})     raise KeyboardInterrupt("terminated")',
        f"({zero.api}) KeyboardInterrupt: terminated",
    )
    one.log("", "INFO", "serve.py:158", "Shutting down.")
    report = diagnose(nodes)
    assert report.causes == ()
    assert report.first_error is None
    assert report.stalls == ()
    assert [(p.node, p.phase) for p in report.phases] == [("node0", "gone"), ("node1", "gone")]
