"""The container image: vLLM's own files where the real image holds them, and the Ascend folders.

Programs, libraries and Python come from this machine at run time (files/runc-lab), so the image is
small and `docker import` takes a second.
"""

from __future__ import annotations

import io
import tarfile
import time
from pathlib import Path

from tests.lab.kit.layout import FILES, VENV_INSIDE

WORKSPACE = "/vllm-workspace"
CHANGES = (
    f"ENV PATH={VENV_INSIDE}/bin:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
    "ENV ASCEND_TOOLKIT_HOME=/usr/local/Ascend/ascend-toolkit/latest",
    "ENV OMP_NUM_THREADS=1",
    "ENV TASK_QUEUE_ENABLE=1",
    "WORKDIR /workspace",
    'CMD ["/bin/bash"]',
)
"""What `docker import --change` says about the image."""

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
_SET_ENV = "# The lab's stand-in for {what}.\nexport {name}={path}\n"
_PLUGIN = '''"""Takes the place of vllm_ascend: names the platform, which here is the CPU."""


def register() -> str:
    return "vllm.platforms.cpu.CpuPlatform"
'''


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


def build(vllm: Path, out: Path) -> None:
    """Write the image's tar from an unpacked vLLM wheel (``vllm`` holds the package folder)."""
    part = out.with_suffix(".part")
    with tarfile.open(part, "w") as raw:
        tar = _Tar(raw)
        _skeleton(tar)
        tar.folder(f"{WORKSPACE}/vllm")
        raw.add(vllm / "vllm", f"{WORKSPACE}/vllm/vllm".strip("/"), filter=_plain)
        tar.text(f"{WORKSPACE}/vllm-ascend/vllm_ascend/__init__.py", _PLUGIN)
        tar.text("/usr/local/Ascend/ascend-toolkit/set_env.sh", _SET_ENV.format(
            what="CANN's environment", name="ASCEND_HOME_PATH",
            path="/usr/local/Ascend/ascend-toolkit/latest"))  # fmt: skip
        tar.text("/usr/local/Ascend/nnal/atb/set_env.sh", _SET_ENV.format(
            what="ATB's environment", name="ATB_HOME_PATH",
            path="/usr/local/Ascend/nnal/atb/latest/atb/cxx_abi_0"))  # fmt: skip
        tar.text(_CANN, _TOOLKIT_INFO)
        tar.text("/usr/local/bin/vllm", (FILES / "vllm").read_text(), 0o755)
    part.replace(out)


def _plain(info: tarfile.TarInfo) -> tarfile.TarInfo:
    info.uid = info.gid = 0
    info.uname = info.gname = "root"
    return info
