"""The monitor's pane on a recording: what it shows, how it follows, what its keys do."""

from __future__ import annotations

import gc
import weakref
from contextlib import nullcontext
from pathlib import Path

import pytest
from textual import events

from glm47_tui.i18n import set_language
from glm47_tui.monitor import Player
from glm47_tui.screens.monitor_pane import MonitorPane
from glm47_tui.screens.watching import MonitorApp
from glm47_tui.widgets.quiet import forget_removed
from glm47_tui.widgets.watch_events import EventList
from glm47_tui.widgets.watch_full import NodeFull
from glm47_tui.widgets.watch_logs import LogView
from glm47_tui.widgets.watch_nodes import NodeList, spark
from tests.tui.nights import drawn, log, text_of


async def test_shows_nodes_ranks_and_the_ill_npu(player: Player) -> None:
    app = MonitorApp(player)
    async with app.run_test(size=(120, 40)) as pilot:
        app.query_one(MonitorPane).tick()
        await pilot.pause()
        nodes = text_of(app.query_one(NodeList))
        assert "node0" in nodes
        assert "✗ NPU 0 Alarm" in nodes.splitlines()[1]
        assert "NPU" not in nodes.splitlines()[0]
        engine = str(app.query_one("#watch-engine").render())
        assert "running 4" in engine
        assert "rank 1 node1" in engine


@pytest.mark.parametrize("size", [(80, 24), (120, 40), (480, 135)])
@pytest.mark.parametrize("lang", ["en", "zh_CN"])
async def test_no_line_is_wider_than_the_pane(
    player: Player, size: tuple[int, int], lang: str
) -> None:
    set_language(lang)
    app = MonitorApp(player)
    async with app.run_test(size=size) as pilot:
        pane = app.query_one(MonitorPane)
        pane.tick()
        await pilot.press("e")
        await pilot.pause()
        for view in app.query("LineView"):
            for y in range(view.size.height):
                strip = view.render_line(y)  # type: ignore[attr-defined]
                assert strip.cell_length == view.size.width - (
                    1 if view.show_vertical_scrollbar else 0
                )  # type: ignore[attr-defined]
        assert "NPU 0" in text_of(app.query_one(EventList))


async def test_follows_until_the_user_goes_up(player: Player) -> None:
    app = MonitorApp(player)
    async with app.run_test(size=(120, 40)) as pilot:
        view = next(iter(app.query(LogView)))
        view.focus()
        await pilot.pause()
        assert view.following
        await pilot.press("pageup")
        await pilot.pause()
        assert not view.following
        held = view.visible_lines()
        player.board.reader(0).feed(log(*(f"new {i}" for i in range(50)), end=12000))
        app.query_one(MonitorPane).tick()
        await pilot.pause()
        assert view.visible_lines() == held
        assert view.behind == 50
        await pilot.press("end")
        await pilot.pause()
        assert view.following
        assert view.visible_lines()[-1] == "new 49"


async def test_the_wheel_holds_the_log(player: Player) -> None:
    app = MonitorApp(player)
    async with app.run_test(size=(120, 40)) as pilot:
        view = next(iter(app.query(LogView)))
        await pilot.pause()
        before = view.scroll_offset.y
        view._on_mouse_scroll_up(events.MouseScrollUp(view, 1, 1, 0, -1, 0, False, False, False))
        while view.scroll_offset.y == before:
            await pilot.pause(0.01)
        assert not view.following


async def test_lines_in_sight_are_copied(player: Player) -> None:
    app = MonitorApp(player)
    async with app.run_test(size=(120, 40)) as pilot:
        view = next(iter(app.query(LogView)))
        view.focus()
        await drawn(app, pilot)
        await pilot.press("y")
        assert app.clipboard.splitlines() == view.visible_lines()
        assert app.clipboard.splitlines()[-1].endswith("line 299")
        await pilot.press("m", "y")
        assert app.clipboard.splitlines()[-1].startswith("node1 INFO")


async def test_help_lists_the_keys_and_closes(player: Player) -> None:
    app = MonitorApp(player)
    async with app.run_test(size=(120, 40)) as pilot:
        await pilot.press("question_mark")
        await pilot.pause()
        assert len(app.screen_stack) == 2
        keys = str(app.screen.query_one("#help-keys").render())
        for words in ("Search", "First error", "Enlarge", "Copy", "Pager", "Level"):
            assert words in keys
        await pilot.press("escape")
        await pilot.pause()
        assert len(app.screen_stack) == 1


