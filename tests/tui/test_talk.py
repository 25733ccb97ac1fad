"""A conversation as it is shown."""

from __future__ import annotations

from textual.app import App, ComposeResult
from textual.widgets import Static

from glm47_tui.widgets.talk import Answer, TurnView

SAID = "第一行\n# no heading\n* 第二行 [b]not bold[/b]"


class Talk(App[None]):
    """Two turns."""

    def compose(self) -> ComposeResult:
        yield TurnView("user")
        yield TurnView("assistant")


async def test_what_the_user_wrote_is_shown_as_it_was_sent() -> None:
    app = Talk()
    async with app.run_test(size=(60, 20)) as pilot:
        user, answer = app.query(TurnView)
        await user.text(SAID, done=True)
        await answer.text(SAID, done=True)
        await pilot.pause()
        said = user.query_one(".turn-said", Static)
        assert str(said.content) == SAID and said.region.height == 3
        assert not user.query_one(Answer).display
        assert answer.query_one(Answer).display
        assert not answer.query_one(".turn-said").display
