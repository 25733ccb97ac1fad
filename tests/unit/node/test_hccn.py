"""hccn_tool and the version files, in the words the field has seen."""

from __future__ import annotations

import pytest

from glm47_tui.node.hccn import Driver, parse_cann, parse_driver, parse_hccn, parse_ping

GOOD = """@query 0 ip 0
ipaddr:11.12.165.80
netmask:255.255.255.0
@query 0 link 0
link status: UP
@query 0 net_health 0
net health status: Success
@query 0 tls 0
dev_id:0, tls switch[0](0:disable, 1:enable), tls preconfigured[1](0:non-preset, 1:preset)
@query 0 netdetect 0
netdetect address: 11.12.165.1
@query 0 gateway 0
default gateway:11.12.165.1, Iface:eth0
"""


def test_a_port_in_order() -> None:
    (port,), _ = parse_hccn(GOOD)
    assert (port.ip, port.netmask, port.up, port.health) == (
        "11.12.165.80", "255.255.255.0", True, "Success",
    )  # fmt: skip
    assert (port.tls, port.netdetect, port.gateway) == (False, "11.12.165.1", "11.12.165.1")
    assert (port.failed, port.slow, port.unset) == ((), (), False)


@pytest.mark.parametrize(
    ("words", "field", "value"),
    [
        ("@query 3 link 0\nlink status: DOWN", "up", False),
        ("@query 3 net_health 0\nnet health status: Fault", "health", "Fault"),
        ("@query 3 net_health 0\nnet health status: Init", "health", "Init"),
        ("@query 3 ip 1\nGet ipconf failed, because no ip was preset there!", "unset", True),
        ("@query 3 tls 0\ndev_id:3, tls switch[1](0:disable, 1:enable), tls alarm time "
         "threshold[60]days\ndev_id:3, [pub cert] info:\n issuer: x", "tls", True),
        ("@query 3 tls 0\nno certificate", "tls", None),
        ("@query 3 link 124", "slow", ("link",)),
        ("@query 3 link 137", "slow", ("link",)),
        ("@query 3 link none", "slow", ("link",)),
        ("@query 3 link 255\nsomething broke", "failed", ("link",)),
        ("@query 3 link 0\n\x1b[32mlink status: UP\x1b[0m\r", "up", True),
    ],
)  # fmt: skip
def test_other_answers(words: str, field: str, value: object) -> None:
    (port,), _ = parse_hccn(words)
    assert port.npu == 3
    assert getattr(port, field) == value


def test_the_conf_file_is_read_by_number() -> None:
    ports, conf = parse_hccn(f"{GOOD}@file /etc/hccn.conf\naddress_0=1.2.3.4\nnetmask_10=255.0.0.0")
    assert len(ports) == 1
    assert (conf.address, conf.netmask) == ({0: "1.2.3.4"}, {10: "255.0.0.0"})


@pytest.mark.parametrize(
    ("text", "came"),
    [
        ("device 0 PING 1.2.3.4\nrecv seq=0,time=0.1ms\n"
         "3 packets transmitted, 3 received, 0.00% packet loss", True),
        ("3 packets transmitted, 1 received, 66.67% packet loss", True),
        ("3 packets transmitted, 0 received, 100.00% packet loss", False),
        ("recv seq=0,time=0.1ms", None),
        ("", None),
    ],
)  # fmt: skip
def test_ping_verdicts(text: str, came: bool | None) -> None:
    assert parse_ping(text) is came


def test_driver_files_old_and_new() -> None:
    new = parse_driver(
        "@file /usr/local/Ascend/driver/version.info\nVersion=25.3.rc1\n"
        "Innerversion=V100R001C23SPC002B212\ncompatible_version_fw=[7.0.0,8.9.9]\n"
        "package_version=25.3.rc1\n@file /usr/local/Ascend/firmware/version.info\n"
        "Version=7.1.0.11.220\npackage_version=23.0.7\n"
        "@file /etc/ascend_install.info\nUserName=HwHiAiUser\n@module drv_davinci_intf"
    )
    assert (new.version, new.inner, new.firmware) == (
        "25.3.rc1", "V100R001C23SPC002B212", "7.1.0.11.220",
    )  # fmt: skip
    assert (new.firmware_range, new.install_user, new.module_loaded) == (
        ("7.0.0", "8.9.9"), "HwHiAiUser", True,
    )  # fmt: skip
    old = parse_driver("@file /usr/local/Ascend/driver/version.info\nVersion=24.1.rc1")
    assert (old.version, old.firmware) == ("24.1.rc1", None)
    assert parse_driver("@file /usr/local/Ascend/driver/version.info").version is None


def test_cann_names_the_drivers_it_works_with() -> None:
    cann = parse_cann(
        "package_name=Ascend-cann-toolkit\nversion=8.3.RC2\ninnerversion=V100R001C23SPC002B210\n"
        "compatible_version=[V100R001C15],[V100R001C18],[V100R001C23]\narch=aarch64"
    )
    assert cann is not None
    assert cann.version == "8.3.RC2"
    assert cann.accepts(Driver(inner="V100R001C23SPC002B212")) is True
    assert cann.accepts(Driver(inner="V100R001C99B1")) is False
    assert cann.accepts(Driver()) is None
    assert parse_cann("") is None
