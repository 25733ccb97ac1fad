"""Libraries that torch was linked with and that a CPU never calls: empty ones take their place.

PyPI's torch 2.9.1 for Linux is the CUDA build. It loads about fifteen CUDA libraries when it is
imported, which come in packages of 2.5 GB (4.5 GB on disk), and then calls none of them on a
machine without a GPU, save the registration of kernels. A library with the same name and the same
symbols, each of which returns 0, is enough; cudaGetDeviceCount says that there is no device.
"""

from __future__ import annotations

import re
import subprocess
import tempfile
from collections import defaultdict
from pathlib import Path

_USERS = ("libtorch_nvshmem.so", "libc10_cuda.so", "libtorch_cpu.so", "libtorch_cuda.so",
          "libtorch_python.so", "libtorch_cuda_linalg.so", "libtorch_global_deps.so")  # fmt: skip
_CUDA = re.compile(
    r"lib(cudart|cupti|cusparse|cusparseLt|cufft|cufile|nccl|curand|cublas|cublasLt|cudnn|cusolver"
    r"|nvshmem_host)\.so\.\d+"
)
_SYMBOL = re.compile(
    r"(nvshmem|cu[A-Z]|cuda[A-Z]|cublas|cudnn|nccl|curand|cusparse|cusolver|cufft|cuFile|cupti"
    r"|__cuda)"
)
NO_DEVICE = 100
"""cudaErrorNoDevice."""

_Versions = dict[str, set[str]]


def _run(*words: str, text: str | None = None) -> str:
    done = subprocess.run(words, input=text, capture_output=True, text=True, check=False)
    if done.returncode:
        raise RuntimeError(f"{' '.join(words[:3])} ...: {done.stderr.strip()[-400:]}")
    return done.stdout


def _needed(libs: Path) -> tuple[dict[str, _Versions], set[str]]:
    """What torch asks of CUDA: library -> version -> symbols; and symbols without a version."""
    wanted: dict[str, _Versions] = defaultdict(lambda: defaultdict(set))
    loose: set[str] = set()
    for user in _USERS:
        path = str(libs / user)
        for name in re.findall(r"\(NEEDED\).*\[(.+)\]", _run("readelf", "-dW", path)):
            if _CUDA.fullmatch(name):
                wanted[name]
        owner: dict[str, str] = {}
        current = ""
        for line in _run("readelf", "-VW", path).splitlines():
            if found := re.search(r"File: (\S+)", line):
                current = found[1]
            elif (found := re.search(r"Name: (\S+)\s+Flags", line)) and _CUDA.fullmatch(current):
                owner[found[1]] = current
                wanted[current][found[1]]
        for line in _run("nm", "-D", "--undefined-only", path).splitlines():
            symbol, _, version = line.split()[-1].partition("@")
            version = version.lstrip("@")
            if version in owner:
                wanted[owner[version]][version].add(symbol)
            elif not version and _SYMBOL.match(symbol):
                loose.add(symbol)
    return wanted, loose


def _function(symbol: str) -> str:
    value = NO_DEVICE if symbol == "cudaGetDeviceCount" else 0
    return f"long {symbol}(void) {{ return {value}; }}\n"


def write(libs: Path) -> int:
    """Put the stand-ins beside torch's own libraries; returns how many. Needs gcc and binutils."""
    wanted, loose = _needed(libs)
    for name, versions in wanted.items():
        symbols = {s for of in versions.values() for s in of}
        if name.startswith("libcudart"):
            symbols |= loose
        source = "".join(map(_function, sorted(symbols)))
        with tempfile.TemporaryDirectory() as folder:
            # glibc insists on version tables in a library that symbols with versions are asked of.
            script = Path(folder, "versions.map")
            script.write_text("".join(
                f"{v} {{ global: {' '.join(s + ';' for s in sorted(of))} }};\n"
                for v, of in versions.items()
            ))  # fmt: skip
            extra = [f"-Wl,--version-script={script}"] if versions else []
            _run("gcc", "-w", "-shared", "-nostdlib", *extra, f"-Wl,-soname,{name}",
                 "-o", str(libs / name), "-x", "c", "-", text=source)  # fmt: skip
    return len(wanted)
