#!/usr/bin/env bash
# Makes the virtual environment: pinned versions with hashes, then the project itself.
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
[ -x "$venv/bin/python" ] || "$python" -m venv "$venv"
export PIP_DISABLE_PIP_VERSION_CHECK=1
echo "Installing the pinned packages into $venv ..."
"$venv/bin/python" -m pip install --quiet --require-hashes --requirement constraints.txt
"$venv/bin/python" -m pip install --quiet --no-deps --no-build-isolation --editable .
echo "Ready: $("$venv/bin/glm47-tui" --version)"
