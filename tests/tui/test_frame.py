"""What holds on every step: ways between steps, languages, help, quitting, narrow and wide."""

from __future__ import annotations

from copy import deepcopy
from pathlib import Path

import pytest
from rich.cells import cell_len
from textual import events
from textual.widgets import Input

from glm47_tui.i18n import language
from glm47_tui.session.steps import STEPS
from glm47_tui.widgets import splash
from glm47_tui.widgets.field import FieldRow
from glm47_tui.widgets.keybar import KeyRow
from glm47_tui.widgets.rail import RailItem
from tests.tui.conftest import driving


def test_the_first_picture_has_the_steps_of_the_wizard() -> None:
    assert splash.STEPS == STEPS


async def test_keys_lead_through_all_steps_and_back(pair: str) -> None:
    async with driving(pair) as d:
        seen = [d.app.step_shown]
        for _ in STEPS[1:]:
            before = d.app.step_shown
            await d.keys("ctrl+n")
            if before == "nodes":  # not proven: it asks, with Detect before "go on anyway"
                await d.keys("right", "enter")
            await d.until(lambda b=before: d.app.step_shown != b, "the next step")
            seen.append(d.app.step_shown)
        assert tuple(seen) == STEPS
        await d.keys("ctrl+p")
        await d.until(lambda: d.app.step_shown == "monitor", "one step back")


async def test_numbers_and_clicks_lead_to_a_step(pair: str) -> None:
    async with driving(pair) as d:
        await d.keys("4")
        await d.until(lambda: d.app.step_shown == "review", "Review")
        await d.pilot.click("#rail-profile")
        await d.until(lambda: d.app.step_shown == "profile", "Profile")


async def test_the_language_changes_live_and_keeps_what_was_typed(pair: str) -> None:
    async with driving(pair) as d:
        await d.keys("down", "tab")
        field = d.app.screen.query_one("#field-name Input", Input)
        field.focus()
        await d.type("-x")
        await d.keys("f2")
        assert language() == "zh_CN"
        assert "配置名称" in d.text
        assert "镜像" in d.text
        assert field.value == "atlas-pair-x"
        assert d.app.focused is field
        await d.keys("f2")
        assert "Profile name" in d.text


@pytest.mark.parametrize("lang", ["en", "zh_CN"])
@pytest.mark.parametrize("step", [step for step in STEPS if step != "monitor"])
async def test_keys_and_steps_fit_into_80_columns(pair: str, step: str, lang: str) -> None:
    from glm47_tui.i18n import set_language

    set_language(lang)
    async with driving(pair) as d:
        d.app.action_go(step)
        await d.until(lambda: d.app.step_shown == step, step)
        for row in d.app.screen.query(KeyRow):
            assert row.get_content_width(row.size, row.size) <= 80
        items = d.app.screen.query(RailItem)
        assert max(item.region.right for item in items) <= 80
        assert all(cell_len(line) == 80 for line in d.text.split("\n"))


async def test_a_wide_terminal_has_the_rail_at_the_left(pair: str) -> None:
    async with driving(pair, size=(120, 40)) as d:
        assert {item.region.x for item in d.app.screen.query(RailItem)} == {0}
        await d.pilot.resize_terminal(80, 24)
        await d.until(
            lambda: {i.region.y for i in d.app.screen.query(RailItem)} == {0}, "a line at the top"
        )


async def test_help_names_every_key_of_the_step(pair: str) -> None:
    async with driving(pair) as d:
        await d.keys("2")
        await d.until(lambda: d.app.step_shown == "nodes", "Nodes")
        await d.keys("question_mark")
        await d.sees("Help: Nodes")
        seen = d.text
        await d.keys("down", "down", "down")
        for word in ("Detect", "Make head", "Light/dark", "Back"):
            assert word in seen + d.text
        await d.keys("escape")
        assert "Help: Nodes" not in d.text


async def test_what_is_typed_ahead_of_a_slow_screen_lands_in_the_right_fields(pair: str) -> None:
    async with driving(pair) as d:
        d.app.action_go("nodes")
        await d.until(lambda: d.app.step_shown == "nodes", "Nodes")
        await d.keys("a")
        await d.until(lambda: d.app.screen.query(FieldRow), "the form")
        for key in ("a", "1", "tab", "b", "2", "tab", "c", "3", "shift+tab", "d"):
            printable = key if len(key) == 1 else None
            d.app.post_message(events.Key(key, printable))  # no wait between them
        rows = list(d.app.screen.query(FieldRow))
        await d.until(lambda: rows[1].value == "b2d", "the last key")
        assert [row.value for row in rows[:3]] == ["a1", "b2d", "c3"]


