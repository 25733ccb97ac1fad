"""What ``docker inspect`` must say of a container that docker_run.sh made.

Shapes as Docker's API gives them: ``HostConfig.Devices`` has one entry a ``--device``,
``HostConfig.Binds`` the ``-v`` words as given, ``HostConfig.ShmSize`` bytes, ``Config.Env`` the
image's variables with those of ``-e`` over them.
"""

from __future__ import annotations

from glm47_tui.profile import Profile
from glm47_tui.render.node_files import docker_run

_UNITS = {"b": 1, "k": 1 << 10, "m": 1 << 20, "g": 1 << 30, "kb": 1 << 10, "mb": 1 << 20,
          "gb": 1 << 30}  # fmt: skip


def size_bytes(size: str) -> int:
    """Bytes of a memory size as Docker reads it (``1g`` is 1 GiB)."""
    number = size.rstrip("bkmg")
    return int(number) * _UNITS[size[len(number) :]]


def wanted_lines(profile: Profile) -> tuple[str, ...]:
    """One line a property that docker_run.sh asks for, as :func:`inspect_format` prints it."""
    out = ["network host"]
    if profile.improvements.shm_size:
        out.append(f"shm {size_bytes(profile.container.shm_size)}")
    for line in docker_run(profile).splitlines():
        words = line.removesuffix("\\").split()
        if words[:1] == ["--device"]:
            out.append(f"device {words[1]}:{words[1]}")
        elif words[:1] == ["-v"]:
            host, inside = words[1].split(":")
            out.append(f"bind {_bare(host)}:{_bare(inside)}")
        elif words[:1] == ["-e"]:
            out.append(f"env {words[1]}")
    return tuple(out)


def _bare(path: str) -> str:
    return path.rstrip("/") or "/"


def inspect_format(profile: Profile) -> str:
    """The Go template for ``docker inspect --format``: one line a property, blank lines between."""
    parts = ["network {{.HostConfig.NetworkMode}}"]
    if profile.improvements.shm_size:
        parts.append("shm {{.HostConfig.ShmSize}}")
    parts += [
        '{{range .HostConfig.Devices}}device {{.PathOnHost}}:{{.PathInContainer}}{{"\\n"}}{{end}}',
        '{{range .HostConfig.Binds}}bind {{.}}{{"\\n"}}{{end}}',
        '{{range .Config.Env}}env {{.}}{{"\\n"}}{{end}}',
    ]
    return '{{"\\n"}}'.join(parts)
