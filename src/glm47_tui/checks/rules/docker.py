"""Docker, the image, and the container that may exist already."""

from __future__ import annotations

from glm47_tui.checks import sources as src
from glm47_tui.checks.catalogue import Answer, block, check, info, ok, unknown, warn
from glm47_tui.checks.views import NodeView
from glm47_tui.node.docker import Container

SHM_BYTES = 1 << 30
"""Size of /dev/shm in bytes that every vllm-ascend example asks for."""
ROOM_BYTES = 20 * 10**9
"""Bytes that should be free where Docker keeps its images, when the image's size is not known."""
GB = 10**9

_ARCH = {"amd64": "x86_64", "arm64": "aarch64"}


@check("docker.installed", src.GUIDE_RUN, needs="dockerinfo")
def installed(node: NodeView) -> Answer:
    """Docker is installed."""
    return ok() if node.facts.docker.installed else block()


@check("docker.running", src.DOCKER, needs="dockerinfo")
def running(node: NodeView) -> Answer:
    """The Docker Engine answers, and to this user."""
    docker = node.facts.docker
    if not docker.installed:
        return None
    if docker.running:
        return ok(server=docker.server or "-", root=docker.root or "-")
    if docker.denied:
        return block("denied", fix="fix_denied", command="id; ls -l /var/run/docker.sock")
    if "systemctl" in node.facts.tools:
        return block("stopped", error=docker.error or "-", command="systemctl start docker",
                     undo="systemctl stop docker")  # fmt: skip
    return block("stopped", error=docker.error or "-", command="service docker start")


@check("docker.image", src.GUIDE_RUN, needs="image")
def image(node: NodeView) -> Answer:
    """The image is here; if not, the deployment pulls it."""
    if not node.facts.docker.running:
        return None
    name, found = node.profile.container.image, node.facts.image
    if found is not None:
        return ok(image=name, size=(found.size_bytes or 0) / GB, id=found.id[7:19])
    tag = name.rpartition("/")[2]
    alike = [n for n in node.facts.images if n.rpartition("/")[2] == tag]
    if alike:
        return warn("other_name", fix="fix_other_name", image=name, other=alike[0],
                    command=f"docker tag {alike[0]} {name}", undo=f"docker rmi {name}")  # fmt: skip
    return info("absent", image=name, limit=node.profile.limits.pull_min)


@check("docker.image_arch", src.DOCKER, needs=("image", "sys"))
def image_arch(node: NodeView) -> Answer:
    """The image is built for this processor."""
    found, host = node.facts.image, node.facts.system.arch
    if found is None or not found.arch or not host:
        return None
    arch = _ARCH.get(found.arch, found.arch)
    if arch == _ARCH.get(host, host):
        return ok(host=host)
    command = f"docker pull --platform linux/{_back(host)} {node.profile.container.image}"
    return block(image=found.arch, host=host, command=command)


def _back(host: str) -> str:
    return next((d for d, h in _ARCH.items() if h == host), host)


@check("docker.room", src.DOCKER, needs="dockerinfo")
def room(node: NodeView) -> Answer:
    """There is room for the image where Docker keeps it."""
    docker = node.facts.docker
    disk = node.facts.disk(docker.root) if docker.root else None
    if disk is None or disk.free is None:
        return None if not docker.running else unknown()
    values = {"root": docker.root, "free": disk.free / GB, "mount": disk.mount}
    if node.facts.image is not None:
        return ok(**values)
    sizes = [f.image.size_bytes or 0 for f in node.evidence.facts.values() if f.image]
    need = max(sizes) if sizes else ROOM_BYTES
    if disk.free < need:
        return warn(**values, need=need / GB, command="docker system df")
    return ok(**values)


@check("docker.container", src.GUIDE_RUN, needs="container")
def container(node: NodeView) -> Answer:
    """The container of this profile: absent, stopped or running, any of which is fine."""
    if not node.facts.docker.running:
        return None
    name, found = node.profile.container.name, node.facts.container
    if found is None:
        return info("absent", name=name)
    if found.running:
        return ok(name=name, image=found.image)
    return info("stopped", name=name, state=found.state, code=found.exit_code or 0)


