"""The guide's version table, and what must fit together beyond it."""

from __future__ import annotations

import re

from glm47_tui.checks import sources as src
from glm47_tui.checks.catalogue import Answer, Says, check, info, ok, unknown, warn
from glm47_tui.checks.views import NodeView

GUIDE_DRIVER = "25.2.1"
GUIDE_CANN = "8.3.rc2"
GUIDE = {"torch": "2.8.0", "torch_npu": "2.8.0", "vllm": "0.13.0", "vllm_ascend": "0.13.0rc1"}
"""Versions inside the container, by package: the guide's table 1."""
BUILTIN_SINCE = (0, 14)
"""The first vLLM line whose parsers know GLM-4.7 (vllm-ascend v0.14.0rc1)."""


def numbers(version: str) -> tuple[int, ...]:
    """Return the leading numbers of a version: ``25.2.1`` (25, 2, 1), ``8.3.RC2`` (8, 3)."""
    found = re.match(r"\d{1,6}(?:\.\d{1,6})*", version)
    return tuple(int(n) for n in found.group().split(".")) if found else ()


def base(version: str) -> str:
    """Return a version without its local part: ``0.13.0+empty`` is 0.13.0."""
    return version.partition("+")[0].strip()


@check("version.driver", src.GUIDE_VERSIONS, needs="driver")
def driver(node: NodeView) -> Answer:
    """The driver is the one the guide pairs."""
    found = node.facts.driver.version
    if found is None:
        return unknown(command="cat /usr/local/Ascend/driver/version.info")
    if found == GUIDE_DRIVER:
        return ok(found=found)
    if numbers(found) < numbers(GUIDE_DRIVER):
        return warn("older", found=found, want=GUIDE_DRIVER, command="npu-smi info -t board -i 0")
    return info("newer", found=found, want=GUIDE_DRIVER)


@check("version.firmware", src.DRIVER_PAIR, needs="driver")
def firmware(node: NodeView) -> Answer:
    """The firmware lies in the range the driver names."""
    about = node.facts.driver
    if about.firmware is None or about.firmware_range is None:
        return None if about.version is None else unknown()
    low, high = about.firmware_range
    if numbers(low) <= numbers(about.firmware) <= numbers(high):
        return ok(found=about.firmware, low=low, high=high)
    return warn(found=about.firmware, low=low, high=high, driver=about.version,
                command="cat /usr/local/Ascend/firmware/version.info")  # fmt: skip


@check("version.npu_smi", src.NPU_SMI, needs=("npu", "driver"))
def npu_smi(node: NodeView) -> Answer:
    """The driver that runs is the one that is installed."""
    running, installed = node.facts.npu.version, node.facts.driver.version
    if running is None or installed is None:
        return None
    if running.lower() == installed.lower():
        return ok(found=running)
    return warn(running=running, installed=installed, command="reboot")


def _inside(node: NodeView) -> Says | None:
    """Return what to say when the container cannot be asked."""
    if node.facts.inside is not None:
        return None
    return info("later")


@check("version.python", src.GUIDE_VERSIONS, needs="inside")
def python(node: NodeView) -> Answer:
    """Python inside the container is at least 3.10 and below 3.12."""
    if (later := _inside(node)) is not None or node.facts.inside is None:
        return later
    found = node.facts.inside.versions.get("python")
    if found is None:
        return unknown()
    return ok(found=found) if (3, 10) <= numbers(found) < (3, 12) else warn(found=found)


@check("version.cann", src.GUIDE_VERSIONS, needs="inside")
def cann(node: NodeView) -> Answer:
    """CANN inside the container is the one the guide pairs."""
    if (later := _inside(node)) is not None or node.facts.inside is None:
        return later
    found = node.facts.inside.cann.version if node.facts.inside.cann else None
    if found is None:
        return unknown()
    return ok(found=found) if found.lower() == GUIDE_CANN else warn(found=found, want=GUIDE_CANN)


