"""Two healthy Atlas 800T A2 nodes as the probe would describe them, and ways to spoil them."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

from glm47_tui.checks import Evidence, Finding, run
from glm47_tui.checks.evidence import Ping, Reach
from glm47_tui.checks.matrix import pairs
from glm47_tui.i18n import LANGUAGES, Msg, set_language, t
from glm47_tui.node import NodeFacts, parse_probe
from glm47_tui.profile import Profile, loads

SAMPLES = Path(__file__).parent.parent / "node" / "samples"
IDLE = (SAMPLES / "npu_smi_910B2x8_idle_25.2.0_issue3906.txt").read_text("utf-8")
BUSY = (SAMPLES / "npu_smi_910B2x8_busy_vllmDP_25.2.0_issue5111.txt").read_text("utf-8")

CONTAINER_ID = ("c0ffee" * 11)[:64]
IMAGE_ID = "sha256:" + ("beef12" * 11)[:64]
SPACE = "/dev/sdb1 9000000000 1 2000000000 9% /opt/data"
MODEL = "/opt/data/verification/models/GLM-4.7"

PROFILE = """
schema = 1
name = "atlas-pair"
[[nodes]]
host = "10.77.0.10"
nic = "enp67s0f5"
ip = "10.77.0.10"
[[nodes]]
host = "10.77.0.11"
nic = "enp67s0f5"
ip = "10.77.0.11"
"""

CONFIG = {
    "architectures": ["Glm4MoeForCausalLM"], "model_type": "glm4_moe", "hidden_size": 5120,
    "num_hidden_layers": 92, "num_attention_heads": 96, "num_key_value_heads": 8, "head_dim": 128,
    "intermediate_size": 12288, "moe_intermediate_size": 1536, "n_routed_experts": 160,
    "n_shared_experts": 1, "first_k_dense_replace": 3, "vocab_size": 151552,
    "max_position_embeddings": 202752, "num_nextn_predict_layers": 1, "torch_dtype": "bfloat16",
}  # fmt: skip


def profile(text: str = PROFILE, extra: str = "") -> Profile:
    """Return the profile of the pair; ``extra`` is put in front of the nodes."""
    return loads(text.replace("[[nodes]]", f"{extra}\n[[nodes]]", 1))


def container(image: str = IMAGE_ID, **host: object) -> dict[str, object]:
    """Return what docker inspect says of a container made by docker_run.sh."""
    devices = [f"/dev/davinci{i}" for i in range(8)]
    return {
        "Id": CONTAINER_ID,
        "Name": "/vllm-ascend-v0.13.0rc1",
        "Image": image,
        "State": {"Status": "running", "Running": True, "Pid": 4711},
        "Config": {"Image": "quay.io/ascend/vllm-ascend:v0.13.0rc1", "Tty": True,
                   "Env": ["PYTORCH_NPU_ALLOC_CONF=max_split_size_mb:256"]},
        "HostConfig": {"NetworkMode": "host", "IpcMode": "private", "ShmSize": 1 << 30,
                       "Devices": [{"PathOnHost": d} for d in devices], **host},
        "Mounts": [{"Source": "/opt/data", "Destination": "/root/.cache", "RW": True}],
    }  # fmt: skip


def sections(node: int) -> dict[str, str]:
    """Return the sections of a healthy node, by name."""
    own, peer = f"10.77.0.1{node}", f"10.77.0.1{1 - node}"
    hccn = "".join(
        f"@query {n} ip 0\nipaddr:11.12.165.{80 + 8 * node + n}\nnetmask:255.255.255.0\n"
        f"@query {n} link 0\nlink status: UP\n@query {n} net_health 0\nnet health status: Success\n"
        f"@query {n} tls 0\ndev_id:{n}, tls switch[0](0:disable, 1:enable), tls preconfigured[1]\n"
        f"@query {n} netdetect 0\nnetdetect address: 11.12.165.1\n"
        f"@query {n} gateway 0\ndefault gateway:11.12.165.1, Iface:eth{n}\n"
        for n in range(8)
    )
    hccn += "@file /etc/hccn.conf\n" + "".join(
        f"address_{n}=11.12.165.{80 + 8 * node + n}\n" for n in range(8)
    )
    shards = [f"model-{i:05}-of-00093.safetensors" for i in range(1, 94)]
    model = [f"@model {MODEL}", f"config {json.dumps(CONFIG)}", "total_size 716700000000"]
    model += [f"shard {s}" for s in shards] + [f"file 7706451700 {s}" for s in shards]
    model += ["file 1234 config.json", "file 4000000 model.safetensors.index.json"]
    return {
        "sys": f"kernel 5.10.0-182.0.0.95.oe2203sp3.aarch64\narch aarch64\nhostname atlas{node}\n"
        'uid 0\ncpus 192\nuptime 90000.0\nPRETTY_NAME="openEuler 22.03 (LTS-SP3)"\nID="openEuler"',
        "mem": "MemTotal: 1583000000 kB\nMemAvailable: 1500000000 kB\nSwapTotal: 0 kB",
        "limits": "nofile 1048576\nnproc unlimited\nnet/ipv4/ip_local_port_range 32768\t60999\n"
        "net/ipv4/ip_local_reserved_ports 60000-60031",
        "nic": "nic lo operstate=unknown carrier=1 speed=- mtu=65536 virtual=1\n"
        "nic enp67s0f5 operstate=up carrier=1 speed=25000 mtu=1500 virtual=0 driver=hns3\n"
        "nic enp1s0 operstate=up carrier=1 speed=1000 mtu=1500 virtual=0 driver=hns3\n"
        "nic docker0 operstate=down carrier=0 mtu=1500 virtual=1 bridge=1",
        "devs": "".join(
            f"{d} 660 root HwHiAiUser character special file\n"
            for d in (*(f"/dev/davinci{i}" for i in range(8)), "/dev/davinci_manager",
                      "/dev/devmm_svm", "/dev/hisi_hdc")
        ),
        "tools": "".join(f"{n} /usr/bin/{n}\n" for n in (
            "python3", "ss", "ip", "docker", "timeout", "systemctl", "sha256sum", "sed", "grep")),
        "driver": "@file /usr/local/Ascend/driver/version.info\nVersion=25.2.1\n"
        "Innerversion=V100R001C23SPC002B212\ncompatible_version_fw=[7.0.0,8.9.9]\n"
        "package_version=25.2.1\n@file /usr/local/Ascend/firmware/version.info\n"
        "Version=7.7.0.6.236\n@module drv_davinci_intf",
        "made": f"{CONTAINER_ID} atlas-pair",
        "ntp": "NTPSynchronized=yes\nNTP=yes\nTimezone=Asia/Shanghai",
        "addr": "1: lo    inet 127.0.0.1/8 scope host lo\n"
        f"2: enp67s0f5    inet {own}/24 brd 10.77.0.255 scope global enp67s0f5\n"
        f"3: enp1s0    inet 192.168.5.1{node}/24 scope global enp1s0\n"
        "4: docker0    inet 172.17.0.1/16 scope global docker0",
        "route": "default via 192.168.5.1 dev enp1s0\n"
        f"10.77.0.0/24 dev enp67s0f5 proto kernel scope link src {own}\n"
        f"@get {peer}\n{peer} dev enp67s0f5 src {own} uid 0 \\    cache",
        "npu": IDLE.replace("npu-smi 25.2.0", "npu-smi 25.2.1").replace(
            "Version: 25.2.0", "Version: 25.2.1"),
        "npuproc": "",
        "hccn": hccn,
        "dockerinfo": json.dumps({"ServerVersion": "26.1.3", "DockerRootDir": "/var/lib/docker",
                                  "ClientInfo": {"Version": "26.1.3"}, "Driver": "overlay2"}),
        "image": json.dumps([{"Id": IMAGE_ID, "Architecture": "arm64", "Size": 15 * 10**9,
                              "RepoTags": ["quay.io/ascend/vllm-ascend:v0.13.0rc1"]}]),
        "images": f"{IMAGE_ID[7:19]} quay.io/ascend/vllm-ascend:v0.13.0rc1",
        "container": json.dumps([container()]),
        "containers": json.dumps([container()]),
        "inside": "@file /usr/local/Ascend/ascend-toolkit/latest/aarch64-linux/"
        "ascend_toolkit_install.info\nversion=8.3.RC2\ninnerversion=V100R001C23SPC002B210\n"
        "compatible_version=[V100R001C15],[V100R001C21],[V100R001C23]\narch=aarch64\n@devices\n"
        + "".join(f"davinci{i}\n" for i in range(8))
        + "@shm\nshm 1048576 0 1048576 0% /dev/shm\n@limits\nnofile 1048576\n"
        "@has /usr/local/Ascend/nnal/atb/set_env.sh\n"
        "@has /usr/local/Ascend/ascend-toolkit/set_env.sh\n"
        "@has /root/.cache/verification/models/GLM-4.7\n@python\npython 3.11.13\n"
        "vllm 0.13.0+empty\nvllm_ascend 0.13.0rc1\ntorch 2.8.0+cpu\ntorch_npu 2.8.0\n"
        "transformers 4.57.3",
        "disk": f"@disk /opt/data\t/opt/data\text2/ext3\n{SPACE}\n"
        "/dev/sdb1 100000000 1 99999999 1% /opt/data\nwritable\n"
        f"@disk {MODEL}\t{MODEL}\text2/ext3\n{SPACE}\nwritable\n"
        "@disk /\t/\text2/ext3\n/dev/sda1 900000000 1 500000000 9% /\nwritable",
        "dockerdisk": "@disk /var/lib/docker\t/var/lib/docker\text2/ext3\n"
        "/dev/sda1 900000000 1 500000000 9% /\nwritable",
        "shm": "tmpfs 790000000 0 790000000 0% /dev/shm",
        "ports": "LISTEN 0 128 0.0.0.0:22 0.0.0.0:* users:((\"sshd\",pid=1,fd=3))",
        "fw": "service firewalld inactive\nservice ufw \nselinux Disabled",
        "procs": "",
        "model": "\n".join(model),
        "modelsum": f"{'ab' * 32}  config.json\n{'cd' * 32}  model.safetensors.index.json",
        "models": "",
        "mounts": "",
    }  # fmt: skip


def facts(node: int, changes: Mapping[str, str | None] | None = None) -> NodeFacts:
    """Return the facts of a node, some sections replaced; None: the probe hit its limit."""
    text = ["@@ probe 1"]
    for name, body in {**sections(node), **(changes or {})}.items():
        status = "timeout 2200" if body is None else "0 10"
        text.append(f"@@ section {name} {status}")
        text += [f" {line}" for line in (body or "").splitlines()]
    text += ["@@ clock 1000000000 2000000000", "@@ end"]
    found = parse_probe("\n".join(text))
    return replace(found, clock=replace(found.clock, offset_s=0.1, uncertainty_s=0.01))


def reached(way: str = "open") -> tuple[Reach, ...]:
    """Return the tries of a pair, every one with the same outcome."""
    uses = {8080: "api", 8082: "rpc", 60000: "hccl", 23456: "random", 45678: "random"}
    return tuple(
        Reach(1 - target, target, port, use, way, 1)  # type: ignore[arg-type]
        for target in (0, 1)
        for port, use in uses.items()
        if target == 0 or use in ("hccl", "random")
    )


def evidence(
    *changes: Mapping[str, str | None], wanted: Profile | None = None, **more: object
) -> Evidence:
    """Return the evidence of the pair; ``changes`` spoil node 0, node 1 ..."""
    both = [*changes, {}, {}][:2]
    known = {i: facts(i, c) for i, c in enumerate(both)}
    pings = tuple(replace_ping(p, True) for p in pairs(wanted or profile(), known))
    values = {"reach": reached(), "reach_tried": True, "pings": pings, "pings_tried": True}
    return Evidence(known, **{**values, **more})  # type: ignore[arg-type]


def replace_ping(ping: Ping, ok: bool | None) -> Ping:
    """Give a pair a verdict, unless it could not be tried."""
    return ping if ping.detail else replace(ping, ok=ok, lost_percent=0.0 if ok else 100.0)


def judged(
    check: str, *changes: Mapping[str, str | None], wanted: Profile | None = None, **more: object
) -> tuple[Finding, ...]:
    """Run one check on the pair; every word it says is there, in both languages."""
    chosen = wanted or profile()
    found = run(chosen, evidence(*changes, wanted=chosen, **more), [check])
    for finding in found:
        assert_worded(finding)
    return found


def assert_worded(finding: Finding) -> None:
    """Fail when a text is missing in a language, or a value it names is not given."""
    assert finding.found.id != "checks.broken", t(finding.found)
    try:
        for lang in LANGUAGES:
            set_language(lang)
            for msg in (finding.found, finding.why, finding.fix):
                if isinstance(msg, Msg):
                    words = t(msg)
                    assert words != msg.id, msg.id
                    assert not words.startswith(f"{msg.id} "), msg.id
                    assert "{" not in words, words
    finally:
        set_language("en")


def said(
    check: str, *changes: Mapping[str, str | None], wanted: Profile | None = None, **more: object
) -> list[tuple[int | None, str, str]]:
    """Run one check; returns (node, severity, variant of the words) of what it found."""
    found = judged(check, *changes, wanted=wanted, **more)
    return [(f.node, f.severity.value, f.found.id.rpartition(".")[2]) for f in found]


def swap(node: int, section: str, *pairs: tuple[str, str]) -> dict[str, str | None]:
    """Return a change of one section by replacing words in it; every word must be there."""
    text = sections(node)[section]
    for old, new in pairs:
        assert old in text, old
        text = text.replace(old, new)
    return {section: text}
