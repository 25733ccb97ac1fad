#!/usr/bin/env bash
# Makes the virtual environment: pinned versions with hashes, then the project itself.
#   setup.sh PYTHON VENV
set -euo pipefail
python=$1 venv=$2
cd "$(dirname "$0")/.."

command -v "$python" >/dev/null || { echo "No $python here. Install Python 3.10 or newer." >&2; exit 1; }
"$python" -c 'import sys; sys.exit(sys.version_info < (3, 10))' ||
    { echo "$("$python" --version) is too old: 3.10 or newer is needed (PYTHON=... names another)." >&2; exit 1; }
if ! "$python" -c 'import venv, ensurepip' 2>/dev/null; then
    echo "This Python cannot make virtual environments. On Debian: apt-get install python3-venv" >&2
    exit 1
fi

pinned=$(grep -c '^[a-z]' constraints.txt)
work=$(mktemp -d)
log=$work/log
child=
finish() {
    [ -z "$child" ] || kill "$child" 2>/dev/null || true
    rm -rf "$work"
}
trap finish EXIT
trap 'exit 130' INT
trap 'exit 143' TERM

said='' said_at=0
say() { # on a terminal one line that is written over; elsewhere a new phase, then a line every 10 s
    if [ -t 1 ]; then
        printf '\r\033[K%s' "$1"
    elif [ "${1%%:*}" != "$said" ] || ((SECONDS - said_at >= 10)); then
        echo "$1"
        said=${1%%:*} said_at=$SECONDS
    fi
}

how_far() { # what pip is at, from what it has written and what lies in the environment
    local count name all
    if all=$(grep '^Installing collected packages' "$log"); then
        all=$(tr -cd , <<<"$all" | wc -c)
        count=$(find "$venv" -maxdepth 4 -name '*.dist-info' -newer "$work/began" | wc -l)
        say "  unpacking: $count of $((all + 1)) packages"
    elif tail -n 1 "$log" | grep -q 'Retrying'; then
        say "  trying again: the package index does not answer"
    elif count=$(grep -cE '^(Collecting|Processing) ' "$log"); then
        name=$(sed -n 's/^Collecting \([^ =;]*\).*/\1/p' "$log" | tail -n 1)
        say "  fetching: $count of at most $pinned packages${name:+, now $name}"
    fi
}

watched() { # COMMAND...: runs it, says how far it is, shows its last words if it fails
    local code=0
    : >"$log"
    touch "$work/began"
    "$@" >"$log" 2>&1 &
    child=$!
    while kill -0 "$child" 2>/dev/null; do
        how_far
        sleep 1
    done
    wait "$child" || code=$?
    child=
    [ ! -t 1 ] || printf '\r\033[K'
    [ "$code" != 0 ] || return 0
    grep -vE '^(WARNING: Location|Ignoring )' "$log" | tail -n 12 >&2 || true
    if grep -qE 'Retrying|No matching distribution' "$log"; then
        echo "If the package index is out of reach from here, name a mirror: PIP_INDEX_URL=https://... make setup" >&2
    fi
    echo "pip ended with $code; its last words stand above. The same command goes on once that is mended." >&2
    exit 1
}

export PYTHONUNBUFFERED=1 PIP_DISABLE_PIP_VERSION_CHECK=1
if ! "$venv/bin/python" -m pip --version >/dev/null 2>&1; then
    echo "Making the virtual environment $venv with $("$python" --version) ..."
    "$python" -m venv "$venv"
fi
echo "Installing $pinned pinned packages into $venv; the first time this takes one to two minutes."
watched "$venv/bin/python" -m pip install --progress-bar off --require-hashes --requirement constraints.txt
echo "Installing glm47-tui itself, editable ..."
watched "$venv/bin/python" -m pip install --no-deps --no-build-isolation --editable .
echo "Ready in $SECONDS s: $("$venv/bin/glm47-tui" --version)"
