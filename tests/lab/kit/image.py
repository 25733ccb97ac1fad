"""The container image: vLLM's own files where the real image holds them, and the Ascend folders.

Programs, libraries and Python come from this machine at run time (files/runc-lab), so the image is
small and `docker load` takes a second.
"""

from __future__ import annotations

import hashlib
import io
import json
import platform
import tarfile
import time
from datetime import datetime, timezone
from pathlib import Path

from tests.lab.kit.layout import FILES, IMAGE, VENV_INSIDE

WORKSPACE = "/vllm-workspace"
CONFIG = {
    "Env": [
        f"PATH={VENV_INSIDE}/bin:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
        "ASCEND_TOOLKIT_HOME=/usr/local/Ascend/ascend-toolkit/latest",
        "OMP_NUM_THREADS=1",
        "TASK_QUEUE_ENABLE=1",
    ],
    "WorkingDir": "/workspace",
    "Cmd": ["/bin/bash"],
}

_OS_RELEASE = """PRETTY_NAME="Ubuntu 22.04.5 LTS"
NAME="Ubuntu"
VERSION_ID="22.04"
ID=ubuntu
ID_LIKE=debian
"""
_CANN = "/usr/local/Ascend/ascend-toolkit/latest/x86_64-linux/ascend_toolkit_install.info"
_TOOLKIT_INFO = """package_name=Ascend-cann-toolkit
version=8.3.RC2
innerversion=V100R001C23SPC002B210
compatible_version=[V100R001C15],[V100R001C18],[V100R001C19],[V100R001C20],[V100R001C21],[V100R001C23]
arch=x86_64
os=linux
path=/usr/local/Ascend/ascend-toolkit/8.3.RC2/x86_64-linux
"""
_SET_ENV = (
    (
        "/usr/local/Ascend/ascend-toolkit",
        "ASCEND_HOME_PATH",
        "/usr/local/Ascend/ascend-toolkit/latest",
    ),
    (
        "/usr/local/Ascend/nnal/atb",
        "ATB_HOME_PATH",
        "/usr/local/Ascend/nnal/atb/latest/atb/cxx_abi_0",
    ),
)
_ARCH = {"x86_64": "amd64", "aarch64": "arm64"}


class _Tar:
    def __init__(self, tar: tarfile.TarFile) -> None:
        self.tar = tar
        self.made: set[str] = set()

    def folder(self, path: str, mode: int = 0o755) -> None:
        path = path.strip("/")
        if not path or path in self.made:
            return
        self.folder(str(Path(path).parent) if "/" in path else "")
        self.made.add(path)
        info = tarfile.TarInfo(path)
        info.type, info.mode, info.mtime = tarfile.DIRTYPE, mode, int(time.time())
        self.tar.addfile(info)

    def text(self, path: str, text: str, mode: int = 0o644) -> None:
        self.folder(str(Path(path).parent))
        info = tarfile.TarInfo(path.strip("/"))
        data = text.encode()
        info.size, info.mode, info.mtime = len(data), mode, int(time.time())
        self.tar.addfile(info, io.BytesIO(data))

    def link(self, path: str, target: str) -> None:
        info = tarfile.TarInfo(path.strip("/"))
        info.type, info.linkname = tarfile.SYMTYPE, target
        self.tar.addfile(info)


def _skeleton(tar: _Tar) -> None:
    for name in ("usr/bin", "usr/sbin", "usr/lib", "usr/lib64", "usr/libexec", "usr/share",
                 "etc/alternatives", "proc", "sys", "dev", "root", "run", "var/tmp", "var/log",
                 "workspace", VENV_INSIDE, "usr/local/Ascend/driver/tools"):  # fmt: skip
        tar.folder(name)
    tar.folder("tmp", 0o1777)
    for name in ("bin", "sbin", "lib", "lib64"):
        tar.link(name, f"usr/{name}")
    tar.text("etc/passwd", "root:x:0:0:root:/root:/bin/bash\n")
    tar.text("etc/group", "root:x:0:\n")
    tar.text("etc/os-release", _OS_RELEASE)


def _layer(vllm: Path, out: Path) -> None:
    with tarfile.open(out, "w") as raw:
        tar = _Tar(raw)
        _skeleton(tar)
        tar.folder(f"{WORKSPACE}/vllm")
        raw.add(vllm / "vllm", f"{WORKSPACE}/vllm/vllm".strip("/"), filter=_plain)
        plugin = (FILES / "vllm_ascend.py").read_text()
        tar.text(f"{WORKSPACE}/vllm-ascend/vllm_ascend/__init__.py", plugin)
        for what, name, home in _SET_ENV:
            tar.text(f"{what}/set_env.sh", f"# The lab's stand-in.\nexport {name}={home}\n")
        tar.text(_CANN, _TOOLKIT_INFO)
        tar.text("/usr/local/bin/vllm", (FILES / "vllm").read_text(), 0o755)


def build(vllm: Path, out: Path) -> None:
    """Write what `docker load` takes, from an unpacked vLLM wheel (``vllm`` holds the package).

    Not `docker import`: that would give each node an image of another id.
    """
    layer = out.with_suffix(".layer")
    _layer(vllm, layer)
    digest = hashlib.sha256(layer.read_bytes()).hexdigest()
    config = json.dumps({
        "architecture": _ARCH.get(platform.machine(), platform.machine()), "os": "linux",
        "created": datetime.now(timezone.utc).isoformat(), "config": CONFIG,
        "rootfs": {"type": "layers", "diff_ids": [f"sha256:{digest}"]},
        "history": [{"created_by": "the lab of glm47-tui"}],
    })  # fmt: skip
    name = hashlib.sha256(config.encode()).hexdigest() + ".json"
    manifest = [{"Config": name, "RepoTags": [IMAGE], "Layers": ["layer.tar"]}]
    part = out.with_suffix(".part")
    with tarfile.open(part, "w") as raw:
        tar = _Tar(raw)
        tar.text(name, config)
        tar.text("manifest.json", json.dumps(manifest))
        raw.add(layer, "layer.tar", filter=_plain)
    layer.unlink()
    part.replace(out)


def _plain(info: tarfile.TarInfo) -> tarfile.TarInfo:
    info.uid = info.gid = 0
    info.uname = info.gname = "root"
    return info