def differences(node: NodeView, found: Container) -> list[str]:
    """Name what in an existing container is not as docker_run.sh would make it."""
    spec = node.profile.container
    odd: list[str] = []
    image = node.facts.image
    if image is not None and found.image_id and found.image_id != image.id:
        odd.append(f"image {found.image_id[7:19]} (profile: {image.id[7:19]})")
    if found.network != "host":
        odd.append(f"network {found.network or '-'} (profile: host)")
    missing = [d for d in spec.devices if d not in found.npus]
    if missing and not found.privileged:
        odd.append(f"without NPU {', '.join(map(str, missing))}")
    seen = next((m for m in found.mounts if m.target == spec.data_mount_inside), None)
    if seen is None or seen.source.rstrip("/") != spec.data_mount.rstrip("/"):
        odd.append(f"{spec.data_mount_inside} <- {seen.source if seen else '-'}"
                   f" (profile: {spec.data_mount})")  # fmt: skip
    return odd


@check("docker.differs", src.GUIDE_RUN, needs="container")
def differs(node: NodeView) -> Answer:
    """An existing container is made as the profile wants it."""
    found = node.facts.container
    if found is None:
        return None
    odd = differences(node, found)
    if odd:
        return warn(name=found.name, listing="; ".join(odd),
                    command=f"docker inspect {found.name}")  # fmt: skip
    return ok(name=found.name)


@check("docker.shm", src.VA_SHM, needs="container")
def shm(node: NodeView) -> Answer:
    """An existing container has at least 1 GiB of /dev/shm."""
    found = node.facts.container
    if found is None:
        return None if node.profile.improvements.shm_size else warn("off", name="-")
    if found.ipc == "host":
        return ok("host")
    inside = node.facts.inside
    size = (inside.shm_bytes if inside else None) or found.shm_bytes
    if size is None:
        return unknown()
    if size < SHM_BYTES:
        return warn("small", fix="fix_small", name=found.name, size=size >> 20)
    return ok(size=size >> 20)


@check("docker.sharing", src.VA_8020, needs="containers")
def sharing(node: NodeView) -> Answer:
    """No other running container was given the same NPUs."""
    if not node.facts.docker.running:
        return None
    wanted = set(node.profile.container.devices)
    others = [c for c in node.facts.containers
              if not node.ours(c.id) and (wanted & set(c.npus) or c.privileged)]  # fmt: skip
    holders = [c for c in others if wanted & set(c.npus)]
    if holders:
        listing = ", ".join(f"{c.name} ({c.image})" for c in holders[:4])
        command = "docker ps --format '{{.Names}}\\t{{.Image}}\\t{{.Status}}'"
        return warn(listing=listing, first=holders[0].name, command=command)
    if others:
        return info("privileged", listing=", ".join(c.name for c in others[:4]))
    return ok()


@check("docker.inside_model", src.VLLM_LOADER, needs=("inside", "model"))
def inside_model(node: NodeView) -> Answer:
    """The running container sees the model folder."""
    facts = node.facts
    if facts.inside is None or facts.model is None or not facts.model.exists:
        return None
    path = node.profile.model_path(node.index)
    inside = node.profile.inside(path)
    if inside in facts.inside.present:
        return ok(inside=inside)
    return warn(path=path, inside=inside,
                command=f"docker exec {node.profile.container.name} ls {inside}")  # fmt: skip


@check("docker.inside_files", src.VA_FAQ, needs="inside")
def inside_files(node: NodeView) -> Answer:
    """The launch script's set_env.sh files are in the container."""
    inside = node.facts.inside
    if inside is None:
        return None
    wanted = ("/usr/local/Ascend/ascend-toolkit/set_env.sh",
              "/usr/local/Ascend/nnal/atb/set_env.sh")  # fmt: skip
    missing = [f for f in wanted if f not in inside.present]
    if missing:
        command = f"docker exec {node.profile.container.name} ls {missing[0]}"
        return warn(files=", ".join(missing), command=command)
    return ok()


@check("docker.proxy", src.DOCKER, needs="container")
def proxy(node: NodeView) -> Answer:
    """A proxy in the container does not catch the nodes' own traffic."""
    found = node.facts.container
    if found is None or not found.env:
        return None
    env = {k.lower(): v for k, v in found.env.items()}
    names = [k for k in ("http_proxy", "https_proxy", "all_proxy") if env.get(k)]
    if not names:
        return ok()
    spared = {x.strip() for x in env.get("no_proxy", "").split(",")}
    wanted = {"localhost", "127.0.0.1", *(n.ip for n in node.profile.nodes)}
    if "*" in spared or wanted <= spared:
        return ok("spared", names=", ".join(names))
    return warn(names=", ".join(names), missing=",".join(sorted(wanted - spared)))
