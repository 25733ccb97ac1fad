# Probes of the host's network.

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
    [ -d "$dir/bonding" ] && printf ' bond=1'
    [ -d "$dir/wireless" ] && printf ' wireless=1'
    link=$(readlink "$dir/master" 2>/dev/null) && printf ' master=%s' "${link##*/}"
    link=$(readlink "$dir/device/driver" 2>/dev/null) && printf ' driver=%s' "${link##*/}"
    echo
  done
}

# The listeners, then the container of each owner ("@owner PID ID"), read without a fork.
p_ports() {
  local all word pid groups
  all=$(listeners) || return
  printf '%s\n' "$all"
  for word in $(grep -oE 'pid=[0-9]+|[0-9]+/[^ ]' <<<"$all" | sort -u); do
    pid=${word#pid=} pid=${pid%%/*} groups=
    { IFS= read -r -d '' groups <"/proc/$pid/cgroup"; } 2>/dev/null
    [[ $groups =~ [0-9a-f]{64} ]] && echo "@owner $pid ${BASH_REMATCH[0]}"
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