async def test_search_marks_and_goes_there(player: Player) -> None:
    app = MonitorApp(player)
    async with app.run_test(size=(120, 40)) as pilot:
        await pilot.press("slash", *"line 4", "enter")
        await pilot.pause()
        view = next(iter(app.query(LogView)))
        assert not view.following
        assert view.selected is not None
        assert any(name == "found" for _, name in view.parts(view.selected))
        before = view.selected
        await pilot.press("N")
        assert view.selected is not None
        assert view.selected < before


async def test_search_text_that_is_no_expression_is_taken_as_it_is(player: Player) -> None:
    app = MonitorApp(player)
    async with app.run_test(size=(120, 40)) as pilot:
        await pilot.press("slash", *"[x.py", "enter")
        await pilot.pause()
        assert next(iter(app.query(LogView))).selected is not None
        assert "search: [x.py " in str(app.query_one("#watch-log-title").render())
        assert [n for n in app._notifications if "no regular expression" in n.message]


async def test_first_error_level_and_layout(player: Player) -> None:
    app = MonitorApp(player)
    async with app.run_test(size=(120, 40)) as pilot:
        await pilot.press("f")
        await pilot.pause()
        view = next(iter(app.query(LogView)))
        assert view.selected == 150
        await pilot.press("v", "v")
        await pilot.pause()
        views = list(app.query(LogView))
        assert [v.count() for v in views] == [1, 1]
        await pilot.press("v", "m")
        await pilot.pause()
        merged = [view for view in app.query(LogView) if view.display]
        assert [v.count() for v in merged] == [600]
        assert text_of(merged[0]).splitlines()[0].strip().startswith("node0")


async def test_one_node_enlarged_and_back(player: Player) -> None:
    app = MonitorApp(player)
    async with app.run_test(size=(120, 40)) as pilot:
        app.query_one(MonitorPane).tick()
        await pilot.press("down", "enter")
        app.query_one(MonitorPane).tick()
        await pilot.pause()
        full = text_of(app.query_one(NodeFull))
        assert "node1" in full
        assert "Alarm" in full
        assert "8 x 910B2" in full
        assert full.count("OK") == 7
        assert "rank 1 busy  running 1" in full
        await pilot.press("escape")
        assert not app.query_one(MonitorPane).has_class("-full")


async def test_language_changes_while_it_stands(player: Player) -> None:
    app = MonitorApp(player)
    async with app.run_test(size=(120, 40)) as pilot:
        pane = app.query_one(MonitorPane)
        pane.tick()
        await pilot.press("f2")
        pane.tick()
        await pilot.pause()
        assert "引擎" in str(app.query_one("#watch-engine").render())


def test_sparkline_is_one_cell_a_character_and_shows_gaps() -> None:
    drawn = spark([0.0, 100.0, float("nan"), 50.0], 4)
    assert len(drawn) == 4
    assert all(0x2800 <= ord(c) <= 0x28FF for c in drawn)
    assert drawn[:2] == "\u2800\u2800"
    assert drawn[2] == chr(0x2800 | 0x40 | 0xB8)


async def test_a_bug_ends_the_monitor_without_a_traceback(
    player: Player, capsys: pytest.CaptureFixture[str]
) -> None:
    app = MonitorApp(player)

    def broken() -> None:
        secret = "hunter2"  # noqa: F841 - a local that must not be shown
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        async with app.run_test(size=(80, 24)) as pilot:
            app.call_later(broken)
            await pilot.pause()
    said = " ".join(str(part) for part in app._exit_renderables) + "".join(capsys.readouterr())
    assert "ZeroDivisionError" in said
    assert "hunter2" not in said
    assert "Traceback" not in said


