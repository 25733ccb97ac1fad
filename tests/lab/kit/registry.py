"""A container registry for one node, on its loopback: serves the lab's image, and can stall.

Docker speaks plain HTTP to a registry on 127.0.0.1. While the file ``hold`` is there, a layer stops
in its middle and goes on when the file is gone: a pull of any length, without a clock.
"""

from __future__ import annotations

import hashlib
import json
import subprocess
import sys
import tarfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

from tests.lab.kit.layout import CHECKOUT, NETNS, Layout, cache_dir

PORT = 5000
REPOSITORY = "ascend/vllm-ascend"
TAG = "v0.13.0rc1"
IMAGE = f"127.0.0.1:{PORT}/{REPOSITORY}:{TAG}"
_PIECE = 1 << 20
_MANIFEST = "application/vnd.docker.distribution.manifest.v2+json"
_CONFIG = "application/vnd.docker.container.image.v1+json"
_LAYER = "application/vnd.docker.image.rootfs.diff.tar.gzip"


def _digest(data: bytes) -> str:
    return f"sha256:{hashlib.sha256(data).hexdigest()}"


class _Content:
    """The image as a registry holds it: blobs by digest, and the manifest."""

    def __init__(self, image: Path) -> None:
        with tarfile.open(image) as tar:

            def member(name: str) -> bytes:
                file = tar.extractfile(name)
                assert file is not None, name
                return file.read()

            about = json.loads(member("manifest.json"))[0]
            config = member(about["Config"])
            layers = [member(name) for name in about["Layers"]]
        self.blobs = {_digest(blob): blob for blob in (config, *layers)}
        self.layers = {_digest(layer) for layer in layers}

        def told(kind: str, blob: bytes) -> dict[str, object]:
            return {"mediaType": kind, "size": len(blob), "digest": _digest(blob)}

        self.manifest = json.dumps({
            "schemaVersion": 2, "mediaType": _MANIFEST, "config": told(_CONFIG, config),
            "layers": [told(_LAYER, layer) for layer in layers],
        }).encode()  # fmt: skip


def _handler(content: _Content, hold: Path) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def log_message(self, *_: object) -> None:
            pass

        def do_HEAD(self) -> None:
            self.do_GET()

        def do_GET(self) -> None:
            what = self.path.rpartition("/")[2]
            if self.path.rstrip("/") == "/v2":
                self._answer(b"{}", "application/json")
            elif "/manifests/" in self.path and what in (TAG, _digest(content.manifest)):
                self._answer(content.manifest, _MANIFEST)
            elif "/blobs/" in self.path and what in content.blobs:
                self._answer(content.blobs[what], "application/octet-stream", what)
            else:
                self.send_error(404)

        def _answer(self, data: bytes, kind: str, digest: str = "") -> None:
            asked = self.headers.get("Range", "")
            first = int(asked.removeprefix("bytes=").split("-")[0]) if asked else 0
            self.send_response(206 if first else 200)
            self.send_header("Content-Type", kind)
            self.send_header("Content-Length", str(len(data) - first))
            self.send_header("Docker-Content-Digest", digest or _digest(data))
            if first:
                self.send_header("Content-Range", f"bytes {first}-{len(data) - 1}/{len(data)}")
            self.end_headers()
            if self.command == "HEAD":
                return
            for at in range(first, len(data), _PIECE):
                if digest in content.layers and at >= len(data) // 2 and hold.exists():
                    print("half", flush=True)
                    while hold.exists():
                        time.sleep(0.05)
                self.wfile.write(data[at : at + _PIECE])

    return Handler


class Registry:
    """The registry of a node while it serves."""

    def __init__(self, process: subprocess.Popen[str], hold: Path) -> None:
        self._process = process
        self._hold = hold

    def wait_half(self) -> None:
        """Wait until a pull has come to the middle of the layer, where it is held."""
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        assert line == "half\n", f"the registry ended: {line}"

    def go_on(self) -> None:
        """Let layers through."""
        self._hold.unlink(missing_ok=True)


@contextmanager
def serving(layout: Layout, node: str, folder: Path) -> Iterator[Registry]:
    """Serve on the node's loopback, at first with the layer held."""
    hold = folder / "hold"
    hold.touch()
    words = ["nsenter", f"--net={NETNS / layout.netns(node)}", "--", sys.executable, "-m",
             "tests.lab.kit.registry", str(hold)]  # fmt: skip
    process = subprocess.Popen(words, cwd=CHECKOUT, text=True, stdout=subprocess.PIPE)
    try:
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n", "the registry does not start"
        yield Registry(process, hold)
    finally:
        process.kill()
        process.wait()


def main() -> None:
    """Serve until killed: ``python -m tests.lab.kit.registry HOLD``."""
    handler = _handler(_Content(cache_dir() / "image.tar"), Path(sys.argv[1]))
    server = ThreadingHTTPServer(("127.0.0.1", PORT), handler)
    print("ready", flush=True)
    server.serve_forever()


if __name__ == "__main__":
    main()
