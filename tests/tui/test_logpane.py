"""The log follows its end, whatever takes rows away from it, until the user scrolls up."""

from __future__ import annotations

from textual.app import App, ComposeResult
from textual.widgets import Static

from glm47_tui.widgets.logpane import LogPane


class Pane(App[None]):
    """A log below something that grows."""

    CSS = "Static { height: 1; } LogPane { height: 1fr; }"

    def compose(self) -> ComposeResult:
        yield Static()
        yield LogPane(id="log")


async def test_it_follows_when_rows_are_taken_away() -> None:
    async with Pane().run_test(size=(40, 20)) as pilot:
        log = pilot.app.query_one(LogPane)
        log.replace([f"line {i}" for i in range(50)])
        await pilot.pause()
        assert log.is_vertical_scroll_end
        pilot.app.query_one(Static).styles.height = 8
        log.add(["x" * 200])  # and a scroll bar comes
        await pilot.pause()
        log.add(["one", "two"])
        await pilot.pause()
        assert log.is_vertical_scroll_end


async def test_who_scrolled_up_is_left_there_until_the_end_key() -> None:
    async with Pane().run_test(size=(40, 20)) as pilot:
        log = pilot.app.query_one(LogPane)
        log.replace([f"line {i}" for i in range(50)])
        await pilot.pause()
        log.focus()
        await pilot.press("home")
        await pilot.pause()
        log.add([f"more {i}" for i in range(5)])
        await pilot.pause()
        assert log.scroll_offset.y == 0
        await pilot.press("end")
        log.add(["last"])
        await pilot.pause()
        assert log.is_vertical_scroll_end


async def test_a_narrow_log_says_what_happened_and_a_wide_one_all_of_it() -> None:
    head = "(Worker_DP0_TP0_EP0 pid=4711) ERROR 11-25 04:51:52 [model_runner_v1.py:2227]"
    async with Pane().run_test(size=(50, 20)) as pilot:
        log = pilot.app.query_one(LogPane)
        log.replace([f"{head} out of memory"])
        await pilot.pause()
        assert log.render_line(0).text.startswith("DP0_TP0_EP0 04:51:52 ERROR out of memory")
        await pilot.resize_terminal(140, 20)
        await pilot.pause()
        assert log.render_line(0).text.startswith(f"{head} out of memory")
