"""The command line as a user calls it: words, exit codes, no traceback."""

from __future__ import annotations

import contextlib
import json
import os
import pty
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from glm47_tui import __version__
from glm47_tui.cli import main
from glm47_tui.cli.main import _VERBS
from glm47_tui.profile import loads, save
from tests.unit.profile.test_profile import ISSUE

Run = Callable[..., tuple[int, str, str]]


@pytest.fixture
def run(capsys: pytest.CaptureFixture[str]) -> Run:
    def call(*args: str) -> tuple[int, str, str]:
        with pytest.raises(SystemExit) as ended:
            main(args)
        out, err = capsys.readouterr()
        assert "Traceback" not in out + err
        return int(ended.value.code or 0), out, err

    return call


@pytest.fixture
def profile(tmp_path: Path) -> Path:
    file = tmp_path / "atlas.toml"
    file.write_text(ISSUE, encoding="utf-8")
    return file


def test_version(run: Run) -> None:
    assert run("--version") == (0, f"glm47-tui {__version__}\n", "")


@pytest.mark.parametrize("lang", ["en", "zh_CN"])
@pytest.mark.parametrize("verb", [(), *[(v,) for v in _VERBS], ("profile", "validate")])
def test_help_of_every_verb_in_both_languages(run: Run, verb: tuple[str, ...], lang: str) -> None:
    code, out, err = run("--lang", lang, *verb, "--help")
    assert code == 0
    assert err == ""
    assert "cli." not in out, "an id without a text"
    heading = "Usage:" if lang == "en" else "用法"
    assert out.startswith(heading)


@pytest.mark.parametrize(
    ("args", "code", "words"),
    [
        (["no-such-verb"], 2, "no command"),
        (["replay"], 2, "PROFILE is missing"),
        (["replay", "x", "--jsno"], 2, "Did you mean --json?"),
        (["render", "x"], 2, "OUT is missing"),
        (["profile", "show", "a", "b"], 2, "Too many words"),
        (["replay", "no-such-profile"], 2, "no profile"),
        (["--lang", "fr", "replay"], 2, "no language"),
        (["chat", "x", "--temperature", "9"], 2, "--temperature"),
        (["wizard"], 2, "needs a terminal"),
        ([], 2, "needs a terminal"),
    ],
)
def test_wrong_usage_is_said_and_ends_with_2(
    run: Run, args: list[str], code: int, words: str
) -> None:
    got, _, err = run(*args)
    assert got == code
    assert words in err


def test_language_counts_wherever_it_stands(run: Run) -> None:
    _, _, err = run("replay", "no-such-profile", "--lang=zh")
    assert "找不到" in err


def test_validate(run: Run, profile: Path) -> None:
    code, out, _ = run("profile", "validate", str(profile))
    assert (code, "atlas-pair" in out) == (0, True)
    profile.write_text(ISSUE.replace("10.77.0.11", "10.77.0.999"), encoding="utf-8")
    code, _, err = run("profile", "validate", str(profile))
    assert code == 2
    assert "nodes[1].ip" in err
    assert "10.77.0.999" in err
    code, out, _ = run("profile", "validate", str(profile), "--json")
    answer = json.loads(out)
    assert code == 2
    assert answer["valid"] is False
    assert {p["where"] for p in answer["problems"]} == {"nodes[1].host", "nodes[1].ip"}


def test_validate_without_the_file(run: Run) -> None:
    code, out, _ = run("profile", "validate", "nothing-here", "--json")
    assert code == 2
    assert json.loads(out)["valid"] is False


def test_saved_profiles_are_listed_and_shown(run: Run) -> None:
    code, out, err = run("profile", "list")
    assert (code, out) == (0, "")
    assert "No profile" in err
    save(loads(ISSUE))
    assert run("profile", "list")[1] == "atlas-pair\n"
    assert json.loads(run("profile", "list", "--json")[1])["profiles"] == ["atlas-pair"]
    shown = run("profile", "show", "atlas-pair")[1]
    assert loads(shown) == loads(ISSUE)
    assert "rpc_port = 8082" in run("profile", "show", "atlas-pair", "--full")[1]


def test_schema_is_json(run: Run) -> None:
    assert json.loads(run("profile", "schema")[1])["title"] == "Profile"


