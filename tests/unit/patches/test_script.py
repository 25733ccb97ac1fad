"""patches.sh on the released files: every verb, every state, nothing half-done."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from tests.unit.patches.conftest import Answer, Tree, digest

TOOL, INIT = "tool_parsers/glm47_moe_tool_parser.py", "tool_parsers/__init__.py"
HOLO, GLM = "reasoning/holo2_reasoning_parser.py", "reasoning/glm4_moe_reasoning_parser.py"
FILES = [TOOL, INIT, HOLO, GLM]
CHANGING = ("apply", "revert")
LOOKING = ("state", "dry-run", "diff", "verify")


def test_apply_then_revert_leaves_every_byte_as_it_was(tree: Tree) -> None:
    before = tree.snapshot()
    applied = tree.run("apply")
    assert (applied.code, applied.state, applied.words("changed")) == (0, "patched", ["4"])
    changed = {k for k, v in tree.snapshot().items() if before.get(k) != v}
    assert changed == set(FILES)
    reverted = tree.run("revert")
    assert (reverted.code, reverted.state, reverted.words("changed")) == (0, "pristine", ["4"])
    assert tree.snapshot() == before


def test_a_second_run_changes_nothing_and_says_so(tree: Tree) -> None:
    tree.run("apply")
    times = {p: (tree.vllm / p).stat().st_mtime_ns for p in FILES}
    again = tree.run("apply")
    assert (again.code, again.words("changed")) == (0, ["0"])
    assert "Nothing to do" in again.out
    assert {p: (tree.vllm / p).stat().st_mtime_ns for p in FILES} == times
    tree.run("revert")
    assert tree.run("revert").words("changed") == ["0"]


@pytest.mark.parametrize("verb", LOOKING)
@pytest.mark.parametrize("state", ["pristine", "patched"])
def test_verbs_that_look_change_nothing(
    verb: str, state: str, request: pytest.FixtureRequest
) -> None:
    tree: Tree = request.getfixturevalue("tree" if state == "pristine" else "patched")
    before = tree.snapshot()
    answer = tree.run(verb)
    assert tree.snapshot() == before
    assert answer.state == state
    assert answer.code == (7 if (verb, state) == ("verify", "pristine") else 0)


def test_diff_shows_what_apply_would_change(tree: Tree) -> None:
    out = tree.run("diff").out
    assert f"+++ b/{INIT}" in out
    assert '+    "glm47": (' in out
    assert "+        thinking = thinking and enable_thinking" in out


def test_modes_stay_and_the_new_file_is_readable(tree: Tree) -> None:
    (tree.vllm / HOLO).chmod(0o600)
    tree.run("apply")
    assert (tree.vllm / HOLO).stat().st_mode & 0o777 == 0o600
    assert (tree.vllm / TOOL).stat().st_mode == (tree.vllm / INIT).stat().st_mode


def test_bytecode_is_that_of_the_files_as_they_are(tree: Tree) -> None:
    tree.run("apply")
    for path in FILES:
        file = tree.vllm / path
        made = list((file.parent / "__pycache__").glob(f"{file.stem}.*.pyc"))
        assert made, path
    tree.run("revert")
    assert not list((tree.vllm / "tool_parsers" / "__pycache__").glob("glm47_moe*"))


def test_backup_holds_the_originals_and_their_sums(tree: Tree) -> None:
    originals = {p: digest(tree.vllm / p) for p in (INIT, HOLO, GLM)}
    tree.run("apply")
    assert {p: digest(tree.base / "backup" / p) for p in originals} == originals
    done = subprocess.run(
        ["sha256sum", "-c", "SHA256SUMS"], cwd=tree.base / "backup", capture_output=True,
        check=False,
    )  # fmt: skip
    assert done.returncode == 0


def test_a_damaged_backup_is_set_aside_and_made_anew(tree: Tree) -> None:
    kept = tree.base / "backup" / HOLO
    kept.parent.mkdir(parents=True)
    kept.write_text("rubbish")
    assert tree.run("apply").code == 0
    assert digest(kept) != digest(next(kept.parent.glob("*.damaged.*")))
    assert tree.run("revert").state == "pristine"


def test_revert_needs_no_backup(patched: Tree, released: Path) -> None:
    assert patched.run("revert").code == 0
    assert patched.snapshot() == Tree(released, patched.base).snapshot()


@pytest.mark.parametrize("path", [INIT, HOLO, GLM])
@pytest.mark.parametrize("verb", CHANGING)
def test_a_foreign_file_is_never_overwritten(tree: Tree, path: str, verb: str) -> None:
    file = tree.vllm / path
    file.write_text(file.read_text() + "\n# changed by somebody\n")
    before = tree.snapshot()
    answer = tree.run(verb)
    assert (answer.code, answer.state, answer.words("error")) == (4, "foreign", ["foreign"])
    assert tree.snapshot() == before
    assert f"file {path} foreign" in answer.out
    assert "Nothing was changed" in answer.err


def test_a_foreign_file_is_shown_with_its_difference(tree: Tree) -> None:
    file = tree.vllm / HOLO
    file.write_text(file.read_text().replace('"thinking", True', '"thinking", False'))
    out = tree.run("diff").out
    assert '+        enable_thinking = bool(chat_kwargs.get("thinking", False))' in out
    assert '-        enable_thinking = bool(chat_kwargs.get("thinking", True))' in out


def test_a_foreign_file_with_its_original_in_the_backup_is_compared_whole(tree: Tree) -> None:
    kept = tree.base / "backup" / GLM
    kept.parent.mkdir(parents=True)
    shutil.copy2(tree.vllm / GLM, kept)
    file = tree.vllm / GLM
    file.write_text("# mine\n" + file.read_text())
    out = tree.run("apply").out
    assert f"+++ {GLM} as it is" in out
    assert "+# mine" in out
    assert "Sequence" not in out.replace("import Sequence", "")


def test_a_file_of_the_new_parsers_name_by_somebody_else_is_foreign(tree: Tree) -> None:
    (tree.vllm / TOOL).write_text("class Glm47MoeModelToolParser: pass\n")
    answer = tree.run("apply")
    assert answer.code == 4
    assert "+class Glm47MoeModelToolParser: pass" in answer.out


def test_a_tree_without_the_file_is_no_vllm_for_these_patches(tree: Tree) -> None:
    (tree.vllm / HOLO).unlink()
    answer = tree.run("apply")
    assert answer.code == 4
    assert f"{HOLO}: missing" in answer.out


def guides_parser() -> str:
    """The class as the guide prints it, indented."""
    return (
        "# SPDX-License-Identifier: Apache-2.0\n"
        "# SPDX-FileCopyrightText: Copyright contributors to the vLLM project\n"
        "\n"
        "import regex as re\n"
        "\n"
        "from vllm.logger import init_logger\n"
        "from vllm.tokenizers import TokenizerLike\n"
        "from vllm.tool_parsers.glm4_moe_tool_parser import Glm4MoeModelToolParser\n"
        "\n"
        "logger = init_logger(__name__)\n"
        "\n"
        "\n"
        "class Glm47MoeModelToolParser(Glm4MoeModelToolParser):\n"
        "    def __init__(self, tokenizer: TokenizerLike):\n"
        "        super().__init__(tokenizer)\n"
        "        self.func_detail_regex = re.compile(\n"
        '            r"<tool_call>(.*?)(<arg_key>.*?)?</tool_call>", re.DOTALL\n'
        "        )\n"
        "        self.func_arg_regex = re.compile(\n"
        '            r"<arg_key>(.*?)</arg_key>(?:\\\\n|\\s)*<arg_value>(.*?)</arg_value>",\n'
        "            re.DOTALL,\n"
        "        )\n"
    )


def test_the_guides_own_parser_may_be_replaced(tree: Tree) -> None:
    (tree.vllm / TOOL).write_text(guides_parser())
    assert f"{TOOL} outdated" in tree.run("state").out
    answer = tree.run("apply")
    assert (answer.code, answer.state) == (0, "patched")


@pytest.mark.parametrize("done", [[TOOL], [TOOL, INIT], [HOLO], [TOOL, INIT, HOLO]])
@pytest.mark.parametrize("verb", CHANGING)
def test_a_run_that_was_cut_off_can_be_completed_or_undone(
    tree: Tree, patched_files: dict[str, bytes], done: list[str], verb: str
) -> None:
    before = tree.snapshot()
    for path in done:
        (tree.vllm / path).write_bytes(patched_files[path])
    answer = tree.run(verb)
    assert answer.code == 0
    assert answer.words("state")[0] == "partial"
    if verb == "revert":
        assert tree.snapshot() == before
    else:
        assert {p: (tree.vllm / p).read_bytes() for p in FILES} == patched_files


def newer(tree: Tree) -> None:
    """What a vLLM with its own glm47 looks like: in the registry, on another base class."""
    init = tree.vllm / INIT
    text = init.read_text()
    entry = '    "glm47": (\n        "glm47_moe_tool_parser",\n        "Own",\n    ),\n'
    init.write_text(text.replace('    "granite-20b-fc": (', entry + '    "granite-20b-fc": ('))
    base = tree.vllm / "tool_parsers" / "glm4_moe_tool_parser.py"
    base.write_text(base.read_text() + "\n# rewritten\n")
    (tree.vllm / TOOL).write_text("class Own: pass\n")


@pytest.mark.parametrize("verb", [*LOOKING, *CHANGING])
def test_a_vllm_that_brings_glm47_is_left_alone(tree: Tree, verb: str) -> None:
    newer(tree)
    before = tree.snapshot()
    answer = tree.run(verb)
    assert (answer.code, answer.state) == (0, "builtin")
    assert tree.snapshot() == before


def test_a_hand_made_entry_in_the_registry_is_not_taken_for_a_newer_vllm(tree: Tree) -> None:
    newer(tree)
    base = tree.vllm / "tool_parsers" / "glm4_moe_tool_parser.py"
    base.write_text(base.read_text().removesuffix("\n# rewritten\n"))
    assert tree.run("apply").code == 4


def read_only(folder: Path) -> tuple[str, ...]:
    """Words that run a command where a folder is mounted read-only, as in a container run so."""
    mounts = f"mount --bind '{folder}' '{folder}' && mount -o remount,ro,bind '{folder}'"
    words = ("unshare", "--mount", "sh", "-c", f'{mounts} && exec "$@"', "sh")
    if shutil.which("unshare") is None or subprocess.run([*words, "true"], check=False).returncode:
        pytest.skip("needs the right to make a mount namespace")
    return words


def test_a_read_only_tree_is_left_as_it_was(tree: Tree) -> None:
    before = tree.snapshot()
    answer = tree.run("apply", inside=read_only(tree.vllm))
    assert (answer.code, answer.words("error")) == (6, ["write"])
    assert "read-only?" in answer.err
    assert tree.snapshot() == before
    assert tree.run("apply").code == 0


def failing(tree: Tree, tmp_path: Path, program: str, body: str) -> str:
    """A PATH on which one program behaves otherwise."""
    folder = tmp_path / "odd"
    folder.mkdir()
    (folder / program).write_text(f"#!/bin/bash\n{body}\n")
    (folder / program).chmod(0o755)
    return f"{folder}:{tree.path}"


def test_a_write_that_fails_half_way_is_taken_back(tree: Tree, tmp_path: Path) -> None:
    before = tree.snapshot()
    body = (
        'case "$*" in *glm4_moe_reasoning_parser.py) echo "No space left" >&2; exit 1;; esac\n'
        'PATH=${PATH#*:} exec mv "$@"'
    )
    odd = Tree(tree.vllm, tree.base, failing(tree, tmp_path, "mv", body))
    answer = odd.run("apply", "--backup", str(prepared_backup(tree)))
    assert (answer.code, answer.words("error")) == (6, ["write"])
    assert "taken back" in answer.err
    assert tree.snapshot() == before


def prepared_backup(tree: Tree) -> Path:
    """A backup that is sound already, so that only the tree is still to be written."""
    for path in (INIT, HOLO, GLM):
        kept = tree.base / "kept" / path
        kept.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy2(tree.vllm / path, kept)
    return tree.base / "kept"


@pytest.mark.parametrize("kind", [signal.SIGTERM, signal.SIGINT, signal.SIGHUP])
def test_an_interrupted_run_takes_back_what_it_wrote(
    tree: Tree, tmp_path: Path, kind: signal.Signals
) -> None:
    before = tree.snapshot()
    gate = tmp_path / "gate"
    os.mkfifo(gate)
    # The last file's rename waits at the gate once, until the signal is on its way.
    body = (
        f'case "$*" in *glm4_moe_reasoning_parser.py) if [ ! -e "{gate}.passed" ]; then '
        f': >"{gate}.passed"; echo here >"{gate}"; read -r _ <"{gate}"; fi ;; '
        'esac\nPATH=${PATH#*:} exec mv "$@"'
    )
    path = failing(tree, tmp_path, "mv", body)
    # Signals that this process ignores (behind nohup) no script could catch.
    running = subprocess.Popen(
        ["env", "--default-signal=TERM,INT,HUP", "bash",
         str(tree.base / "scripts" / "patches.sh"), "apply", "--vllm", str(tree.vllm),
         "--backup", str(prepared_backup(tree))],
        env={"PATH": path, "PYTHON": sys.executable, "HOME": "/"},
        stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip
    assert gate.read_text() == "here\n"
    assert tree.snapshot() != before
    running.send_signal(kind)
    gate.write_text("go on\n")
    out, err = running.communicate(timeout=30)
    assert running.returncode == 130, (out, err)
    assert "Interrupted" in err
    assert tree.snapshot() == before


def test_leftovers_of_a_killed_run_are_swept(tree: Tree) -> None:
    left = tree.vllm / "reasoning" / ".glm47-tui.99999.holo2_reasoning_parser.py"
    left.write_text("half")
    assert tree.run("apply").code == 0
    assert not left.exists()


def test_two_runs_at_once_do_not_meet(tree: Tree) -> None:
    backup = tree.base / "backup"
    backup.mkdir()
    code = f"import fcntl,sys; f=open({str(backup / '.lock')!r},'w'); fcntl.flock(f, 2); " \
           "print('held', flush=True); sys.stdin.read()"  # fmt: skip
    with subprocess.Popen(
        [sys.executable, "-c", code], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as holder:
        assert holder.stdout and holder.stdout.readline() == "held\n"
        assert tree.run("apply").code == 9
        assert holder.stdin
        holder.stdin.close()
    assert tree.run("apply").code == 0


@pytest.mark.parametrize(
    ("words", "code", "error"),
    [
        ([], 2, "usage"),
        (["paint"], 2, "usage"),
        (["state", "--nonsense"], 2, "usage"),
        (["state", "--vllm", "/nowhere"], 3, "no-vllm"),
        (["state", "--patches", "/nowhere"], 8, "patches"),
    ],
)
def test_wrong_use_is_told_apart(tree: Tree, words: list[str], code: int, error: str) -> None:
    done = subprocess.run(
        ["bash", str(tree.base / "scripts" / "patches.sh"), *words],
        env={"PATH": tree.path, "PYTHON": sys.executable}, capture_output=True, text=True,
        stdin=subprocess.DEVNULL, timeout=60, check=False,
    )  # fmt: skip
    assert done.returncode == code
    assert f"@@ error {error}" in done.stdout


def test_damaged_patches_are_refused_before_anything_is_written(tree: Tree) -> None:
    before = tree.snapshot()
    source = tree.base / "patches" / "glm47_moe_tool_parser.py"
    source.write_text(source.read_text() + "# more\n")
    answer = tree.run("apply")
    assert (answer.code, answer.words("error")) == (8, ["patches"])
    assert tree.snapshot() == before


def test_a_container_without_gnu_patch_gets_the_same_files(
    tree: Tree, without_gnu_patch: Tree
) -> None:
    before = tree.snapshot()
    assert shutil.which("patch", path=without_gnu_patch.path) is None
    own: Answer = without_gnu_patch.run("apply")
    assert (own.code, own.state) == (0, "patched"), own.err
    by_own = tree.snapshot()
    assert without_gnu_patch.run("revert").state == "pristine"
    assert tree.snapshot() == before
    tree.run("apply")
    assert tree.snapshot() == by_own


def test_vllm_is_found_by_import_without_importing_it(tree: Tree) -> None:
    (tree.vllm / "__init__.py").write_text("raise SystemExit('imported')\n")
    done = subprocess.run(
        ["bash", str(tree.base / "scripts" / "patches.sh"), "state"],
        env={"PATH": tree.path, "PYTHON": sys.executable, "PYTHONPATH": str(tree.vllm.parent)},
        capture_output=True, text=True, stdin=subprocess.DEVNULL, timeout=60, check=False,
    )  # fmt: skip
    assert f"@@ vllm {tree.vllm}" in done.stdout
    assert "@@ state pristine" in done.stdout
