"""Where a stand-in written in Python begins: ``NAME NODE_FOLDER CONTAINER ARGS``."""

from __future__ import annotations

import importlib
import sys

from glm47_tui.demo.sim.site import Site

_MODULES = {
    "docker": "docker.cli", "npu-smi": "npu_smi", "vllm": "vllm.serve",
    "download": "download",
    "occupy": "occupy",
}  # fmt: skip


def run(name: str, folder: str, container: str, args: list[str]) -> int:
    """Run one stand-in; returns its exit code."""
    try:
        module = importlib.import_module(f"glm47_tui.demo.sim.{_MODULES[name]}")
        code = int(module.main(Site(folder), container, args))
        sys.stdout.flush()
    except BrokenPipeError:
        return 141
    except KeyboardInterrupt:
        return 130
    return code


if len(sys.argv) > 3 and sys.argv[0] == "-c":
    sys.exit(run(sys.argv[1], sys.argv[2], sys.argv[3], sys.argv[4:]))
