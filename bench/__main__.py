"""Prints the table of figures. ``python -m bench [NAME ...]`` measures only some modules."""

from __future__ import annotations

import importlib
import importlib.util
import os
import platform
import sys
import traceback

from bench.common import Row, table

MODULES = (
    "startup", "monitor_log", "monitor_nodes", "monitor_node_cost", "diagnose", "transfer", "lab",
)  # fmt: skip


def main() -> int:
    """Run the modules named, or all; 1 when a figure is out of bounds or could not be measured."""
    names = sys.argv[1:] or [m for m in MODULES if importlib.util.find_spec(f"bench.{m}")]
    rows: list[Row] = []
    for name in names:
        print(f"measuring {name} ...", file=sys.stderr, flush=True)
        try:
            rows += importlib.import_module(f"bench.{name}").rows()
        except Exception:
            traceback.print_exc()
            rows.append(Row(name, "failed", "", False, "see above"))
    print(f"{platform.machine()}, {os.cpu_count()} cores, Python {platform.python_version()}\n")
    print(table(rows))
    return 0 if all(row.ok is not False for row in rows) else 1


if __name__ == "__main__":
    sys.exit(main())
