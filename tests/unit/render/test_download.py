"""The download script: the token by standard input, and nowhere else."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from glm47_tui.profile import Profile
from glm47_tui.render import render
from tests.unit.render.conftest import make_profile

PATH = "scripts/modelscope_glm_47.py"

# The two names of ModelScope's package that the script uses, writing down what they are given.
STAND_IN = {
    "__init__.py": """
import json, os
def snapshot_download(*args, **kwargs):
    print(json.dumps(['download', args, kwargs]))
    print('credentials', os.listdir(os.environ['MODELSCOPE_CREDENTIALS_PATH']))
""",
    "hub/__init__.py": "",
    "hub/api.py": """
import os, pathlib
class HubApi:
    def login(self, token):
        pathlib.Path(os.environ['MODELSCOPE_CREDENTIALS_PATH'], 'git_token').write_text(token)
        print('login', len(token))
""",
}


def run(tmp_path: Path, script: str, given: str) -> str:
    for name, text in STAND_IN.items():
        file = tmp_path / "modelscope" / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)
    (tmp_path / "script.py").write_text(script, encoding="utf-8")
    (tmp_path / "tmp").mkdir()
    env = {**os.environ, "PYTHONPATH": str(tmp_path), "TMPDIR": str(tmp_path / "tmp")}
    done = subprocess.run(
        [sys.executable, str(tmp_path / "script.py")],
        input=given, env=env, capture_output=True, text=True, timeout=60, check=True,
    )  # fmt: skip
    return done.stdout


def test_token_by_standard_input_leaves_nothing_behind(tmp_path: Path, pair: Profile) -> None:
    out = run(tmp_path, render(pair).find(PATH).text, "not-a-real-token\n").splitlines()
    assert out[0] == "login 16"
    assert '"ZhipuAI/GLM-4.7"' in out[1]
    assert '"local_dir": "/root/.cache/verification/models/GLM-4.7"' in out[1]
    assert '"cache_dir": "/root/.cache/verification/models/.cache"' in out[1]
    assert out[2] == "credentials ['git_token']"
    assert list((tmp_path / "tmp").iterdir()) == []


@pytest.mark.parametrize("given", ["", "\n"])
def test_without_a_token_nobody_logs_in(tmp_path: Path, pair: Profile, given: str) -> None:
    out = run(tmp_path, render(pair).find(PATH).text, given)
    assert "login" not in out
    assert "download" in out


def test_modelscope_itself_keeps_credentials_where_the_script_says(tmp_path: Path) -> None:
    code = "from modelscope.hub.api import ModelScopeConfig as c; print(c.path_credential)"
    env = {**os.environ, "MODELSCOPE_CREDENTIALS_PATH": str(tmp_path)}
    done = subprocess.run(
        [sys.executable, "-c", code], env=env, capture_output=True, text=True, timeout=100,
        check=True,
    )  # fmt: skip
    assert done.stdout.split()[-1] == str(tmp_path)


def test_nodes_with_paths_of_their_own_get_scripts_of_their_own() -> None:
    profile = make_profile()
    nodes = list(profile.nodes)
    nodes[1] = nodes[1].model_copy(update={"model_path": "/opt/data/other/GLM"})
    rendered = render(profile.model_copy(update={"nodes": tuple(nodes)}))
    assert "/root/.cache/other/GLM'" in rendered.find(PATH, 1).text
    assert "/root/.cache/other/GLM'" not in rendered.find(PATH, 0).text
    assert rendered.export_path(rendered.find(PATH, 1)) == f"node1/{PATH}"
