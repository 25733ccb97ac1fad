"""Makes the folder of a node: files of the host, devices, model. Existing state is kept."""

from __future__ import annotations

from glm47_tui.demo.sim import disk, kernel, model, network, stubs
from glm47_tui.demo.sim.site import Site, service_ip, write

DRIVER = "25.2.1"
OTHER_DRIVER = "24.1.rc3"

SYSCTL = {
    "fs/file-max": "9223372036854775807", "kernel/pid_max": "4194304",
    "kernel/threads-max": "12345678", "kernel/numa_balancing": "0", "vm/max_map_count": "262144",
    "vm/swappiness": "10", "net/core/somaxconn": "4096",
    "net/ipv4/ip_local_port_range": "32768\t60999", "net/ipv4/ip_local_reserved_ports": "",
    "kernel/random/boot_id": "51a71a7e-d000-4000-8000-000000000000",
}  # fmt: skip


def build(site: Site) -> None:
    """Make everything a host has; safe to repeat."""
    for folder in ("root", "tmp", "run", "opt/data", "var/lib/docker", "dev/shm", "mnt", "home"):
        (site.fs / folder).mkdir(parents=True, exist_ok=True)
    for folder in ("faults", "docker/containers", "ct", "run"):
        (site.dir / folder).mkdir(parents=True, exist_ok=True)
    _etc(site)
    _proc(site)
    network.sysfs(site)
    network.render(site)
    stubs.install(site)
    disk.host(site)
    ascend(site)
    weights = model.of_cluster(site.node.nodes)
    if not (site.fs / weights.place).exists() and site.fault("model-missing") is None:
        model.lay(site.fs, weights)
    kernel.refresh(site)


def _etc(site: Site) -> None:
    me, etc = site.node.number, site.fs / "etc"
    (etc / "docker").mkdir(parents=True, exist_ok=True)
    hosts = [f"{service_ip(i)} atlas-{i}" for i in range(site.node.nodes)]
    write(etc / "hostname", f"{site.node.name}\n")
    write(etc / "hosts", "127.0.0.1 localhost\n" + "\n".join(hosts) + "\n")
    write(etc / "hccn.conf", network.hccn_conf(me))
    write(etc / "docker/daemon.json", "{}\n")
    write(
        etc / "os-release",
        'NAME="openEuler"\nVERSION="22.03 (LTS-SP4)"\nID="openEuler"\nVERSION_ID="22.03"\n'
        'PRETTY_NAME="openEuler 22.03 (LTS-SP4), simulated"\n',
    )


def _proc(site: Site) -> None:
    proc = site.fs / "proc"
    proc.mkdir(exist_ok=True)
    for name in ("uptime", "loadavg", "cpuinfo", "stat", "version", "mounts"):
        link = proc / name
        if not link.is_symlink():
            link.symlink_to(f"/proc/{name}")
    for key, value in SYSCTL.items():
        file = proc / "sys" / key
        if not file.exists():  # what sysctl has set stays
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(f"{value}\n")
    (proc / "net").mkdir(exist_ok=True)
    (proc / "net/tcp6").write_text("")
    gib = 1024 * 1024
    write(
        proc / "meminfo",
        f"MemTotal:       {1509 * gib} kB\nMemFree:        {1390 * gib} kB\n"
        f"MemAvailable:   {1444 * gib} kB\nSwapTotal:             0 kB\n"
        "SwapFree:              0 kB\n"
        f"Shmem:          {2 * gib} kB\nHugePages_Total:       0\nHugepagesize:       2048 kB\n",
    )


def ascend(site: Site) -> None:
    """Install the driver, its devices and tools; or take them away, as the faults want it."""
    place, dev = site.fs / "usr/local/Ascend", site.fs / "dev"
    devices = [*(f"davinci{n}" for n in range(8)), "davinci_manager", "devmm_svm", "hisi_hdc"]
    files = [place / "driver/version.info", site.fs / "etc/ascend_install.info"]
    module = site.fs / "sys/module/drv_davinci_intf"
    if site.fault("driver-missing") is not None:
        gone = [*files, *(dev / d for d in devices), site.fs / "usr/local/bin/npu-smi"]
        for path in [*gone, place / "driver/tools/hccn_tool"]:
            path.unlink(missing_ok=True)
        if module.exists():
            module.rmdir()
        return
    version = DRIVER if site.fault("driver-differs") is None else OTHER_DRIVER
    inner = "V100R001C23SPC001B000" if version == DRIVER else "V100R001C20SPC000B000"
    for folder in ("driver/lib64/common", "driver/lib64/driver", "driver/tools", "firmware"):
        (place / folder).mkdir(parents=True, exist_ok=True)
    (site.fs / "usr/local/dcmi").mkdir(exist_ok=True)
    module.mkdir(parents=True, exist_ok=True)
    for device in devices:
        (dev / device).touch(mode=0o660)
    write(
        files[0],
        f"Version={version}\nascendhal_version=7.35.23\naicpu_version=1.0\ntdt_version=1.0\n"
        f"log_version=1.0\nprof_version=2.0\ndvppkernels_version=1.1\ntsfw_version=1.0\n"
        f"Innerversion={inner}\ncompatible_version=[V100R001C19],[V100R001C20],[V100R001C21],"
        f"[V100R001C23]\ncompatible_version_fw=[7.0.0,8.9.9]\npackage_version={version}\n",
    )
    write(place / "firmware/version.info", "Version=7.7.0.6.236\nfirmware_version=1.0\n"
          "package_version=25.2.1\n")  # fmt: skip
    write(
        files[1],
        "UserName=HwHiAiUser\nUserGroup=HwHiAiUser\nDriver_Install_Type=full\n"
        "Driver_Install_Path_Param=/usr/local/Ascend\nDriver_Install_For_All=yes\n"
        "Driver_Install_Mode=normal\nFirmware_Install_Type=full\n"
        "Firmware_Install_Path_Param=/usr/local/Ascend\n",
    )
    stubs.install(site)
