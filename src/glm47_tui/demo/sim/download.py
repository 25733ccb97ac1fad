"""The simulated ModelScope: lays the model's files down one after the other; goes on when cut."""

from __future__ import annotations

import sys
from pathlib import Path

from glm47_tui.demo.sim import model
from glm47_tui.demo.sim.site import Site, write

DOWNLOAD_S = 6.0
"""Seconds a whole download takes at pace 1."""
PARTS = "._____temp"


def main(site: Site, container: str, args: list[str]) -> int:
    """Run ``simulated-download MODEL FOLDER``; returns its exit code."""
    repo, folder = args[0], site.world().leave(args[1])
    wanted = model.by_repo(repo)
    if wanted is None:
        sys.stderr.write(f"The simulated hub has no model {repo}.\n")
        return 1
    place = Path(site.world(site.dir / "ct" / container).path(folder))
    parts = place / PARTS
    parts.mkdir(parents=True, exist_ok=True)
    sys.stderr.write(
        f"Downloading Model from https://www.modelscope.cn to directory: {folder} (simulated)\n"
    )
    for name, text in model.texts(wanted).items():
        write(place / name, text)
    for name, size in model.shards(wanted).items():
        if (place / name).exists() and (place / name).stat().st_size == size:
            continue
        (place / name).unlink(missing_ok=True)
        for half in (size // 2, size):
            site.sleep(DOWNLOAD_S / model.SHARDS / 2)
            model.grow(parts / name, half)
        (parts / name).rename(place / name)
        gib = size / (1 << 30)
        sys.stderr.write(
            f"Downloading [{name}]: 100%|██████████| {gib:.2f}G/{gib:.2f}G [01:12<00:00, 107MB/s]\n"
        )
    parts.rmdir()
    return 0
