"""Parsers of ``hccn_tool`` and of the Ascend version files.

``hccn_tool`` speaks for the 200 Gbit/s RoCE port of each NPU. Texts and values: facts of the
field, sections 1.7 and 2 (vllm-ascend "Verify Multi-Node Communication", HCCL documentation).
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field, replace

from glm47_tui.node.text import clean, key_values, to_int

_IP = re.compile(r"ipaddr\s*:\s*([0-9A-Fa-f.:]+)")
_MASK = re.compile(r"netmask\s*:\s*([0-9.]+)")
_LINK = re.compile(r"link status\s*:\s*(\S+)", re.I)
_HEALTH = re.compile(r"net health status\s*:\s*(.+)", re.I)
_TLS = re.compile(r"tls switch\s*\[([01])\]", re.I)
_DETECT = re.compile(r"netdetect address\s*:\s*([0-9A-Fa-f.:]+)", re.I)
_GATEWAY = re.compile(r"default gateway\s*:\s*([0-9A-Fa-f.:]+)", re.I)
_CONF = re.compile(r"(address|netmask|netdetect|gateway)_([0-9]{1,4})")
_PING = re.compile(r"([0-9]{1,9}) packets transmitted, ([0-9]{1,9}) received")


@dataclass(frozen=True)
class HccnPort:
    """The RoCE port of one NPU.

    ``link`` is UP or DOWN. ``health`` is Success, Fault, Init (never tested: no detect address) or
    the tool's words. ``tls`` is the TLS switch, None when the driver prints none (no certificate
    was ever set; that counts as off). None elsewhere: not told. ``unset``: the tool says that no
    address was configured. ``failed`` names questions that ended with an error, ``slow`` those
    that got no answer in time.
    """

    npu: int
    ip: str | None = None
    netmask: str | None = None
    link: str | None = None
    health: str | None = None
    tls: bool | None = None
    netdetect: str | None = None
    gateway: str | None = None
    unset: bool = False
    failed: tuple[str, ...] = ()
    slow: tuple[str, ...] = ()

    @property
    def up(self) -> bool | None:
        """Whether the link is up; None when the tool did not say."""
        return None if self.link is None else self.link.upper() == "UP"


@dataclass(frozen=True)
class HccnConf:
    """``/etc/hccn.conf`` by NPU number: what the ports are set to at start."""

    address: dict[int, str] = field(default_factory=dict)
    netmask: dict[int, str] = field(default_factory=dict)
    netdetect: dict[int, str] = field(default_factory=dict)
    gateway: dict[int, str] = field(default_factory=dict)


def _first(pattern: re.Pattern[str], text: str) -> str | None:
    found = pattern.search(text)
    return found.group(1).strip() if found else None


def parse_ping(text: str) -> bool | None:
    """Read ``hccn_tool -ping``: True when any packet came back, None when it said nothing."""
    found = _PING.search(clean(text))
    return None if found is None else (to_int(found.group(2)) or 0) > 0


def parse_hccn(text: str) -> tuple[tuple[HccnPort, ...], HccnConf]:
    """Read the probe's ``@query NPU QUERY STATUS`` blocks and ``@file /etc/hccn.conf``."""
    answers: dict[int, dict[str, str]] = {}
    failed: dict[int, list[str]] = {}
    slow: dict[int, list[str]] = {}
    conf: list[str] = []
    last: tuple[int, str] | None = None
    block: list[str] = []
    for line in clean(text).splitlines():
        words = line.split()
        if words[:1] == ["@query"] and len(words) >= 4 and (npu := to_int(words[1])) is not None:
            block = []
            answers.setdefault(npu, {})[words[2]] = ""
            if words[3] in ("124", "137", "none"):
                slow.setdefault(npu, []).append(words[2])
            elif words[3] != "0":
                failed.setdefault(npu, []).append(words[2])
            last = (npu, words[2])
        elif words[:1] == ["@file"]:
            block = conf
            last = None
        else:
            block.append(line)
            if block is not conf and answers and last is not None:
                answers[last[0]][last[1]] = "\n".join(block)
    ports = (_port(n, a) for n, a in sorted(answers.items()))
    told = (
        replace(p, failed=tuple(failed.get(p.npu, ())), slow=tuple(slow.get(p.npu, ())))
        for p in ports
    )
    return tuple(told), _conf("\n".join(conf))