@pytest.mark.parametrize(
    ("typed", "values"),
    [
        ("a b backspace c left d", ["adc", "", ""]),
        ("a enter b backspace c down d ctrl+u e", ["a", "c", "e"]),
        ("a down b up c home d", ["dac", "b", ""]),
    ],
)
async def test_keys_that_come_in_a_bunch_are_taken_in_their_order(
    pair: str, typed: str, values: list[str]
) -> None:
    async with driving(pair) as d:
        d.app.action_go("nodes")
        await d.until(lambda: d.app.step_shown == "nodes", "Nodes")
        await d.keys("a")
        await d.until(lambda: d.app.screen.query(FieldRow), "the form")
        for key in typed.split():
            d.app.post_message(events.Key(key, key if len(key) == 1 else None))
        rows = list(d.app.screen.query(FieldRow))[:3]
        await d.until(lambda: [row.value for row in rows] == values, f"{values}")


@pytest.mark.parametrize("key", ["l", "a", "e"])
async def test_a_form_that_is_given_up_changes_nothing(pair: str, key: str) -> None:
    async with driving(pair) as d:
        d.app.action_go("nodes")
        await d.until(lambda: d.app.step_shown == "nodes", "Nodes")
        draft = d.session.draft
        assert draft is not None
        before = deepcopy(draft.data)
        await d.keys(key)
        await d.until(lambda: d.app.screen.query(FieldRow), "the form")
        await d.type("x")
        await d.keys("tab")
        await d.until(lambda: draft.data != before, "what was typed")
        await d.keys("escape")
        await d.until(lambda: not d.app.screen.query(FieldRow), "no form")
        assert draft.data == before and not draft.changed


async def test_enter_alone_leads_through_a_form_and_changes_nothing(pair: str) -> None:
    async with driving(pair, size=(100, 30)) as d:
        d.app.action_go("nodes")
        await d.until(lambda: d.app.step_shown == "nodes", "Nodes")
        await d.keys("l")
        await d.until(lambda: d.app.screen.query(FieldRow), "the form")
        rows = list(d.app.screen.query(FieldRow))
        before = [row.value for row in rows]
        await d.keys(*["enter"] * len(rows))
        assert d.app.screen.focused is d.app.screen.query_one("#choice-ok")
        assert [row.value for row in rows] == before
        await d.keys("shift+tab", "shift+tab", "space")
        assert [row.value for row in rows] != before


async def test_quitting_with_nothing_running_asks_nothing_and_keeps_the_draft(pair: str) -> None:
    async with driving(pair) as d:
        field = d.app.screen.query_one("#field-container_name Input", Input)
        field.focus()
        await d.type("2")
        await d.keys("tab", "ctrl+q")
        assert d.app.return_value == 0
    from glm47_tui.session.drafts import open_draft

    assert open_draft("atlas-pair").get("container.name") == "vllm-ascend-v0.13.0rc12"


@pytest.mark.parametrize("key", ["ctrl+s", "ctrl+n", "ctrl+o", "ctrl+q"])
async def test_what_is_being_typed_is_kept_with_the_rest(pair: str, key: str) -> None:
    async with driving(pair) as d:
        d.app.screen.query_one("#field-container_name Input", Input).focus()
        await d.type("2")
        await d.keys(key)
        if key == "ctrl+o":
            await d.sees("+ New:")
            d.session.inbox.touch("draft")
            d.app.drain()
            await d.app.workers.wait_for_complete()
            await d.pilot.pause()
            assert "+ New:" in d.text, "the list stays"
    from glm47_tui.session.drafts import open_draft, open_profile

    kept = pair if key == "ctrl+s" else None
    draft = open_profile(kept) if kept else open_draft("atlas-pair")
    assert draft.get("container.name") == "vllm-ascend-v0.13.0rc12"


async def test_a_draft_that_cannot_be_written_is_told_and_ends_nothing(
    pair: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    blocked = tmp_path / "a-file"
    blocked.touch()
    async with driving(pair) as d:
        monkeypatch.setenv("GLM47_TUI_HOME", str(blocked))
        d.app.screen.query_one("#field-container_name Input", Input).focus()
        await d.type("2")
        await d.keys("tab", "ctrl+n")
        await d.until(lambda: d.app.step_shown == "nodes", "Nodes")
        await d.until(lambda: len(d.app._notifications) > 0, "a notice")
        assert str(blocked) in next(iter(d.app._notifications)).message
        assert d.app.faults == []
        await d.keys("ctrl+q")
    assert d.app.return_value == 0
    assert "cannot be written" in " ".join(capsys.readouterr().err.split())


async def test_the_same_words_do_not_pile_up_in_the_corner(pair: str) -> None:
    async with driving(pair) as d:
        for words in ("a full disk", "a full disk", "another thing", "a full disk"):
            d.app.notify(words)
            await d.pilot.pause()
        told = [n.message for n in d.app._notifications]
        assert told == ["another thing", "a full disk"]


async def test_a_fault_ends_the_app_without_a_value_in_its_words(
    pair: str, capsys: pytest.CaptureFixture[str]
) -> None:
    secret = "hunter2-secret"

    class Boom(Exception):
        pass

    with pytest.raises(Boom):
        async with driving(pair) as d:

            def broken() -> None:
                password = secret
                raise Boom(password)

            d.app.call_later(broken)
            await d.until(lambda: not d.app.is_running, "the end")
    said = capsys.readouterr()
    assert "Boom (test_frame.py:" in said.err
    assert secret not in said.out + said.err