@check("version.cann_driver", src.CANN_PAIR, needs=("inside", "driver"))
def cann_driver(node: NodeView) -> Answer:
    """CANN names the driver's generation among those it works with."""
    if (later := _inside(node)) is not None or node.facts.inside is None:
        return later
    toolkit, host = node.facts.inside.cann, node.facts.driver
    fits = toolkit.accepts(host) if toolkit else None
    if toolkit is None or fits is None:
        return unknown()
    if fits:
        return ok(cann=toolkit.version, driver=host.version)
    return warn(cann=toolkit.version, driver=host.version, inner=host.inner,
                known=", ".join(toolkit.compatible))  # fmt: skip


def _pinned(node: NodeView, package: str) -> Says:
    if (later := _inside(node)) is not None or node.facts.inside is None:
        return later or unknown(package=package)
    found, want = node.facts.inside.versions.get(package), GUIDE[package]
    if found is None:
        command = f"docker exec {node.profile.container.name} pip show {package}"
        return warn("absent", package=package, want=want, command=command)
    if base(found) == want:
        return ok(package=package, found=found)
    return warn(package=package, found=found, want=want)


@check("version.torch", src.GUIDE_VERSIONS, needs="inside")
def torch(node: NodeView) -> Answer:
    """Torch inside the container is the one the guide pairs."""
    return _pinned(node, "torch")


@check("version.torch_npu", src.GUIDE_VERSIONS, needs="inside")
def torch_npu(node: NodeView) -> Answer:
    """torch_npu inside the container is the one the guide pairs, and made for this torch."""
    inside = node.facts.inside
    versions = inside.versions if inside else {}
    torch_found, npu_found = versions.get("torch"), versions.get("torch_npu")
    if torch_found and npu_found and numbers(torch_found)[:2] != numbers(npu_found)[:2]:
        return warn("apart", torch=torch_found, torch_npu=npu_found)
    return _pinned(node, "torch_npu")


@check("version.vllm", src.GUIDE_VERSIONS, needs="inside")
def vllm(node: NodeView) -> Answer:
    """VLLM inside the container is the one the patches are made for, or knows GLM-4.7 itself."""
    inside = node.facts.inside
    found = inside.versions.get("vllm") if inside else None
    if found and numbers(base(found))[:2] >= BUILTIN_SINCE:
        return info("builtin", found=found)
    return _pinned(node, "vllm")


@check("version.vllm_ascend", src.GUIDE_VERSIONS, needs="inside")
def vllm_ascend(node: NodeView) -> Answer:
    """vllm_ascend inside the container is the one the guide pairs."""
    inside = node.facts.inside
    found = inside.versions.get("vllm_ascend") if inside else None
    other = inside.versions.get("vllm") if inside else None
    if found and other and numbers(base(other))[:2] >= BUILTIN_SINCE:
        return info("builtin", found=found, vllm=other)
    return _pinned(node, "vllm_ascend")


@check("version.transformers", src.VA_INSTALL, needs="inside")
def transformers(node: NodeView) -> Answer:
    """Transformers knows glm4_moe and is not yet 5."""
    if (later := _inside(node)) is not None or node.facts.inside is None:
        return later
    found = node.facts.inside.versions.get("transformers")
    if found is None:
        return unknown()
    return ok(found=found) if (4, 56) <= numbers(found) < (5,) else warn(found=found)


@check("version.image_family", src.VA_INSTALL, needs="npu")
def image_family(node: NodeView) -> Answer:
    """The image's tag is the one for these NPUs: -a3 for A3, -310p for 310P, none for A2."""
    names = {n.name for n in node.facts.npu.npus}
    if not names:
        return None
    image = node.profile.container.image
    tag = image.rpartition(":")[2] if ":" in image.rpartition("/")[2] else ""
    if not tag or "@" in image:
        return None
    family = "310p" if any("310P" in n for n in names) else "a2"
    if any(n.startswith(("Ascend910", "910_93")) for n in names):
        family = "a3"
    # "-a3-openeuler" and "-a3" alike.
    marked = next((m for m in ("a3", "310p") if f"-{m}" in tag), "a2")
    if family == marked:
        return ok(image=image, names=", ".join(sorted(names)))
    return warn(image=image, names=", ".join(sorted(names)), family=family.upper(),
                marked=marked.upper())  # fmt: skip
