"""The catalogue as a whole: words in both languages, order, and a healthy pair."""

from __future__ import annotations

import re

import pytest

from glm47_tui.checks import CHECKS, GROUPS, Severity, blockers, open_warnings, run
from glm47_tui.checks.catalogue import REGISTRY
from glm47_tui.i18n import set_language, t
from glm47_tui.i18n.catalog import catalog
from tests.unit.checks.atlas import assert_worded, evidence, profile


def test_there_are_at_least_45_checks_with_distinct_ids() -> None:
    assert len(CHECKS) >= 45
    assert len({c.id for c in CHECKS}) == len(CHECKS) == len(REGISTRY)
    assert all(re.fullmatch(r"[a-z]+\.[a-z0-9_]+", c.id) for c in CHECKS)


@pytest.mark.parametrize("check", CHECKS, ids=lambda c: c.id)
def test_every_check_has_a_title_a_reason_a_fix_and_a_source(check) -> None:
    for lang in ("en", "zh_CN"):
        words = catalog(lang, f"checks_{check.group}")
        for part in ("title", "why", "fix"):
            assert words.get(f"checks_{check.group}.{check.name}.{part}"), (lang, part)
    assert check.source
    assert check.group in GROUPS


@pytest.mark.parametrize("group", GROUPS)
def test_a_group_has_a_name_and_speaks_of_its_own_checks_only(group: str) -> None:
    names = {c.name for c in CHECKS if c.group == group}
    for lang in ("en", "zh_CN"):
        assert catalog(lang, "checks")[f"checks.group.{group}"]
        assert {k.split(".")[1] for k in catalog(lang, f"checks_{group}")} == names


def test_a_healthy_pair_has_nothing_to_mend() -> None:
    findings = run(profile(), evidence())
    for finding in findings:
        assert_worded(finding)
    bad = [f for f in findings if f.severity not in (Severity.OK, Severity.INFO)]
    assert [(f.key, t(f.found)) for f in bad] == []
    # Every check has spoken, except those that only speak when something is there.
    silent = {c.id for c in CHECKS} - {f.check for f in findings}
    assert silent == {"model.room", "same.firmware", "same.flags"} - {f.check for f in findings}


def test_findings_come_in_the_order_of_the_groups() -> None:
    groups = [f.check.partition(".")[0] for f in run(profile(), evidence())]
    assert groups == sorted(groups, key=GROUPS.index)


def test_one_check_or_one_group_can_be_run_alone() -> None:
    assert {f.check for f in run(profile(), evidence(), ["net.address"])} == {"net.address"}
    only = {f.check for f in run(profile(), evidence(), ["npu", "ports.api"])}
    assert {c.partition(".")[0] for c in only} == {"npu", "ports"}
    assert len([c for c in only if c.startswith("ports")]) == 1


def test_accepting_lifts_warnings_and_never_blockers() -> None:
    findings = run(profile(), evidence({"npu": "no such thing", "sys": "uid 1000"}))
    stopping = blockers(findings)
    assert "npu.tool" in {f.check for f in stopping}
    accepted = [f.key for f in findings]
    assert blockers(findings, accepted) == stopping
    assert open_warnings(findings)
    assert open_warnings(findings, accepted) == ()
    assert "access.root@node0" in {f.key for f in open_warnings(findings, ["access.login"])}


def test_a_slow_probe_makes_its_checks_unknown_and_says_so() -> None:
    found = {f.key: f for f in run(profile(), evidence({"npu": None}))}
    assert found["npu.health@node0"].severity is Severity.UNKNOWN
    assert "npu-smi" in t(found["npu.health@node0"].found)
    assert found["npu.health@node1"].severity is Severity.OK
    assert found["access.complete@node0"].severity is Severity.WARNING


def test_a_rule_that_breaks_is_unknown_and_hides_nobody(monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(_: object) -> None:
        raise ZeroDivisionError

    check = REGISTRY["net.family"]
    monkeypatch.setattr("glm47_tui.checks.judge.CHECKS", tuple(
        c if c is not check else type(c)(c.id, broken, c.source, c.needs, c.fleet) for c in CHECKS
    ))  # fmt: skip
    found = {f.key: f for f in run(profile(), evidence())}
    assert found["net.family@node0"].severity is Severity.UNKNOWN
    assert "ZeroDivisionError" in t(found["net.family@node0"].found)
    assert found["net.address@node0"].severity is Severity.OK


def test_words_change_with_the_language() -> None:
    title = CHECKS[0].title
    try:
        set_language("zh_CN")
        chinese = t(title)
    finally:
        set_language("en")
    assert chinese != t(title)
