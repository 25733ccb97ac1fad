#!/usr/bin/env bash
# Gathers the wheel and all it needs at run time, in the pinned versions, for a host without internet
# that has the same Python and the same processor.
#   wheelhouse.sh VENV
set -euo pipefail
cd "$(dirname "$0")/.."
python=$1/bin/python
out=dist/wheels
pins=$(mktemp)
trap 'rm -f "$pins"' EXIT
# Hashes in constraints would be asked of the project's own wheel, too.
sed -nE 's/^([a-z][^\\]*[^\\ ]) *\\?$/\1/p' constraints.txt >"$pins"
rm -rf "$out"
echo "Fetching what glm47-tui needs at run time into $out ..."
"$python" -m pip --disable-pip-version-check download --quiet --only-binary :all: \
    --constraint "$pins" --dest "$out" dist/*.whl
echo "$(find "$out" -name '*.whl' | wc -l) wheels, $(du -sh "$out" | cut -f1), for $("$python" --version) on $(uname -m)."
echo "There, with this folder:  pip install --no-index --find-links wheels glm47-tui"
