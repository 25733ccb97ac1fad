# Probes of the host itself: system, memory, disks, limits, processes, firewall.

p_sys() {
  local up=
  { read -r up _ </proc/uptime; } 2>/dev/null
  echo "kernel $(uname -r)"
  echo "arch $(uname -m)"
  echo "hostname $(uname -n)"
  echo "uid $(id -u)"
  echo "cpus $(nproc 2>/dev/null)"
  echo "uptime $up"
  cat /etc/os-release 2>/dev/null
  return 0
}

p_ntp() {
  have timedatectl || return 127
  soon timedatectl show -p NTPSynchronized -p NTP -p Timezone
}

p_mem() { grep -E '^(MemTotal|MemFree|MemAvailable|SwapTotal|SwapFree|Shmem|HugePages_Total|Hugepagesize):' /proc/meminfo; }

p_shm() { soon df -Pk /dev/shm; }

p_limits() {
  echo "nofile $(ulimit -n)"
  echo "nproc $(ulimit -u)"
  echo "memlock $(ulimit -l)"
  local key value
  for key in fs/file-max kernel/pid_max kernel/threads-max vm/max_map_count \
    net/ipv4/ip_local_port_range net/ipv4/ip_local_reserved_ports kernel/numa_balancing; do
    value=
    { read -r value <"/proc/sys/$key"; } 2>/dev/null
    echo "$key $value"
  done
}

p_tools() {
  local name
  for name in python3 python perl nc ncat socat ss ip docker timeout systemctl nohup setsid \
    sha256sum awk sed grep tar; do
    have "$name" && echo "$name $(type -P "$name")"
  done
  return 0
}

# One folder: the disk under it, its free inodes, and whether it can be written to. A folder that
# is not there yet will be made on the disk of its nearest parent.
disk_one() {
  local real=$1
  while [ ! -e "$real" ] && [ "$real" != / ]; do real=$(dirname "$real"); done
  printf '@disk %s\t%s\t%s\n' "$1" "$real" "$(soon stat -f -c %T "$real" 2>/dev/null)"
  soon df -Pk "$real" 2>/dev/null | tail -n 1
  soon df -Pi "$real" 2>/dev/null | tail -n 1
  if [ -w "$real" ]; then echo "writable"; fi
}

p_disk() {
  local path
  for path in "$MOUNT" "$MODEL" /tmp /; do
    [ -n "$path" ] && disk_one "$path"
  done
  return 0
}

# Where Docker keeps its images: known once docker info has answered.
p_dockerdisk() {
  local root
  root=$(grep -oE '"DockerRootDir":"[^"]+"' "$DIR/dockerinfo.out" 2>/dev/null | head -n 1)
  root=${root#*:\"}
  root=${root%\"}
  [ -z "$root" ] || disk_one "$root"
}

p_mounts() {
  # Large disks: where a data mount may be.
  soon df -PkT 2>/dev/null | head -n 200
}

# Asking iptables or nft would load their kernel modules where they are not in use yet: only ask
# where they are loaded, or built into the kernel.
filters_loaded() {
  local built
  [ -d /sys/module/ip_tables ] || [ -d /sys/module/nf_tables ] && return 0
  built=/lib/modules/$(uname -r)/modules.builtin
  [ ! -e "$built" ] || grep -qE '/(ip_tables|nf_tables)\.ko' "$built"
}

# Whether a firewall service is at work. To systemd, ufw is active whether it is switched on or not,
# and not everybody has systemd; firewall-cmd and ufw need seconds on a busy host. So: what they
# leave behind.
firewall_state() {
  local file name
  case $1 in
    ufw)
      file=/etc/ufw/ufw.conf
      if [ -r "$file" ]; then
        if grep -qi '^ENABLED=yes' "$file"; then echo active; else echo inactive; fi
        return
      fi
      ;;
    firewalld)
      for file in /proc/[0-9]*/comm; do
        { read -r name <"$file"; } 2>/dev/null
        [ "$name" != firewalld ] || { echo active; return; }
      done
      ;;
  esac
  if have systemctl; then soon systemctl is-active "$1" 2>/dev/null; fi
}

# Firewall services, SELinux, and what the packet filter says of incoming packets.
p_fw() {
  local name state
  for name in firewalld ufw nftables iptables; do
    state=$(firewall_state "$name")
    [ -z "$state" ] || echo "service $name $state"
  done
  if have getenforce; then echo "selinux $(soon getenforce 2>/dev/null)"; fi
  filters_loaded || return 0
  if have iptables; then soon iptables -w 1 -S INPUT 2>/dev/null | head -n 60; fi
  if have nft; then
    soon nft list chains 2>/dev/null | grep -E 'hook input .*policy drop' | head -n 5
  fi
  return 0
}

# Processes of an inference or training run, by name, with the container they belong to.
p_procs() {
  local dir pid comm args
  for dir in /proc/[0-9]*; do
    pid=${dir#/proc/}
    comm=
    { read -r comm <"$dir/comm"; } 2>/dev/null || continue
    case $comm in
      VLLM* | vllm* | ray | raylet | gcs_server | ray::* | python* | pt_main* | mindie* | torchrun) ;;
      *) continue ;;
    esac
    args=$(tr '\0\n\t' '   ' 2>/dev/null <"$dir/cmdline" | head -c 4000)
    case "$comm $args" in
      *VLLM* | *vllm* | *ray::* | ray* | gcs_server* | *mindie* | *torchrun* | *sglang*) ;;
      *) continue ;;
    esac
    proc_line "$pid" "$comm" "$args"
  done
  return 0
}

# PID, name, user, resident KiB, container id, command line: tab-separated.
proc_line() {
  local pages='' owner groups='' id=-
  { read -r _ pages _ <"/proc/$1/statm"; } 2>/dev/null
  owner=$(stat -c %U "/proc/$1" 2>/dev/null)
  { IFS= read -r -d '' groups <"/proc/$1/cgroup"; } 2>/dev/null
  [[ $groups =~ [0-9a-f]{64} ]] && id=${BASH_REMATCH[0]}
  printf '%s\t%s\t%s\t%s\t%s\t%s\n' "$1" "$2" "${owner:-?}" "$((${pages:-0} * 4))" "$id" "$3"
}