@pytest.mark.parametrize(
    ("pager", "said"),
    [
        ("less 'x", "PAGER has a quote without its end: less 'x"),
        ("/no/such/pager -R", "The pager /no/such/pager did not do its work"),
        ("false", "exit code 1"),
        ("'/no such dir/[b]pager' -R", "/no such dir/[b]pager"),
    ],
)
async def test_a_pager_that_does_not_work_is_named(
    player: Player, pager: str, said: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PAGER", pager)
    app = MonitorApp(player)
    monkeypatch.setattr(app, "suspend", nullcontext)  # there is no terminal to hand over here
    async with app.run_test(size=(120, 40)) as pilot:
        await pilot.press("o")
        await pilot.pause()
        assert [n.message for n in app._notifications if said in n.message], app._notifications


async def test_the_pager_gets_the_log_by_its_words(
    player: Player, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen = tmp_path / "seen it.txt"
    script = tmp_path / "my pager"
    script.write_text(f'#!/bin/sh\n[ "$1" = -R ] && cat "$2" > "{seen}"\n')
    script.chmod(0o700)
    monkeypatch.setenv("PAGER", f"'{script}' -R")
    app = MonitorApp(player)
    monkeypatch.setattr(app, "suspend", nullcontext)
    async with app.run_test(size=(120, 40)) as pilot:
        await pilot.press("o")
        await pilot.pause()
        assert not list(app._notifications)
    assert "line 299" in seen.read_text()


async def test_without_a_terminal_to_hand_over_it_is_said(player: Player) -> None:
    app = MonitorApp(player)
    async with app.run_test(size=(120, 40)) as pilot:
        await pilot.press("o")
        await pilot.pause()
        assert [n for n in app._notifications if "cannot be handed over" in n.message]


async def test_what_stands_beside_a_dialog_does_not_grow_old_unsaid(player: Player) -> None:
    app = MonitorApp(player)
    async with app.run_test(size=(120, 40)) as pilot:
        pane = app.query_one(MonitorPane)
        await pilot.press("question_mark")
        assert app.screen is not pane.screen
        player._at += 60  # the recorded time goes on, no reading comes
        pane.relabel()
        pane.tick()
        assert "STALE" in text_of(pane.query_one(NodeList))
        await pilot.press("escape")


@pytest.mark.parametrize("first", ["", "m", "e", "slash,enter"])
@pytest.mark.parametrize("keys", ["z,z", "i,escape", "i,z,z,i", "e,e", "m,m,m", "z,m,m,m,z"])
async def test_what_is_hidden_takes_no_key_with_it(player: Player, first: str, keys: str) -> None:
    app = MonitorApp(player)
    async with app.run_test(size=(120, 40)) as pilot:
        for key in [*first.split(","), *keys.split(","), "i"]:
            if key:
                await pilot.press(key)
                await pilot.pause()
        pane = app.query_one(MonitorPane)
        assert not pane.has_class("-zoom")
        assert pane.has_class("-full")


@pytest.mark.parametrize(
    ("size", "title"),
    [((120, 40), "Logs side by side: node0 | node1"), ((80, 24), "Logs merged by time")],
)
async def test_logs_stand_side_by_side_where_there_is_room_and_say_whose_they_are(
    player: Player, size: tuple[int, int], title: str
) -> None:
    app = MonitorApp(player)
    async with app.run_test(size=size) as pilot:
        await drawn(app, pilot)
        assert title in str(app.query_one("#watch-log-title").render())
        app.query_one(NodeList).choose(1)
        app.query_one(MonitorPane)._layout = "merged"
        await pilot.press("m")
        assert "node1" in str(app.query_one("#watch-log-title").render())


async def test_a_change_of_layout_makes_no_widget_anew(player: Player) -> None:
    """What a removed widget has painted stays in memory: see MonitorPane._show_views."""
    app = MonitorApp(player)
    async with app.run_test(size=(120, 40)) as pilot:
        await drawn(app, pilot)
        seen: set[LogView] = set()
        for _ in range(6):
            await pilot.press("m")
            await pilot.pause()
            seen |= set(app.query(LogView))
            shown = [view for view in app.query(LogView) if view.display]
            assert shown == app.query_one(MonitorPane)._views
            assert all(view.count() >= 300 for view in shown)
        assert len(seen) == 2


async def test_what_a_closed_dialog_has_painted_is_let_go(player: Player) -> None:
    app = MonitorApp(player)
    async with app.run_test(size=(120, 40)) as pilot:
        await drawn(app, pilot)
        await pilot.press("question_mark")
        await pilot.pause()
        painted = [weakref.ref(widget._styles_cache) for widget in app.screen.walk_children()]
        assert len(painted) > 3
        await pilot.press("escape")
        await pilot.pause()
        forget_removed()
        gc.collect()
        assert [kept for kept in painted if kept() is not None] == []
