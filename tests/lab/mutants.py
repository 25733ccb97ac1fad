"""Break copies of the product on purpose: the lab's tests must notice.

    python -m tests.lab.mutants [NAME...]     all, or those named; exit 0 when all are noticed

Each mutant is a copy of the ``src`` and ``assets`` of the checkout (or of GLM47_LAB_PRODUCT) with
one change; the test that must fail then runs on it. A mutant that survives is a hole in the tests.
They run on a lab of their own, "mutants" (or GLM47_LAB_NAME), and wait for no other run. `--list`
shows them.
"""

from __future__ import annotations

import hashlib
import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from tests.lab.kit.layout import CHECKOUT, cache_dir

STALE = "bring tests/lab/mutants.py up to date"
LAUNCH = "src/glm47_tui/render/launch.py"
PRODUCT = Path(os.environ.get("GLM47_LAB_PRODUCT", CHECKOUT))
FIRST_CHAPTER = "tests/lab/test_deploy.py::test_1_from_nothing_to_a_verified_answer"
CONTAINER = "tests/lab/test_container.py::test_the_guides_own_docker_run_that_wants_a_terminal"


def _replace(root: Path, file: str, old: str, new: str) -> None:
    path = root / file
    text = path.read_text()
    if old not in text:
        raise SystemExit(f"mutants: {file} does not hold {old!r} any more: {STALE}")
    path.write_text(text.replace(old, new))


@dataclass(frozen=True)
class Mutant:
    """One way to break the product, and the test that must notice."""

    name: str
    what: str
    change: Callable[[Path], None]
    test: str = FIRST_CHAPTER
    limit: int = 300
    """Seconds a command may take. Less where the engines wait for each other without an end."""


def _wrong_patch(root: Path) -> None:
    # The reasoning parser never looks for thinking; hash and self-test are made to agree, so that
    # only the answers of the real engine can tell.
    file = root / "assets/patches/holo2_reasoning_parser.patch"
    text = file.read_text()
    wrong = text.replace("+        if thinking:", "+        if not thinking:")
    if wrong == text:
        raise SystemExit(f"mutants: the holo2 patch reads otherwise now: {STALE}")
    file.write_text(wrong)
    pristine = _pristine("reasoning/holo2_reasoning_parser.py")
    with tempfile.TemporaryDirectory() as folder:
        target = Path(folder, "holo2.py")
        shutil.copy(pristine, target)
        subprocess.run(["patch", "-s", str(target), str(file)], check=True)
        digest = hashlib.sha256(target.read_bytes()).hexdigest()
    manifest = root / "assets/patches/manifest.toml"
    parts = manifest.read_text().split("[[file]]")
    for i, part in enumerate(parts):
        if "holo2_reasoning_parser.py" in part:
            parts[i] = re.sub(r'patched = "\w+"', f'patched = "{digest}"', part)
    manifest.write_text("[[file]]".join(parts))


def _pristine(name: str) -> Path:
    return cache_dir() / "vllm/vllm" / name


def _no_selftest(root: Path) -> None:
    _wrong_patch(root)
    script = root / "assets/scripts/container/selftest.py"
    names = (
        "import tokenizer tokens call_two_arguments call_two_arguments_streamed call_no_argument "
        "call_no_argument_streamed thinking_on thinking_on_streamed thinking_off "
        "thinking_off_streamed thinking_then_calls thinking_then_calls_streamed"
    )
    body = f"for name in {names.split()!r}:\n    print('@@ selftest', name, 'ok')\n"
    script.write_text(body)


def _swapped_head(root: Path) -> None:
    _replace(root, LAUNCH, '"head_ip": profile.head.ip', '"head_ip": profile.nodes[-1].ip')


def _skipped_flag(root: Path) -> None:
    _replace(root, LAUNCH, '        "--enable-auto-tool-choice",\n', "")


def _not_headless(root: Path) -> None:
    _replace(root, LAUNCH, '        "--headless",\n', "")


def _rollback_keeps(root: Path) -> None:
    script = "assets/scripts/steps/container.sh.j2"
    _replace(root, script, 'docker rm -f "$NAME" >/dev/null || fail', "true || fail")


MUTANTS = (
    Mutant("wrong-patch", "a patch that turns the thinking switch round", _wrong_patch),
    Mutant("blind-selftest", "the same, and a self-test that sees nothing", _no_selftest),
    Mutant("swapped-nodes", "node 1 is taken for the head", _swapped_head, limit=150),
    Mutant("skipped-flag", "no --enable-auto-tool-choice", _skipped_flag),
    Mutant("two-heads", "node 1 without --headless", _not_headless),
    Mutant("kept-container", "a rollback that leaves the container", _rollback_keeps,
           CONTAINER),
)  # fmt: skip


def noticed(mutant: Mutant) -> bool:
    """Run the mutant's test on a broken copy; whether it fails."""
    with tempfile.TemporaryDirectory(prefix="g47-mutant-") as folder:
        root = Path(folder)
        for part in ("src", "assets"):
            shutil.copytree(PRODUCT / part, root / part)
        mutant.change(root)
        env = {"GLM47_LAB_NAME": "mutants", **os.environ, "GLM47_LAB_PRODUCT": str(root),
               "GLM47_LAB_LIMIT": str(mutant.limit)}  # fmt: skip
        words = [sys.executable, "-m", "pytest", "-q", "-x", "-m", "lab", "-p", "no:cacheprovider",
                 "--no-header", "-rf", mutant.test]  # fmt: skip
        done = subprocess.run(words, cwd=CHECKOUT, env=env, capture_output=True, text=True,
                              check=False, stdin=subprocess.DEVNULL)  # fmt: skip
    said = done.stdout.splitlines()
    failed = [line.split()[1] for line in said if line.startswith("FAILED ")]
    why = [line for line in said if line.startswith("E  ")]
    print("\n".join(f"    {line[:160]}" for line in [*failed, *why[:2]]))
    # pytest ends with 1 when tests ran and failed; with 2 and more they did not run.
    if done.returncode == 1 and failed:
        return True
    print(done.stdout[-3000:] + done.stderr[-2000:])
    return False


def main() -> None:
    """Try the mutants; exit 1 when one survives."""
    names = sys.argv[1:]
    if names == ["--list"]:
        print("\n".join(f"{m.name:16} {m.what}" for m in MUTANTS))
        return
    unknown = set(names) - {m.name for m in MUTANTS}
    if unknown:
        sys.exit(f"mutants: no {', '.join(sorted(unknown))}; --list shows them")
    survivors = []
    for mutant in MUTANTS:
        if names and mutant.name not in names:
            continue
        print(f"{mutant.name}: {mutant.what}", flush=True)
        began = time.monotonic()
        caught = noticed(mutant)
        print(f"  {'noticed' if caught else 'SURVIVED'} after {time.monotonic() - began:.0f} s")
        if not caught:
            survivors.append(mutant.name)
    if survivors:
        sys.exit(f"not noticed: {', '.join(survivors)}")


if __name__ == "__main__":
    main()
