"""What is rendered against the guide's own text, letter for letter."""

from __future__ import annotations

import difflib
from pathlib import Path

import pytest

from glm47_tui.profile import Profile
from glm47_tui.render import guide_diff, guide_original, render
from tests.unit.render.conftest import make_profile

GUIDE = Path(__file__).parent / "guide"
MODEL_INSIDE = "/root/.cache/verification/models/GLM-4.7"


def guide(name: str, node: int | None = None) -> str:
    """The guide's text, with its placeholders filled in as an engineer would."""
    text = (GUIDE / f"{name}.txt").read_text(encoding="utf-8")
    if node is None:
        return text
    text = text.replace('nic_name="xxx"', 'nic_name="enp67s0f5"')
    text = text.replace('local_ip="xx.xx.xx.xx"', f'local_ip="10.77.0.{10 + node}"')
    text = text.replace('model_path="xxx"', f'model_path="{MODEL_INSIDE}"')
    return text.replace('node0_ip="xx.xx.xx.xx"', 'node0_ip="10.77.0.10"')


def changes(before: str, after: str) -> list[str]:
    """The lines that differ, with - and +."""
    lines = difflib.unified_diff(before.splitlines(), after.splitlines(), lineterm="", n=0)
    return [x for x in list(lines)[2:] if not x.startswith("@@")]


def test_docker_run_is_the_guides_byte_for_byte_with_improvements_off(plain: Profile) -> None:
    assert render(plain).find("scripts/docker_run.sh").text == guide("docker_run.sh")


@pytest.mark.parametrize("node", [0, 1])
def test_launch_is_the_guides_byte_for_byte_by_default(pair: Profile, node: int) -> None:
    name = f"glm_47_infer_node{node}.sh"
    assert render(pair).find(f"scripts/{name}").text == guide(name, node)


def test_request_is_the_guides_byte_for_byte(pair: Profile) -> None:
    assert render(pair).find("scripts/verify_request.sh").text == guide("verify_request.sh")


def test_improvements_of_docker_run_are_the_named_two_lines(pair: Profile) -> None:
    ours = render(pair).find("scripts/docker_run.sh").text
    assert changes(guide("docker_run.sh"), ours) == [
        "+--shm-size=1g \\",
        "--it $IMAGE bash",
        "+-itd $IMAGE bash",
    ]


@pytest.mark.parametrize(
    ("improvement", "lines"),
    [
        ("shm_size", ["--it $IMAGE bash", "+-itd $IMAGE bash"]),
        ("detached", ["+--shm-size=1g \\"]),
    ],
)
def test_each_improvement_of_docker_run_goes_off_alone(improvement: str, lines: list[str]) -> None:
    profile = make_profile(improvements={improvement: False})
    ours = render(profile).find("scripts/docker_run.sh").text
    assert changes(guide("docker_run.sh"), ours) == lines


@pytest.mark.parametrize("node", [0, 1])
def test_drop_dead_takes_away_the_dead_settings_and_nothing_else(node: int) -> None:
    profile = make_profile(improvements={"drop_dead": True})
    ours = render(profile).find(f"scripts/glm_47_infer_node{node}.sh").text
    lines = changes(guide(f"glm_47_infer_node{node}.sh", node), ours)
    assert lines[0] == "-export VLLM_USE_V1=1"
    assert lines[1] == "---gpu-memory-utilization 0.9 \\"
    assert lines[2].startswith("---additional-config '")
    assert lines[3:] == ["+--gpu-memory-utilization 0.9"]


def test_download_differs_by_the_token_and_the_containers_view_alone(pair: Profile) -> None:
    ours = render(pair).find("scripts/modelscope_glm_47.py").text
    assert "'<YOUR-MODELSCOPE-TOKEN>'" not in ours
    for path in ("/.cache'", "/GLM-4.7'"):
        host = f"'/opt/data/verification/models{path}"
        ours = ours.replace(f"'/root/.cache/verification/models{path}", host)
    lines = changes(guide("modelscope_glm_47.py"), ours)
    assert [x for x in lines if x.startswith("-")] == ["-api.login('<YOUR-MODELSCOPE-TOKEN>')"]
    assert lines[-2:] == ["+if token:", "+    api.login(token)"]
    end = ours.index("from modelscope.hub.api")
    assert all(x[1:] in ours[:end] for x in lines if x.startswith("+") and x not in lines[-2:])


@pytest.mark.parametrize(
    ("path", "node"),
    [
        ("scripts/docker_run.sh", 0),
        ("scripts/glm_47_infer_node0.sh", 0),
        ("scripts/glm_47_infer_node1.sh", 1),
        ("scripts/modelscope_glm_47.py", 0),
    ],
)
def test_guide_original_is_the_guides_whatever_the_profile_says(path: str, node: int) -> None:
    profile = make_profile(
        launch={"port": 9000, "max_num_seqs": 3, "parsers": "plugin", "env": {"A": "1"}},
        container={"shm_size": "4g", "devices": list(range(8))},
        model={"served_name": "other"},
    )
    name = path.rpartition("/")[2]
    wanted = guide(name, node if "infer" in name else None)
    assert guide_original(profile, node, path) == wanted


def test_guide_original_speaks_of_two_hosts_for_any_number_of_nodes() -> None:
    one = guide_original(make_profile(1), 0, "scripts/glm_47_infer_node0.sh")
    four = guide_original(make_profile(4), 3, "scripts/glm_47_infer_node3.sh")
    assert one == guide("glm_47_infer_node0.sh", 0)
    assert four is not None
    assert "--data-parallel-size 2 \\\n" in four
    assert 'local_ip="10.77.0.13"' in four


def test_guide_diff_is_empty_where_nothing_differs_and_for_files_of_our_own(pair: Profile) -> None:
    assert guide_diff(pair, 0, "scripts/glm_47_infer_node0.sh") == ""
    assert guide_diff(pair, 0, "scripts/detach.sh") == ""
    assert "+--shm-size=1g \\" in guide_diff(pair, 0, "scripts/docker_run.sh").splitlines()
