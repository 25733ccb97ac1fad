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
# Prints "@@ tool NAME", "@@ listen PORT ok|held|failed WHY" and
# "@@ reach IP PORT open|refused|timeout|unreachable|stranger|failed MILLISECONDS WHY".

have() { command -v "$1" >/dev/null 2>&1; }

# Bash can call but not listen.
call_one() {
  local said rc
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
  echo "@@ reach $1 $2 $rc 0"
}

calls_only() {
  local target
  # The others' listeners may come up a little later.
  sleep 1
  for target in ${CALL//,/ }; do
    if [ "$target" != - ]; then call_one "${target%/*}" "${target##*/}" & fi
  done
  wait
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
  echo "@@ tool none"
  calls_only
}

main "$@" </dev/null