def _port(npu: int, answers: dict[str, str]) -> HccnPort:
    tls = _first(_TLS, answers.get("tls", ""))
    return HccnPort(
        npu=npu,
        ip=_first(_IP, answers.get("ip", "")),
        netmask=_first(_MASK, answers.get("ip", "")),
        link=_first(_LINK, answers.get("link", "")),
        health=_first(_HEALTH, answers.get("net_health", "")),
        tls=None if tls is None else tls == "1",
        netdetect=_first(_DETECT, answers.get("netdetect", "")),
        gateway=_first(_GATEWAY, answers.get("gateway", "")),
        unset="no ip was preset" in answers.get("ip", "").lower(),
    )


def _conf(text: str) -> HccnConf:
    tables: dict[str, dict[int, str]] = {k: {} for k in HccnConf.__dataclass_fields__}
    for key, value in key_values(text).items():
        if found := _CONF.fullmatch(key):
            tables[found.group(1)][int(found.group(2))] = value
    return HccnConf(**tables)


@dataclass(frozen=True)
class Driver:
    """Versions of the Ascend driver and firmware of a host.

    ``inner`` is the driver's ``V100R001C23...`` name, which CANN's ``compatible_version`` lists
    speak of. ``firmware_range`` is the pair of firmware versions the driver accepts.
    """

    version: str | None = None
    inner: str | None = None
    firmware: str | None = None
    firmware_range: tuple[str, str] | None = None
    install_user: str | None = None
    module_loaded: bool = False


_RANGE = re.compile(r"\[([0-9.]+),([0-9.]+)\]")


def split_files(text: str) -> dict[str, str]:
    """Cut ``@file PATH`` blocks; a block's text may be empty (file absent)."""
    files: dict[str, list[str]] = {}
    current: list[str] = []
    for line in clean(text).splitlines():
        if line.startswith("@file "):
            current = files.setdefault(line[6:].strip(), [])
        elif not line.startswith("@"):
            current.append(line)
    return {path: "\n".join(lines) for path, lines in files.items()}


def parse_driver(text: str) -> Driver:
    """Read the version.info files and ascend_install.info, as the probe prints them."""
    files = {p: key_values(body) for p, body in split_files(text).items()}
    driver = files.get("/usr/local/Ascend/driver/version.info", {})
    firmware = files.get("/usr/local/Ascend/firmware/version.info", {})
    span = _RANGE.search(driver.get("compatible_version_fw", ""))
    return Driver(
        version=driver.get("package_version") or driver.get("Version"),
        inner=driver.get("Innerversion"),
        firmware=firmware.get("Version"),
        firmware_range=(span.group(1), span.group(2)) if span else None,
        install_user=files.get("/etc/ascend_install.info", {}).get("UserName"),
        module_loaded="@module drv_davinci_intf" in text,
    )


_CANN_CODE = re.compile(r"V[0-9]{3}R[0-9]{3}C[0-9]{2}")


@dataclass(frozen=True)
class Cann:
    """The CANN toolkit inside a container, by its ``ascend_toolkit_install.info``."""

    version: str | None = None
    inner: str | None = None
    arch: str | None = None
    compatible: tuple[str, ...] = ()

    def accepts(self, driver: Driver) -> bool | None:
        """Whether this CANN lists the driver's generation; None when either does not say."""
        code = _CANN_CODE.match(driver.inner or "")
        return None if code is None or not self.compatible else code.group() in self.compatible


def parse_cann(text: str) -> Cann | None:
    """Read ``ascend_toolkit_install.info``; None for an empty text."""
    values = key_values(text)
    if not values:
        return None
    return Cann(
        version=values.get("version"),
        inner=values.get("innerversion"),
        arch=values.get("arch"),
        compatible=tuple(_CANN_CODE.findall(values.get("compatible_version", ""))),
    )
