#!/usr/bin/env bash
# Tries out TCP between nodes: listens on some ports of this node's address and calls the others',
# all in one go; every node runs it at the same time. Changes nothing. Arguments:
#
#   address=IP          the address to listen on and to call from
#   token=WORD          what the listeners say: tells our own from anybody else's
#   seconds=5           when to give up
#   expected=N          callers after which listening ends early
#   listen=P,P,...      ports to listen on
#   call=IP/P,IP/P,...  ports to call
#   container=NAME      a container whose Python serves when the host has none
#
# Python, Perl, the container's Python, socat, ncat, nc: the first that is there listens.
#
# Prints "@@ tool NAME", "@@ listen PORT ok|held|failed WHY" and
# "@@ reach IP PORT open|refused|timeout|unreachable|stranger|failed MILLISECONDS WHY".

have() { command -v "$1" >/dev/null 2>&1; }

# Bash can call but not listen. A listener that serves one caller after the other may be between two.
call_one() {
  local said rc last=$((SECONDS + 2))
  while :; do
    # shellcheck disable=SC2016 # the words are for the other bash
    said=$(timeout 3 bash -c 'exec 3<>"/dev/tcp/$1/$2" && read -r -t 2 -u 3 line; printf "%s" "$line"' \
      call "$1" "$2" 2>&1)
    rc=$?
    case "$rc $said" in
      *"$TOKEN"*) rc=open ;;
      *refused*) rc=refused ;;
      *"o route to host"* | *nreachable* | *rohibited* | *ermission*) rc=unreachable ;;
      124* | *"timed out"*) rc=timeout ;;
      "0 "*) rc=stranger ;;
      *) rc=failed ;;
    esac
    if [ "$rc" != refused ] || [ "$SECONDS" -ge "$last" ]; then break; fi
    sleep 0.2
  done
  echo "@@ reach $1 $2 $rc 0"
}

# Does anybody here listen on a port of the address (or of all)? Read from the kernel, which writes
# IPv4 addresses as a little-endian number; of IPv6 the port alone is looked at.
listening() {
  local at state a b c d own=none port
  printf -v port ':%04X' "$1"
  case $ADDRESS in
    *:*) ;;
    *) IFS=. read -r a b c d <<<"$ADDRESS" && printf -v own '%02X%02X%02X%02X' "$d" "$c" "$b" "$a" ;;
  esac
  while read -r _ at _ state _; do
    [ "$state" = 0A ] || continue
    case $own$at in
      none*"$port" | "$own$own$port" | "$own"00000000"$port") return 0 ;;
      "$own"00000000000000000000000000000000"$port") return 0 ;;
    esac
  done < <(cat /proc/net/tcp /proc/net/tcp6 2>/dev/null)
  return 1
}

# One listener by one of the tools, until the time is up. Netcats come with two grammars: OpenBSD's
# and ncat's take address and port, the traditional one and busybox's want -s and -p. Each serves one
# caller, who hangs up once the token is read, and is started again for the next.
serve() { # TOOL PORT
  local left family=4 at=$ADDRESS
  case $ADDRESS in *:*) family=6 at="[$ADDRESS]" ;; esac
  while left=$((UNTIL - SECONDS)) && [ "$left" -gt 0 ]; do
    case $1 in
      socat) timeout "$left" socat "TCP$family-LISTEN:$2,bind=$at,reuseaddr,fork" "SYSTEM:echo $TOKEN" ;;
      ncat) echo "$TOKEN" | timeout "$left" ncat "-$family" -l "$ADDRESS" "$2" ;;
      nc) echo "$TOKEN" | timeout "$left" nc -l "$ADDRESS" "$2" ;;
      nc-p) echo "$TOKEN" | timeout "$left" nc -l -s "$ADDRESS" -p "$2" ;;
    esac </dev/null >/dev/null 2>&1 || sleep 0.2
  done
}

# Which of the tools can listen here? Tried with the first port; the answer is in TOOL.
choose() { # PORT
  local i pid
  # nc-p first: the traditional one takes the other grammar, too, and listens on some other port.
  for TOOL in socat ncat nc-p nc; do
    have "${TOOL%-p}" || continue
    serve "$TOOL" "$1" &
    pid=$!
    for ((i = 0; i < 8; i++)); do
      sleep 0.05
      listening "$1" && return 0
    done
    kill "$pid" 2>/dev/null
  done
  TOOL=none
  return 1
}

listen_all() {
  local port free=() i
  for port in ${LISTEN//,/ }; do
    if [ "$port" = - ]; then continue; fi
    if listening "$port"; then echo "@@ listen $port held"; else free+=("$port"); fi
  done
  if [ ${#free[@]} = 0 ] || ! choose "${free[0]}"; then
    echo "@@ tool none"
    return
  fi
  echo "@@ tool ${TOOL%-p}"
  for port in "${free[@]:1}"; do serve "$TOOL" "$port" & done
  for port in "${free[@]}"; do
    for ((i = 0; i < 10; i++)); do
      listening "$port" && break
      sleep 0.1
    done
    if listening "$port"; then echo "@@ listen $port ok"; else echo "@@ listen $port failed $TOOL"; fi
  done
}

# For hosts without Python and Perl: whatever netcat is there listens, bash calls.
plain() {
  local target TOOL=none UNTIL=$((SECONDS + ${SECONDS_MAX%.*} + 1)) pids=()
  listen_all
  # The others' listeners may come up a little later.
  sleep 0.5
  for target in ${CALL//,/ }; do
    if [ "$target" != - ]; then
      call_one "${target%/*}" "${target##*/}" &
      pids+=($!)
    fi
  done
  [ ${#pids[@]} = 0 ] || wait "${pids[@]}"
  [ "$TOOL" = none ] || wait
}

main() {
  local item ADDRESS='' TOKEN='' SECONDS_MAX=5 EXPECTED=0 LISTEN=- CALL=- CONTAINER=''
  for item in "$@"; do
    case $item in
      address=*) ADDRESS=${item#*=} ;;
      token=*) TOKEN=${item#*=} ;;
      seconds=*) SECONDS_MAX=${item#*=} ;;
      expected=*) EXPECTED=${item#*=} ;;
      listen=*) LISTEN=${item#*=} ;;
      call=*) CALL=${item#*=} ;;
      container=*) CONTAINER=${item#*=} ;;
    esac
  done
  local last=$((${SECONDS_MAX%.*} + 3)) words=("$ADDRESS" "$TOKEN" "$SECONDS_MAX" "$EXPECTED" "$LISTEN" "$CALL")
  local python
  for python in python3 /usr/libexec/platform-python; do
    # A Python that cannot run the program at all ends at once with an error: the next one, then.
    have "$python" && timeout -k 1 "$last" "$python" -c "$PROGRAM" "${words[@]}" && return 0
  done
  if have perl && perl -MIO::Select -MSocket -e 1 2>/dev/null; then
    echo "@@ tool perl"
    exec timeout -k 1 "$last" perl -e "$PERL" "${words[@]}"
  fi
  if [ -n "$CONTAINER" ] && have docker && timeout 5 docker exec "$CONTAINER" python3 -c 1 2>/dev/null; then
    echo "@@ tool container"
    exec timeout -k 1 "$last" docker exec "$CONTAINER" timeout "$last" python3 -c "$PROGRAM" "${words[@]}"
  fi
  plain
}

main "$@" </dev/null