def test_render_writes_the_scripts(run: Run, profile: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    assert run("render", str(profile), str(out))[0] == 0
    names = {p.name for p in out.rglob("*") if p.is_file()}
    wanted = {"docker_run.sh", "glm_47_infer_node0.sh", "glm_47_infer_node1.sh",
              "modelscope_glm_47.py", "glm4_moe_reasoning_parser.patch",
              "holo2_reasoning_parser.patch", "tool_parsers_init.patch"}  # fmt: skip
    assert wanted <= names
    code, _, err = run("render", str(profile), str(out))
    assert code == 2
    assert "not empty" in err
    assert run("render", str(profile), str(out), "--force")[0] == 0


def test_a_place_that_may_not_be_written_is_named_with_what_to_do(
    run: Run, profile: Path, tmp_path: Path
) -> None:
    from errno import EACCES

    from glm47_tui.cli.words import os_error

    # Root may write anywhere: what the system would say is made by hand.
    said = os_error(PermissionError(EACCES, os.strerror(EACCES), str(tmp_path / "out")))
    assert said.startswith(f"Error: {tmp_path / 'out'}: Permission denied.\n")
    assert "user who may" in said
    (tmp_path / "file").touch()
    code, _, err = run("render", str(profile), str(tmp_path / "file" / "out"))
    assert code == 1
    assert err.startswith(f"Error: {tmp_path / 'file' / 'out'}")


def test_a_file_that_finds_no_room_is_named_and_leaves_no_part(
    profile: Path, tmp_path: Path
) -> None:
    out = tmp_path / "out"
    done = subprocess.run(
        ["bash", "-c", 'ulimit -f 4; exec "$@"', "-", sys.executable, "-m", "glm47_tui",
         "render", str(profile), str(out)], capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 1
    assert re.fullmatch(rf"Error: {out}/\S+: File too large\.\n", done.stderr), done.stderr
    assert out.is_dir() and not list(out.rglob("*.part"))


def test_a_profiles_language_speaks_unless_the_user_said_otherwise(
    run: Run, profile: Path, tmp_path: Path
) -> None:
    profile.write_text(ISSUE.replace("schema = 1", 'schema = 1\nlanguage = "zh_CN"'))
    assert "有效" in run("profile", "validate", str(profile))[1]
    assert "holds" in run("--lang", "en", "profile", "validate", str(profile))[1]


def test_a_secret_is_not_repeated(run: Run, monkeypatch: pytest.MonkeyPatch, profile: Path) -> None:
    import io

    monkeypatch.setattr("sys.stdin", io.StringIO("hunter2\n"))
    code, out, err = run("status", str(profile), "--secrets-stdin")
    assert code == 2
    assert "hunter2" not in out + err


@pytest.mark.parametrize("encoding", ["ascii", "latin-1", "gbk"])
def test_a_terminal_that_lacks_characters_ends_nothing(encoding: str) -> None:
    program = "from glm47_tui.cli import main; main()"
    done = subprocess.run(
        [sys.executable, "-c", program, "--lang", "zh_CN", "--help"],
        capture_output=True, check=False,
        env={**os.environ, "PYTHONIOENCODING": f"{encoding}:strict"},
    )  # fmt: skip
    assert (done.returncode, done.stderr) == (0, b"")
    assert b"glm47-tui" in done.stdout
    wrong = subprocess.run(
        [sys.executable, "-c", program, "--lang", "zh_CN", "replay", "no-such-profile"],
        capture_output=True, check=False,
        env={**os.environ, "PYTHONIOENCODING": f"{encoding}:strict"},
    )  # fmt: skip
    assert wrong.returncode == 2
    assert b"no-such-profile" in wrong.stderr
    assert b"\\u" not in wrong.stderr, "six signs in the place of one"


@pytest.mark.parametrize("args", [["--help"], ["--version"]])
def test_help_imports_nothing_heavy(args: list[str]) -> None:
    code = (
        "import sys\n"
        "from glm47_tui.cli import main\n"
        f"try: main({args!r})\n"
        "except SystemExit: pass\n"
        "bad = {'textual', 'paramiko', 'modelscope', 'pydantic', 'httpx', 'rich', 'jinja2'}\n"
        "print(sorted(bad & set(sys.modules)), file=sys.stderr)\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stderr.strip() == "[]"


@pytest.mark.parametrize("words", [["wizard"], []])
def test_a_terminal_that_cannot_draw_is_told_so(words: list[str]) -> None:
    near, far = pty.openpty()
    with os.fdopen(near, "rb", buffering=0) as screen:
        shell = subprocess.Popen(
            [sys.executable, "-m", "glm47_tui", *words], stdin=far, stdout=far, stderr=far,
            env={**os.environ, "TERM": "dumb"},
        )  # fmt: skip
        os.close(far)
        said = b""
        with contextlib.suppress(OSError):  # the other end has gone
            while data := screen.read(65536):
                said += data
        assert shell.wait(30) == 2
    assert b"TERM=dumb" in said and b"glm47-tui replay PROFILE" in said
    assert b"\x1b" not in said, "not one code was sent to it"
