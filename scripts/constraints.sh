#!/usr/bin/env bash
# Writes constraints.txt: versions and hashes for every supported Python, no download addresses.
set -euo pipefail
cd "$(dirname "$0")/.."
tool=$(mktemp -d)
trap 'rm -rf "$tool"' EXIT
"${PYTHON:-python3}" -m venv "$tool"
"$tool/bin/pip" install --quiet uv
"$tool/bin/uv" pip compile --universal --python-version 3.10 --generate-hashes --extra dev \
    --no-emit-index-url --no-emit-find-links --no-annotate --upgrade \
    --custom-compile-command "make constraints" --output-file constraints.txt pyproject.toml >/dev/null
echo "constraints.txt: $(grep -c '^[a-z]' constraints.txt) packages"
