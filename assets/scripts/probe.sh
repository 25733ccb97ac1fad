#!/usr/bin/env bash
# Looks at one node and changes nothing on it. Sent on standard input: bash -s -- KEY=VALUE ...
#
#   mount=/opt/data      folder whose disk counts and where models are looked for
#   model=/opt/data/...  model folder to examine, whether or not it lies under the mount
#   container=NAME       container to examine, inside too when it runs
#   image=REF            image to examine
#   peers=A,B            addresses of the other nodes; the route to each is asked for
#   devices=0,1,2        NPUs that hccn_tool is asked about
#   limit=2.5            seconds any single probe may take
#   only=npu,docker      run these probes only
#
# Every probe runs in the background under its own limit and writes into a folder of its own; the
# answers are printed one after the other at the end, so that nothing interleaves. A line
# "@@ section NAME STATUS MILLISECONDS" opens an answer (STATUS is an exit code, or "timeout");
# lines of standard output follow with a blank in front, lines of standard error with "!".

have() { command -v "$1" >/dev/null 2>&1; }

# Run a command with a limit of its own, smaller than the probe's, so that one dead device or
# daemon does not cost the answers of the others.
soon() { timeout -k 0.2 "$SHORT" "$@" </dev/null; }

p_sys() {
  echo "kernel $(uname -r)"
  echo "arch $(uname -m)"
  echo "hostname $(uname -n)"
  echo "uid $(id -u)"
  echo "cpus $(nproc 2>/dev/null)"
  echo "uptime $(cut -d' ' -f1 /proc/uptime 2>/dev/null)"
  cat /etc/os-release 2>/dev/null
}

p_ntp() {
  have timedatectl || return 127
  soon timedatectl show -p NTPSynchronized -p NTP -p Timezone
}

p_addr() {
  if have ip; then
    ip -o addr show
  else
    # No iproute2: addresses without their NIC are still better than nothing.
    hostname -I 2>/dev/null
    return 127
  fi
}

p_route() {
  have ip || return 127
  ip -4 route show
  ip -6 route show default 2>/dev/null
  local peer
  for peer in ${PEERS//,/ }; do
    echo "@get $peer"
    ip -o route get "$peer" 2>&1
  done
  return 0
}

p_nic() {
  local dir name link key value
  for dir in /sys/class/net/*; do
    [ -e "$dir" ] || continue
    name=${dir##*/}
    link=$(readlink -f "$dir" 2>/dev/null)
    printf 'nic %s' "$name"
    for key in operstate carrier speed mtu address; do
      value=
      # Reading speed or carrier of a NIC that is down is an error: it has none then.
      { read -r value <"$dir/$key"; } 2>/dev/null
      printf ' %s=%s' "$key" "${value:--}"
    done
    case $link in */virtual/*) printf ' virtual=1' ;; *) printf ' virtual=0' ;; esac
    [ -d "$dir/bridge" ] && printf ' bridge=1'
    [ -d "$dir/wireless" ] && printf ' wireless=1'
    link=$(readlink "$dir/master" 2>/dev/null) && printf ' master=%s' "${link##*/}"
    link=$(readlink "$dir/device/driver" 2>/dev/null) && printf ' driver=%s' "${link##*/}"
    echo
  done
}

npu_smi_path() {
  local path
  for path in npu-smi /usr/local/sbin/npu-smi /usr/local/bin/npu-smi \
    /usr/local/Ascend/driver/tools/npu-smi; do
    have "$path" && echo "$path" && return 0
  done
  return 1
}

p_npu() {
  local tool
  tool=$(npu_smi_path) || { echo "npu-smi: command not found"; return 127; }
  LD_LIBRARY_PATH=/usr/local/Ascend/driver/lib64/driver:/usr/local/Ascend/driver/lib64/common:${LD_LIBRARY_PATH:-} \
    "$tool" info 2>&1
}

p_driver() {
  local file
  for file in /usr/local/Ascend/driver/version.info /usr/local/Ascend/firmware/version.info \
    /etc/ascend_install.info; do
    echo "@file $file"
    cat "$file" 2>/dev/null
  done
  # The kernel module that serves the NPUs; built for one kernel only.
  [ -d /sys/module/drv_davinci_intf ] && echo "@module drv_davinci_intf"
  return 0
}

hccn_path() {
  local path
  for path in hccn_tool /usr/local/Ascend/driver/tools/hccn_tool; do
    have "$path" && echo "$path" && return 0
  done
  return 1
}

hccn_one() {
  soon "$1" -i "$2" "-$3" -g >"$4/$2.$3" 2>&1
  echo "$?" >"$4/$2.$3.rc"
}

