"""Images: list, inspect, pull."""

from __future__ import annotations

import hashlib
import sys

from glm47_tui.demo.sim.docker.options import parse
from glm47_tui.demo.sim.docker.store import DIGEST, Failure, Store

LAYERS = 14
PULL_S = 2.4
"""Seconds a pull takes at pace 1."""


def pull(store: Store, args: list[str]) -> int:
    """``docker pull``, its progress as it looks without a terminal."""
    words = parse(args, {"--quiet": ("-q", False), "--platform": ("", True)})
    reference = words.rest[0]
    registry, _, path = reference.partition("/")
    name, _, tag = path.partition(":")
    if store.site.fault("pull-fails") is not None:
        store.site.sleep(1)
        raise Failure(
            f'Error response from daemon: Get "https://{registry}/v2/": net/http: request canceled '
            "while waiting for connection (Client.Timeout exceeded while awaiting headers)"
        )
    if "vllm-ascend" not in name or "v0.13.0rc1" not in tag:
        raise Failure(
            f"Error response from daemon: manifest for {reference} not found: manifest unknown: "
            "manifest unknown"
        )
    if store.find_image(reference) is None:
        _layers(store, f"{tag}: Pulling from {name}")
        store.add_image(reference)
        status = f"Status: Downloaded newer image for {reference}"
    else:
        status = f"Status: Image is up to date for {reference}"
    sys.stdout.write(f"Digest: {DIGEST}\n{status}\n{reference}\n")
    return 0


def _layers(store: Store, first: str) -> None:
    layers = [hashlib.sha256(f"layer {n}".encode()).hexdigest()[:12] for n in range(LAYERS)]
    sys.stdout.write(first + "\n")
    sys.stdout.writelines(f"{layer}: Pulling fs layer\n" for layer in layers)
    sys.stdout.writelines(f"{layer}: Waiting\n" for layer in layers[3:])
    sys.stdout.flush()
    for layer in layers:
        store.site.sleep(PULL_S / LAYERS)
        sys.stdout.write(f"{layer}: Verifying Checksum\n{layer}: Download complete\n")
        sys.stdout.flush()
    for layer in layers:
        store.site.sleep(0.3 / LAYERS)
        sys.stdout.write(f"{layer}: Pull complete\n")
        sys.stdout.flush()
