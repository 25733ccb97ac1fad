#!/usr/bin/env bash
# Runs the tests and ends with what passed, what failed, and what did not run and why.
#   test.sh test (static and unit) | static | unit | lab | all
set -uo pipefail
cd "$(dirname "$0")/.." || exit 1
part=${1:-test}
bin=$PWD/${VENV:-.venv}/bin
results=$(mktemp -d)
trap 'rm -rf "$results"' EXIT
failed=() skipped=()

step() { # NAME COMMAND...
    local name=$1 began=$SECONDS
    shift
    echo "== $name"
    "$@"
    local code=$?
    if [ $code = 0 ]; then
        echo "-- $name: ok ($((SECONDS - began)) s)"
    else
        failed+=("$name (exit $code)")
        echo "-- $name: FAILED, exit $code ($((SECONDS - began)) s)"
    fi
}

static() {
    step "ruff check" "$bin/ruff" check .
    step "ruff format" "$bin/ruff" format --check .
    step "mypy" "$bin/mypy"
    step "import contracts" "$bin/lint-imports" --no-logo
    if command -v shellcheck >/dev/null; then
        step "shellcheck" bash -c 'git ls-files "*.sh" ".ci/run" | xargs -r shellcheck -s bash -S warning'
    else
        skipped+=("shellcheck: the program is not installed")
    fi
}

tests() { # NAME ARGUMENTS...
    local name=$1
    shift
    step "$name" "$bin/python" -m pytest -q --junitxml "$results/$name.xml" "$@"
}

unit() {
    tests unit -n "$(nproc)" --dist worksteal tests --ignore tests/lab --ignore tests/fuzz
}

lab() {
    if [ "$(uname -s)" != Linux ] || [ "$(id -u)" != 0 ]; then
        skipped+=("lab: needs root on Linux (network namespaces, sshd, Docker Engine)")
        return
    fi
    step "lab prepare" "$bin/python" -m tests.lab prepare
    tests lab -m lab tests/lab
}

summary() {
    echo
    "$bin/python" - "$results" <<'PY'
import collections, pathlib, sys
import xml.etree.ElementTree as tree

count, reasons = collections.Counter(), collections.Counter()
files = list(pathlib.Path(sys.argv[1]).glob("*.xml"))
for file in files:
    for case in tree.parse(file).iter("testcase"):
        kinds = {child.tag for child in case}
        kind = "failed" if kinds & {"failure", "error"} else "skipped" if "skipped" in kinds else "passed"
        count[kind] += 1
        if kind == "skipped":
            reasons[(case.find("skipped").get("message") or "").strip()] += 1
for reason, times in sorted(reasons.items()):
    print(f"skipped: {times} x {reason}")
if files:
    print(f"{count['passed']} passed, {count['failed']} failed, {count['skipped']} skipped")
PY
    local line
    for line in ${skipped[@]+"${skipped[@]}"}; do echo "not run: $line"; done
    for line in ${failed[@]+"${failed[@]}"}; do echo "FAILED: $line"; done
    [ ${#failed[@]} = 0 ] && echo "All that was run is in order."
}

bash scripts/system-packages.sh
case $part in
    static) static ;;
    unit) unit ;;
    lab) lab ;;
    test) static; unit; skipped+=("the tests on two real hosts: make lab-test runs them (root on Linux)") ;;
    all) static; unit; lab ;;
    *) echo "test.sh: no part $part" >&2; exit 2 ;;
esac
summary