# All questions at once: one NPU whose tool hangs costs its own answers only.
p_hccn() {
  local tool npu query rc dir=$DIR/hccn.d queries="ip link net_health tls netdetect gateway"
  tool=$(hccn_path) || return 127
  mkdir -p "$dir"
  for npu in ${DEVICES//,/ }; do
    for query in $queries; do hccn_one "$tool" "$npu" "$query" "$dir" & done
  done
  wait
  for npu in ${DEVICES//,/ }; do
    for query in $queries; do
      rc=none
      { read -r rc <"$dir/$npu.$query.rc"; } 2>/dev/null
      echo "@query $npu $query $rc"
      head -n 20 "$dir/$npu.$query" 2>/dev/null
    done
  done
  echo "@file /etc/hccn.conf"
  head -n 100 /etc/hccn.conf 2>/dev/null
  return 0
}

p_devs() {
  local path
  for path in /dev/davinci* /dev/devmm_svm /dev/hisi_hdc; do
    [ -e "$path" ] && stat -c '%n %a %U %G %F' "$path"
  done
  return 0
}

p_dockerver() {
  have docker || return 127
  docker version --format '{{json .}}'
}

p_dockerinfo() {
  have docker || return 127
  docker info --format '{{json .}}'
}

p_image() {
  have docker || return 127
  [ -n "$IMAGE" ] || return 0
  docker image inspect "$IMAGE"
}

p_container() {
  have docker || return 127
  [ -n "$CONTAINER" ] || return 0
  docker container inspect "$CONTAINER"
}

p_containers() {
  have docker || return 127
  local ids
  ids=$(docker ps -q) || return 1
  [ -n "$ids" ] || return 0
  # shellcheck disable=SC2086 # a list of ids
  docker container inspect $ids
}

# Runs inside the container. Versions by package metadata: importing torch takes seconds.
INSIDE='
for f in /usr/local/Ascend/ascend-toolkit/latest/*/ascend_toolkit_install.info \
  /usr/local/Ascend/ascend-toolkit/latest/ascend_toolkit_install.info; do
  [ -f "$f" ] && echo "@file $f" && cat "$f" && break
done
echo "@devices"; ls /dev 2>/dev/null | grep davinci
echo "@shm"; df -Pk /dev/shm 2>/dev/null
echo "@limits"; echo "nofile $(ulimit -n)"; echo "nproc $(ulimit -u)"; echo "memlock $(ulimit -l)"
for f in /usr/local/Ascend/driver/version.info /usr/local/Ascend/nnal/atb/set_env.sh \
  /usr/local/bin/npu-smi; do [ -e "$f" ] && echo "@has $f"; done
echo "@python"
python3 - <<PY
import importlib.metadata as m, platform
print("python", platform.python_version())
for n in "vllm vllm_ascend torch torch_npu transformers modelscope".split():
    try: print(n, m.version(n))
    except Exception: pass
PY
'

p_inside() {
  have docker || return 127
  [ -n "$CONTAINER" ] || return 0
  [ "$(docker container inspect --format '{{.State.Running}}' "$CONTAINER" 2>/dev/null)" = true ] ||
    return 0
  docker exec "$CONTAINER" bash -c "$INSIDE"
}

p_disk() {
  local path real
  for path in "$MOUNT" "$MODEL" "$(docker_root)" /var/lib/docker /tmp /; do
    [ -n "$path" ] || continue
    real=$path
    # A folder that is not there yet will be made on the disk of its nearest parent.
    while [ ! -e "$real" ] && [ "$real" != / ]; do real=$(dirname "$real"); done
    printf '@disk %s\t%s\t%s\n' "$path" "$real" "$(stat -f -c %T "$real" 2>/dev/null)"
    soon df -Pk "$real" 2>/dev/null | tail -n 1
    soon df -Pi "$real" 2>/dev/null | tail -n 1
    if [ -w "$real" ]; then echo "writable"; fi
  done
}

docker_root() {
  have docker && soon docker info --format '{{.DockerRootDir}}' 2>/dev/null
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

# The listeners, then the container of each owner ("@owner PID ID"), read without a fork.
p_ports() {
  local all pid word groups
  all=$(listeners) || return
  printf '%s\n' "$all"
  for word in $(grep -oE 'pid=[0-9]+|[0-9]+/[^ ]' <<<"$all" | sort -u); do
    pid=${word#pid=} pid=${pid%%/*}
    groups=
    { IFS= read -r -d '' groups <"/proc/$pid/cgroup"; } 2>/dev/null
    [[ $groups =~ [0-9a-f]{64} ]] && echo "@owner $pid $BASH_REMATCH"
  done
  return 0
}

listeners() {
  if have ss; then
    ss -H -ltnp
  elif have netstat; then
    netstat -ltnp 2>/dev/null
  else
    cat /proc/net/tcp /proc/net/tcp6 2>/dev/null
  fi
}

p_fw() {
  local name
  if have systemctl; then
    for name in firewalld ufw nftables iptables; do
      echo "service $name $(soon systemctl is-active "$name" 2>/dev/null)"
    done
  fi
  if have getenforce; then echo "selinux $(soon getenforce 2>/dev/null)"; fi
  # Asking iptables or nft would load their kernel modules where they are not in use yet.
  if [ -d /sys/module/ip_tables ] || [ -d /sys/module/nf_tables ]; then
    if have iptables; then soon iptables -w 1 -S INPUT 2>/dev/null | head -n 60; fi
  fi
  return 0
}

# Processes of an inference or training run, by name, with the container they belong to.
p_procs() {
  local dir pid comm args rss started
  for dir in /proc/[0-9]*; do
    pid=${dir#/proc/}
    comm=
    { read -r comm <"$dir/comm"; } 2>/dev/null || continue
    case $comm in
      VLLM* | vllm* | ray | raylet | gcs_server | ray::* | python* | pt_main* | mindie* | torchrun) ;;
      *) continue ;;
    esac
    args=$(tr '\0\n' '  ' <"$dir/cmdline" 2>/dev/null | head -c 300)
    case "$comm $args" in
      *VLLM* | *vllm* | *ray::* | ray* | gcs_server* | *mindie* | *torchrun* | *sglang*) ;;
      *) continue ;;
    esac
    proc_line "$pid" "$comm" "$args"
  done
}

proc_line() {
  local pages owner cgroup
  pages=$(cut -d' ' -f2 "/proc/$1/statm" 2>/dev/null)
  owner=$(stat -c %U "/proc/$1" 2>/dev/null)
  cgroup=$(grep -oE '[0-9a-f]{64}' "/proc/$1/cgroup" 2>/dev/null | head -n 1)
  printf '%s\t%s\t%s\t%s\t%s\t%s\n' "$1" "$2" "${owner:-?}" "$((${pages:-0} * 4))" \
    "${cgroup:--}" "$3"
}

# The processes npu-smi names: run once its answer is there.
p_npuproc() {
  local pid comm args
  for pid in $(grep -oE '^\| *[0-9]+ +[0-9]+ *\| *[0-9]+ ' "$DIR/npu.out" 2>/dev/null |
    grep -oE '[0-9]+ $' | sort -un | head -n 64); do
    comm=
    { read -r comm <"/proc/$pid/comm"; } 2>/dev/null
    args=$(tr '\0\n' '  ' 2>/dev/null <"/proc/$pid/cmdline" | head -c 300)
    proc_line "$pid" "${comm:-?}" "$args"
  done
}

# One model folder: what the index promises, and what lies on the disk.
model_one() {
  local dir=$1 index=$1/model.safetensors.index.json config=$1/config.json
  printf '@model %s\n' "$dir"
  [ -d "$dir" ] || { echo "absent"; return 0; }
  [ -d "$dir/._____temp" ] && echo "downloading"
  if [ -f "$config" ] && [ "$(stat -L -c %s "$config")" -lt 262144 ]; then
    echo "config $(tr -d '\n\r' <"$config")"
  fi
  [ -f "$dir/quant_model_description.json" ] && echo "quantised"
  if [ -f "$index" ]; then
    echo "total_size $(grep -aoE '"total_size"[^0-9]*[0-9]+' "$index" | grep -oE '[0-9]+$' | head -n 1)"
    grep -aoE '"[^"]+\.safetensors"' "$index" | sort -u | head -n 2000 | tr -d '"' | sed 's/^/shard /'
  fi
  (cd "$dir" && stat -L -c 'file %s %n' -- *.safetensors *.json *.jinja *.model *.py *.txt 2>/dev/null)
  return 0
}

# Content of the small files, so that two nodes can be compared without reading the weights.
p_modelsum() {
  [ -n "$MODEL" ] && cd "$MODEL" 2>/dev/null || return 0
  local file
  for file in config.json generation_config.json tokenizer_config.json chat_template.jinja \
    model.safetensors.index.json tokenizer.json; do
    [ -f "$file" ] && [ "$(stat -L -c %s "$file")" -lt 67108864 ] && sha256sum -- "$file"
  done
  return 0
}

p_model() {
  if [ -n "$MODEL" ]; then model_one "$MODEL"; fi
  return 0
}

p_models() {
  [ -d "$MOUNT" ] || return 0
  local dir count=0
  find -L "$MOUNT" -maxdepth 6 \( -name overlay2 -o -name containers -o -name .git -o -name proc \
    -o -name lost+found -o -name '._____temp' -o -name glm47-tui \) -prune \
    -o -type f -name config.json -print 2>/dev/null |
    while IFS= read -r dir; do
      dir=${dir%/config.json}
      [ "$dir" = "$MODEL" ] && continue
      # Blobs of a hub cache are found through their snapshot folder.
      [ -f "$dir/model.safetensors.index.json" ] || [ -f "$dir/model.safetensors" ] || continue
      model_one "$dir"
      count=$((count + 1))
      [ "$count" -ge 20 ] && break
    done
  return 0
}

p_mounts() {
  # Large disks: where a data mount may be.
  soon df -PkT 2>/dev/null | head -n 200
}

p_tools() {
  local name
  for name in python3 python perl nc ncat socat ss ip docker timeout systemctl nohup setsid \
    sha256sum awk sed grep tar; do
    have "$name" && echo "$name $(type -P "$name")"
  done
  return 0
}

ALL="sys ntp addr route nic npu driver hccn devs dockerver dockerinfo image container containers
inside disk mem shm limits ports fw procs model modelsum models mounts tools"

now_cs() {
  local up
  read -r up _ </proc/uptime
  up=${up/./}
  NOW=$((10#$up))
}

# One probe in the background; its name goes into the pipe when it is over.
start() {
  local name=$1
  (
    now_cs; local from=$NOW
    timeout -k 0.3 "$LIMIT" "$BASH" -c "p_$name" >"$DIR/$name.out" 2>"$DIR/$name.err" </dev/null
    local rc=$?
    now_cs
    case $rc in 124 | 137) rc=timeout ;; esac
    echo "$rc $(((NOW - from) * 10))" >"$DIR/$name.rc"
    echo "$name" >&9
  ) >/dev/null 2>&1 </dev/null &
}

# Collect until all are over. A process stuck in the kernel cannot even be killed: after the
# deadline nobody waits for it any more.
collect() {
  local left=$1 name deadline
  now_cs
  deadline=$((NOW + LIMIT_CS + 60))
  while [ "$left" -gt 0 ] && [ "$NOW" -lt "$deadline" ]; do
    name=
    if read -r -t 0.25 -u 9 name; then left=$((left - 1)); fi
    if [ "$name" = npu ]; then start npuproc; left=$((left + 1)); fi
    now_cs
  done
}

report() {
  local name
  for name in $1 npuproc; do
    [ -e "$DIR/$name.out" ] || continue
    if [ -e "$DIR/$name.rc" ]; then
      echo "@@ section $name $(cat "$DIR/$name.rc")"
    else
      echo "@@ section $name timeout $((LIMIT_CS * 10))"
    fi
    # Bounded, so that no runaway tool floods the connection; a missing last line end is added.
    head -c 2000000 "$DIR/$name.out" | sed -e 's/^/ /' -e '$a\'
    head -c 4000 "$DIR/$name.err" | sed -e 's/^/!/' -e '$a\'
  done
}

main() {
  local item began names name count=0
  began=$(date +%s%N)
  MOUNT='' MODEL='' CONTAINER='' IMAGE='' PEERS='' DEVICES=0,1,2,3,4,5,6,7 LIMIT=2.5 ONLY=''
  for item in "$@"; do
    case $item in
      mount=*) MOUNT=${item#*=} ;;
      model=*) MODEL=${item#*=} ;;
      container=*) CONTAINER=${item#*=} ;;
      image=*) IMAGE=${item#*=} ;;
      peers=*) PEERS=${item#*=} ;;
      devices=*) DEVICES=${item#*=} ;;
      limit=*) LIMIT=${item#*=} ;;
      only=*) ONLY=${item#*=} ;;
    esac
  done
  LC_ALL=C
  PATH=$PATH:/usr/local/sbin:/usr/sbin:/sbin:/usr/local/bin
  LIMIT_CS=$(awk "BEGIN{print int($LIMIT*100)}" 2>/dev/null) || LIMIT_CS=250
  SHORT=$(awk "BEGIN{print $LIMIT*0.6}" 2>/dev/null) || SHORT=1.5
  DIR=$(mktemp -d 2>/dev/null || mktemp -d -p /dev/shm) || { echo "@@ failed no temporary folder"; exit 1; }
  trap 'rm -rf "$DIR"' EXIT
  trap 'exit 130' HUP INT TERM
  export MOUNT MODEL CONTAINER IMAGE PEERS DEVICES LIMIT SHORT DIR LC_ALL PATH INSIDE
  mkfifo "$DIR/done" && exec 9<>"$DIR/done"
  names=${ONLY:-$ALL}
  names=${names//,/ }
  # shellcheck disable=SC2046 # a list of names
  export -f have soon proc_line listeners model_one npu_smi_path hccn_path hccn_one docker_root \
    $(printf 'p_%s ' $names) p_npuproc
  for name in $names; do start "$name"; count=$((count + 1)); done
  collect "$count"
  echo "@@ probe 1"
  report "$names"
  echo "@@ clock $began $(date +%s%N)"
  echo "@@ end"
}

main "$@"
