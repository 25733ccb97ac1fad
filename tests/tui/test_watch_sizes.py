"""The monitor's pane: one node enlarged, many nodes, terminals of any size, what is old."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from rich.cells import cell_len, set_cell_size

from glm47_tui.i18n import Msg, set_language, t
from glm47_tui.monitor import MonitorState, Player, WatchEvent, Weight
from glm47_tui.monitor.state import EngineView
from glm47_tui.screens.monitor_pane import MonitorPane
from glm47_tui.screens.monitor_words import engine_line, rank_line
from glm47_tui.screens.watching import MonitorApp
from glm47_tui.widgets.watch_events import EventList
from glm47_tui.widgets.watch_full import NodeFull
from glm47_tui.widgets.watch_nodes import NodeList
from tests.tui.nights import ALARM, IDLE, SAMPLES, drawn, made_of, npu, text_of


async def test_up_and_down_go_to_the_next_node_while_one_is_enlarged(player: Player) -> None:
    app = MonitorApp(player)
    async with app.run_test(size=(80, 24)) as pilot:
        await drawn(app, pilot)
        await pilot.press("i")
        full = app.query_one(NodeFull)
        for key, name in (("down", "node1"), ("down", "node1"), ("up", "node0"), ("down", "node1")):
            await pilot.press(key)
            await pilot.pause()
            assert text_of(full).startswith(name)
        await pilot.press("escape")
        await pilot.pause()
        assert app.query_one(NodeList).selected == 1
        assert app.focused is app.query_one(NodeList)


@pytest.mark.parametrize("width", [80, 100, 120, 240])
async def test_an_enlarged_node_shows_each_npu_s_process_whole(player: Player, width: int) -> None:
    busy = (SAMPLES / "npu_smi_910B2x8_idle_25.2.0_issue3906.txt").read_text()
    none = "| No running processes found in NPU 0 "
    assert none in busy
    row = "| 0       0                 | 24563         | VLLMWorker_DP            | 56189        |"
    lines = [row if line.startswith(none) else line for line in busy.splitlines()]
    player.board.reader(0).feed(npu("\n".join(lines)))
    app = MonitorApp(player)
    async with app.run_test(size=(width, 24)) as pilot:
        await drawn(app, pilot)
        await pilot.press("i")
        app.query_one(MonitorPane).tick()
        await pilot.pause()
        full = app.query_one(NodeFull)
        rows = [full.render_line(y).text for y in range(full.size.height)]
        assert any("24563 VLLMWorker_DP 56189" in row for row in rows)


async def test_ranks_and_processes_that_are_old_say_so(player: Player) -> None:
    player.board.reader(1).feed(["@@ procs 1", " 9 VLLM::EngineCor T 100 5", "@@ end"])
    app = MonitorApp(player)
    async with app.run_test(size=(120, 40)) as pilot:
        pane = app.query_one(MonitorPane)
        await drawn(app, pilot)
        await pilot.press("down", "i")
        pane.tick()
        full = text_of(app.query_one(NodeFull))
        assert "vLLM: VLLM::EngineCor (T)" in full
        assert "STALE" not in full
        player._at += 60
        pane.relabel()
        pane.tick()
        for words in ("rank 1", "vLLM:", "node1"):
            (line,) = [x for x in text_of(app.query_one(NodeFull)).splitlines() if words in x]
            assert "STALE 1:00" in line
        state = player.board.snapshot()
        ranks = rank_line(state)
        assert ranks is not None
        assert {
            span.style for span in ranks.spans if "rank 0" in ranks.plain[span.start : span.end]
        } == {"$quiet"}


@pytest.mark.parametrize("lang", ["en", "zh_CN"])
async def test_long_events_are_broken_not_cut(player: Player, lang: str) -> None:
    set_language(lang)
    what = Msg.of("monitor.event.log_error", line="word " * 40 + "last")
    fix = Msg.of("monitor.event.log_truncated")
    event = WatchEvent(player.at, "log_error", Weight.WARNING, 0, what, fix=fix)
    player.board.diagnosed(event)
    app = MonitorApp(player)
    async with app.run_test(size=(80, 24)) as pilot:
        await drawn(app, pilot)
        await pilot.press("e")
        app.query_one(MonitorPane).tick()
        await pilot.pause()
        view = app.query_one(EventList)
        shown = text_of(view)
        assert all(cell_len(line) <= view.size.width - 1 for line in shown.splitlines())
        squeezed = re.sub(r"\s", "", shown)
        assert re.sub(r"\s", "", t(what)) in squeezed
        assert re.sub(r"\s", "", t(Msg.of("watch.fix", fix=t(fix)))) in squeezed
        await pilot.press("y")
        assert app.clipboard.splitlines() == view.visible_lines()


def test_chinese_punctuation_is_followed_by_no_blank() -> None:
    set_language("zh_CN")
    state = MonitorState(1.0, "p", (), EngineView(error="连接失败。"))
    assert engine_line(state).plain == "引擎：尚无读数。连接失败。"


async def test_logs_and_nodes_follow_the_size_of_the_terminal(tmp_path: Path) -> None:
    """Until the user chooses how the logs stand."""
    many = made_of(tmp_path, 16)
    app = MonitorApp(many)
    async with app.run_test(size=(240, 67)) as pilot:
        await drawn(app, pilot)
        nodes, pane = app.query_one(NodeList), app.query_one(MonitorPane)
        assert nodes.size.height == 16
        await pilot.resize_terminal(80, 24)
        await pilot.pause()
        assert nodes.size.height == 8
        await pilot.press(*["down"] * 9)
        await pilot.press("i", "down", "escape")
        await pilot.pause()
        assert nodes.selected == 10
        assert nodes.scroll_offset.y <= 10 < nodes.scroll_offset.y + nodes.size.height
        await pilot.press("m", "m")
        assert pane._layout == "side"
        names = "node8 | node9 | node10 | node11"
        assert names in str(app.query_one("#watch-log-title").render())
        await pilot.press("down", "down")
        await pilot.pause()
        names = "node12 | node13 | node14 | node15"
        assert names in str(app.query_one("#watch-log-title").render())


@pytest.mark.parametrize("lang", ["en", "zh_CN"])
async def test_a_wide_terminal_shows_each_node_s_engine_in_columns(
    player: Player, lang: str
) -> None:
    set_language(lang)
    app = MonitorApp(player)
    async with app.run_test(size=(240, 67)) as pilot:
        await drawn(app, pilot)
        nodes = app.query_one(NodeList)
        heading = nodes.heading()
        at = cell_len(heading[: heading.index(t("watch.head.running"))])
        at += cell_len(t("watch.head.running"))
        ends = [
            set_cell_size(line, at).rstrip().split()[-1] for line in text_of(nodes).splitlines()
        ]
        assert ends == ["3", "1"]


async def test_what_is_wrong_out_of_sight_is_named(tmp_path: Path) -> None:
    many = made_of(tmp_path, 16)
    many.board.reader(9).feed(npu(ALARM))
    app = MonitorApp(many)
    async with app.run_test(size=(80, 24)) as pilot:
        await drawn(app, pilot)
        titles = app.query_one("#watch-titles")
        assert str(titles.render()).rstrip().endswith("✗ node9")
        await pilot.press(*["down"] * 10)
        app.query_one(MonitorPane).relabel()
        app.query_one(MonitorPane).tick()
        assert "node9" not in str(titles.render())


async def test_a_wider_terminal_sets_the_logs_side_by_side(player: Player) -> None:
    app = MonitorApp(player)
    async with app.run_test(size=(80, 24)) as pilot:
        await drawn(app, pilot)
        pane = app.query_one(MonitorPane)
        assert pane._layout == "merged"
        await pilot.resize_terminal(120, 40)
        await pilot.pause()
        assert pane._layout == "side"
        await pilot.press("m")
        await pilot.resize_terminal(130, 40)
        await pilot.pause()
        assert pane._layout == "merged"


async def test_leaving_the_search_in_a_log_that_has_the_pane_keeps_the_keys(player: Player) -> None:
    app = MonitorApp(player)
    async with app.run_test(size=(120, 40)) as pilot:
        await pilot.press("z", "slash", "escape")
        await pilot.pause()
        await pilot.press("z")
        assert not app.query_one(MonitorPane).has_class("-zoom")


@pytest.mark.parametrize("width", [80, 120, 240])
async def test_a_log_says_what_happened_on_any_width(player: Player, width: int) -> None:
    """The head of vLLM's lines would fill a narrow log; copied and in the pager a line is whole."""
    head = "(Worker_DP0_TP3_EP3 pid=4711) INFO 11-25 04:47:41 [model_runner_v1.py:2480]"
    player.board.reader(0).feed(["@@ log 7 0 new", f" {head} Loading model weights", "@@ end"])
    app = MonitorApp(player)
    async with app.run_test(size=(width, 24)) as pilot:
        await drawn(app, pilot)
        view = app.query_one(MonitorPane)._views[0]
        rows = [view.render_line(y).text.strip() for y in range(view.size.height)]
        said = next(row for row in rows if "Loading model weights" in row)
        assert ("pid=4711" in said) is (view.size.width >= 100)
        assert "DP0_TP3_EP3" in said and "04:47:41" in said
        assert any(head in line for line in view.visible_lines())


async def test_the_list_is_not_old_when_an_enlarged_node_is_left(player: Player) -> None:
    """What was hidden meanwhile is not painted as it was, not even for a tenth of a second."""
    app = MonitorApp(player)
    async with app.run_test(size=(120, 40)) as pilot:
        await drawn(app, pilot)
        pane, nodes = app.query_one(MonitorPane), app.query_one(NodeList)
        pane.action_enlarge()
        await pilot.pause()
        before = text_of(nodes)
        warm = IDLE.replace("| OK            | 94.2 ", "| OK            | 394.2 ")
        assert warm != IDLE
        player.board.reader(0).feed(npu(warm))
        pane.action_enlarge()  # before any tick
        assert text_of(nodes) != before
