# Probes of the NPUs, their driver and their network.

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

# The processes npu-smi names: run once its answer is there.
p_npuproc() {
  local pid comm args
  for pid in $(grep -oE '^\| *[0-9]+ +[0-9]+ *\| *[0-9]+ ' "$DIR/npu.out" 2>/dev/null |
    grep -oE '[0-9]+ $' | sort -un | head -n 64); do
    comm=
    { read -r comm <"/proc/$pid/comm"; } 2>/dev/null
    args=$(tr '\0\n\t' '   ' 2>/dev/null <"/proc/$pid/cmdline" | head -c 300)
    proc_line "$pid" "${comm:-?}" "$args"
  done
  return 0
}

# What the driver says of NPUs that are not OK: run once npu-smi's table is there, and only then.
p_npuhealth() {
  local tool npu
  tool=$(npu_smi_path) || return 127
  for npu in $(sed -nE 's/^\| *([0-9]+) +[^|]*\| *([A-Za-z]+) *\|.*/\1 \2/p' "$DIR/npu.out" 2>/dev/null |
    grep -v ' OK$' | cut -d' ' -f1 | sort -un | head -n 16); do
    echo "@npu $npu"
    soon "$tool" info -t health -i "$npu" 2>&1 | head -n 20
  done
  return 0
}

p_driver() {
  local file
  for file in /usr/local/Ascend/driver/version.info /usr/local/Ascend/firmware/version.info \
    /etc/ascend_install.info; do
    echo "@file $file"
    cat "$file" 2>/dev/null
  done
  # The kernel module that serves the NPUs; built for one kernel only.
  for file in /sys/module/drv_davinci_intf*; do
    [ -d "$file" ] && echo "@module drv_davinci_intf"
  done
  return 0
}

hccn_path() {
  local path
  for path in hccn_tool /usr/local/Ascend/driver/tools/hccn_tool; do
    have "$path" && echo "$path" && return 0
  done
  return 1
}

# All questions to one NPU, one after the other (the tool speaks to the device's driver), in what
# is left of the time; the last 0.3 s are for printing.
hccn_npu() {
  local query left limit
  for query in ip link net_health tls netdetect gateway; do
    now_cs
    left=$((HCCN_UNTIL - NOW))
    if [ "$left" -lt 5 ]; then
      echo 124 >"$3/$2.$query.rc"
      continue
    fi
    printf -v limit '%d.%02d' $((left / 100)) $((left % 100))
    limited "$limit" "$1" -i "$2" "-$query" -g >"$3/$2.$query" 2>&1
    echo "$?" >"$3/$2.$query.rc"
  done
}

# All NPUs at once: one whose tool hangs costs its own answers only. Ends with 124 ("timeout")
# when any answer is missing for lack of time; those that are there are printed all the same.
p_hccn() {
  local tool npu query rc slow=0 dir=$DIR/hccn.d
  tool=$(hccn_path) || return 127
  mkdir -p "$dir"
  now_cs
  HCCN_UNTIL=$((NOW + LIMIT_CS - 30))
  for npu in ${DEVICES//,/ }; do hccn_npu "$tool" "$npu" "$dir" & done
  wait
  for npu in ${DEVICES//,/ }; do
    for query in ip link net_health tls netdetect gateway; do
      rc=none
      { read -r rc <"$dir/$npu.$query.rc"; } 2>/dev/null
      case $rc in 124 | 137) slow=124 ;; esac
      echo "@query $npu $query $rc"
      head -n 20 "$dir/$npu.$query" 2>/dev/null
    done
  done
  echo "@file /etc/hccn.conf"
  head -n 100 /etc/hccn.conf 2>/dev/null
  return "$slow"
}

p_devs() {
  local path
  for path in /dev/davinci* /dev/devmm_svm /dev/hisi_hdc; do
    [ -e "$path" ] && stat -c '%n %a %U %G %F' "$path"
  done
  return 0
}
