"""Real firewalls on a lab node: Debian's ufw and firewalld, unpacked beside the node's own files.

Nothing is installed on this machine: the packages are fetched and unpacked into the lab's cache,
and laid over /usr in the node's own mount namespace. Their rules live in its network namespace.
"""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.lab.kit.debs import unpacked
from tests.lab.kit.lab import Lab

PACKAGES = (
    "ufw", "firewalld", "python3-firewall", "python3-nftables", "python3-dbus", "python3-gi",
    "python3-cap-ng", "gir1.2-glib-2.0", "libgirepository-1.0-1", "libnftables1", "libnftnl11",
    "libjansson4", "libcap-ng0", "nftables", "ipset", "libipset13", "dbus-daemon", "libdbus-1-3",
    "libapparmor1",
)  # fmt: skip
"""What the two need that a plain Debian does not have; of one release with this machine's /usr."""

_BUS = """<busconfig>
  <type>system</type>
  <listen>unix:path=/run/dbus/system_bus_socket</listen>
  <policy context="default">
    <allow user="*"/><allow own="*"/>
    <allow send_type="method_call"/><allow send_type="signal"/>
    <allow send_requested_reply="true" send_type="method_return"/>
    <allow send_requested_reply="true" send_type="error"/>
    <allow receive_type="method_call"/><allow receive_type="signal"/>
    <allow receive_type="method_return"/><allow receive_type="error"/>
  </policy>
</busconfig>
"""
_UFW = (
    "cd /usr/share/ufw && cp ufw.conf *.rules *.init /etc/ufw/ && cp iptables/*.rules /etc/ufw/"
    " && chmod 640 /etc/ufw/*.rules && mkdir -p /var/lib/ufw"
    " && ufw allow 22/tcp && ufw --force enable"
)
_FIREWALLD = (
    "mkdir -p /run/dbus && setsid --fork dbus-daemon --nofork --config-file=/opt/bus.conf"
    " </dev/null >/var/log/bus.log 2>&1;"
    " until [ -S /run/dbus/system_bus_socket ]; do sleep 0.1; done;"
    " setsid --fork firewalld --nofork --nopid </dev/null >/var/log/firewalld.log 2>&1;"
    " until firewall-cmd --state >/dev/null 2>&1; do sleep 0.2; done"
)
_GONE = (
    "ufw --force disable 2>/dev/null;"
    " for name in firewalld dbus-daemon; do"
    "   for pid in $(grep -lx $name /proc/[0-9]*/comm | cut -d/ -f3); do"
    "     kill $pid; while [ -d /proc/$pid ]; do sleep 0.1; done; done; done;"
    " nft flush ruleset; umount -l /usr; rm -rf /etc/ufw /etc/firewalld /opt/bus.conf"
)


def fetch() -> Path:
    """Return the folder with the unpacked packages. NotPossible with the reason."""
    return unpacked("firewalls", PACKAGES)


@contextmanager
def firewall(lab: Lab, node: str, kind: str) -> Iterator[None]:
    """A node with ``ufw`` or ``firewalld`` at work: sshd alone is open."""
    place = lab.layout.host_dir(node) / "opt/firewalls"
    if not place.exists():
        shutil.copytree(fetch(), place, symlinks=True)
    (place.parent / "bus.conf").write_text(_BUS)
    lab.run(node, "mount -t overlay overlay -o lowerdir=/opt/firewalls/usr:/usr /usr"
                  " && cp -a /opt/firewalls/etc/. /etc/")  # fmt: skip
    try:
        lab.run(node, {"ufw": _UFW, "firewalld": _FIREWALLD}[kind], timeout=120)
        yield
    finally:
        lab.run(node, _GONE, check=False, timeout=60)
