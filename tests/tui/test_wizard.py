"""The whole wizard, by keys, against simulated nodes that speak real SSH."""

from __future__ import annotations

from pathlib import Path

from textual.widgets import Input, OptionList

from glm47_tui.demo import Cluster
from glm47_tui.deploy.events import Status
from glm47_tui.profile import list_names, load
from tests.tui.conftest import Driver, driving


async def go(d: Driver, step: str) -> None:
    """Go to a step from anywhere."""
    d.app.action_go(step)
    await d.until(lambda: d.app.step_shown == step, step)


async def detect(d: Driver) -> None:
    await go(d, "nodes")
    await d.keys("d")
    await d.idle()


async def test_from_detect_to_a_streamed_answer(cluster: Cluster) -> None:
    async with driving(str(cluster.home / "profile.toml")) as d:
        await d.keys("ctrl+n")
        await d.until(lambda: d.app.step_shown == "nodes", "Nodes")
        await d.keys("d")
        await d.sees("reach each other both ways")
        await d.keys("ctrl+n")
        await d.sees("in order")
        assert d.session.nodes.blockers == ()
        await d.keys("ctrl+n")
        await d.sees("glm_47_infer_node0.sh")
        await d.keys("ctrl+n")
        await d.sees("Press d to deploy")
        await d.keys("d")
        await d.sees("Open warnings")
        await d.keys("enter")
        await d.sees("is serving at")
        state = d.session.job.state
        assert state.ended is not None and state.ended.exit_code == 0
        assert all(proof.ok for proof in state.verified)
        await go(d, "chat")
        await d.until(lambda: d.app.focused is not None, "the prompt")
        await d.type("Hello")
        await d.keys("enter")
        await d.sees("tokens/s")
        answer = d.session.talk.turns[-1]
        assert answer.content and answer.reasoning and answer.error is None
        assert answer.stats is not None and answer.stats.first_token_s is not None
        assert "Thinking" in d.text

        # A second deployment changes nothing and says so.
        await go(d, "deploy")
        await d.keys("d", "enter")
        await d.sees("nothing to change")

        # Rolling back is asked about first; "no" is what Enter gives.
        await d.keys("b", "enter")
        assert not d.session.tasks.running("run")
        await d.keys("b", "left", "enter")
        await d.idle()
        assert d.session.job.state.ended is not None
        assert d.session.job.state.ended.exit_code == 0


async def test_a_new_profile_is_filled_in_by_detect(cluster: Cluster) -> None:
    wanted = load(cluster.home / "profile.toml")
    async with driving(None) as d:
        await d.until(lambda: d.app.screen.query_one(OptionList).option_count, "the recipes")
        await d.keys("enter")
        await d.until(lambda: d.session.draft is not None, "a draft")
        draft = d.session.draft
        assert draft is not None
        draft.set("ssh.port", wanted.ssh.port)
        draft.set("ssh.identity", wanted.ssh.identity)
        await go(d, "nodes")
        for node in wanted.nodes:
            await d.keys("a")
            await d.until(lambda: isinstance(d.app.focused, Input), "the first field")
            await d.type(node.host)
            d.app.screen.query_one("#choice-ok").focus()
            await d.keys("enter")
        await d.keys("d")
        # Nobody knows these keys yet: each fingerprint is shown and asked about.
        for _ in wanted.nodes:
            await d.sees("Unknown host key")
            assert "SHA256:" in d.text
            d.app.screen.query_one("#choice-once").focus()
            await d.keys("enter")
        await d.sees("reach each other both ways")
        assert draft.profile is not None
        found = [(n.nic, n.ip) for n in draft.profile.nodes]
        assert found == [(n.nic, n.ip) for n in wanted.nodes]
        await d.keys("ctrl+s")
        await d.until(lambda: list_names() == ("glm47",), "the saved profile")


async def test_refusing_a_host_key_fails_the_node_and_says_why(
    cluster: Cluster, tmp_path: Path
) -> None:
    text = cluster.profile_text()
    lines = [line for line in text.splitlines() if "SHA256" not in line and "host_keys" not in line]
    file = tmp_path / "unknown.toml"
    file.write_text("\n".join(lines))
    async with driving(str(file)) as d:
        await go(d, "nodes")
        await d.keys("d")
        for _ in range(2):
            await d.sees("Unknown host key")
            await d.keys("escape")
        await d.sees("could not be looked at: 2")
        assert d.session.mark("nodes").value == "problem"


async def test_an_unhealthy_npu_blocks_deploy_and_is_named(cluster: Cluster) -> None:
    cluster.fault("npu-alarm", 1)
    async with driving(str(cluster.home / "profile.toml")) as d:
        await detect(d)
        assert d.session.nodes.blockers
        assert {f.node for f in d.session.nodes.blockers} == {1}
        await go(d, "checks")
        await d.sees("blocker: stops Deploy")
        await go(d, "deploy")
        await d.keys("d")
        await d.sees("Blockers stop Deploy")
        assert not d.session.tasks.running("run")


async def test_a_warning_is_accepted_by_name_and_remembered(cluster: Cluster) -> None:
    file = cluster.home / "profile.toml"
    async with driving(str(file)) as d:
        await detect(d)
        await go(d, "checks")
        await d.sees("can be accepted by name")
        warnings = d.session.nodes.warnings
        await d.keys("a", "ctrl+s")
        await d.until(lambda: len(d.session.nodes.warnings) == len(warnings) - 1, "one less")
        await d.sees("Accepted by name")
    assert load(file).accepted == (warnings[0].key,)


async def test_a_failed_deployment_shows_cause_and_fix_and_can_be_retried(
    cluster: Cluster,
) -> None:
    cluster.fault("engine-oom", 1)
    async with driving(str(cluster.home / "profile.toml"), size=(120, 40)) as d:
        await detect(d)
        await go(d, "deploy")
        await d.keys("d", "enter")
        await d.idle()
        state = d.session.job.state
        assert state.ended is not None and state.ended.exit_code == 5
        assert [x.node for x in state.diagnosed][:1] == [1]
        await d.sees("Cause:")
        await d.sees("r retries from")
        cluster.clear("engine-oom", 1)
        await d.keys("r")
        await d.sees("is serving at")
        assert d.session.job.state.cell("ready", 1).status in (Status.APPLIED, Status.PRESENT)


async def test_an_interrupted_run_ends_in_good_order(cluster: Cluster) -> None:
    cluster.fault("engine-stuck", 0)
    async with driving(str(cluster.home / "profile.toml")) as d:
        await detect(d)
        await go(d, "deploy")
        await d.keys("d", "enter")
        await d.until(lambda: d.session.job.state.stage == "ready", "the wait for the engines")
        await d.keys("ctrl+c")
        await d.sees("Interrupt the run?")
        d.app.screen.query_one("#choice-interrupt").focus()
        await d.keys("enter")
        await d.idle()
        ended = d.session.job.state.ended
        assert ended is not None and ended.exit_code == 130
        await d.sees("Interrupted after")
