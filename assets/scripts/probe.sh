#!/usr/bin/env bash
# Looks at one node and changes nothing on it. The files of probe/ come first, then this one:
#
#   cat probe/*.sh probe.sh | bash -s -- KEY=VALUE ...
#
#   mount=/opt/data      folder whose disk counts and where models are looked for
#   model=/opt/data/...  model folder to examine, whether or not it lies under the mount
#   model_inside=/root/.cache/...  the same folder as the container sees it
#   container=NAME       container to examine, inside too when it runs
#   image=REF            image to examine
#   peers=A,B            addresses of the other nodes; the route to each is asked for
#   devices=0,1,2        NPUs that hccn_tool is asked about
#   limit=2.2            seconds any single probe may take
#   only=npu,dockerinfo  run these probes only
#
# Every probe runs in the background under its own limit and writes into a folder of its own; the
# answers are printed one after the other at the end, so that nothing interleaves. A line
# "@@ section NAME STATUS MILLISECONDS" opens an answer (STATUS is an exit code, or "timeout");
# lines of standard output follow with a blank in front, lines of standard error with "!".

have() { command -v "$1" >/dev/null 2>&1; }

# limited SECONDS COMMAND...: run a command and end it, with all it has started, after that time
# (exit code 124 or 137). timeout leads a process group; what ignores its TERM is killed with it.
limited() {
  local limit=$1 pid rc
  shift
  timeout -k 0.2 "$limit" "$@" </dev/null &
  pid=$!
  wait "$pid"
  rc=$?
  case $rc in 124 | 137) kill -KILL -- "-$pid" ;; esac 2>/dev/null
  return "$rc"
}

# Within a probe: a limit smaller than the probe's own, so that one dead device or daemon does not
# cost the answers of the others.
soon() { limited "$SHORT" "$@"; }

# Hundredths of a second since boot, without a fork, into NOW.
now_cs() {
  local up
  read -r up _ </proc/uptime
  up=${up/./}
  NOW=$((10#$up))
}

# Probes that only read what the kernel has at hand share one process; all others have their own.
QUICK="sys mem limits nic devs tools driver made"
SLOW="ntp addr route npu hccn dockerinfo image images container containers inside disk shm ports fw
procs model modelsum models mounts"

# A probe's exit code and time, and its name into the pipe of those that are over.
over() {
  case $2 in 124 | 137) echo "timeout $3" ;; *) echo "$2 $3" ;; esac >"$DIR/$1.rc"
  echo "$1" >&9
}

quick() {
  local name from rc
  for name in $1; do
    now_cs
    from=$NOW
    "p_$name" >"$DIR/$name.out" 2>"$DIR/$name.err" </dev/null
    rc=$?
    now_cs
    over "$name" "$rc" $(((NOW - from) * 10))
  done
}

start_quick() {
  limited "$LIMIT" "$BASH" -c "quick '$1'" >/dev/null 2>&1 &
}

start() {
  local name=$1
  (
    now_cs
    from=$NOW
    limited "$LIMIT" "$BASH" -c "p_$name" >"$DIR/$name.out" 2>"$DIR/$name.err"
    rc=$?
    now_cs
    over "$name" "$rc" $(((NOW - from) * 10))
  ) >/dev/null 2>&1 </dev/null &
}

# Collect until all are over. A process stuck in the kernel cannot even be killed: after the
# deadline nobody waits for it any more.
collect() {
  local left=$1 name part rest='' deadline
  now_cs
  deadline=$((NOW + LIMIT_CS + 35))
  while [ "$left" -gt 0 ] && [ "$NOW" -lt "$deadline" ]; do
    name='' part=''
    if read -r -t 0.1 -u 9 part; then
      name=$rest$part rest=''
      left=$((left - 1))
    else
      rest=$rest$part # the pause ended within a name
    fi
    # Some probes need another one's answer.
    case $name in
      npu)
        follow npuproc
        follow npuhealth
        ;;
      dockerinfo) follow dockerdisk ;;
    esac
    now_cs
  done
}

follow() {
  start "$1"
  left=$((left + 1))
  FOLLOWED="$FOLLOWED $1"
}

report() {
  local name
  for name in $1 $FOLLOWED; do
    if [ -e "$DIR/$name.rc" ]; then
      echo "@@ section $name $(cat "$DIR/$name.rc")"
    else
      echo "@@ section $name timeout $((LIMIT_CS * 10))"
    fi
    # Bounded, so that no runaway tool floods the connection; a missing last line end is added.
    [ -s "$DIR/$name.out" ] && head -c 8000000 "$DIR/$name.out" | sed -e 's/^/ /' -e '$a\'
    [ -s "$DIR/$name.err" ] && head -c 4000 "$DIR/$name.err" | sed -e 's/^/!/' -e '$a\'
  done
}

options() {
  local item
  MOUNT='' MODEL='' MODEL_INSIDE='' CONTAINER='' IMAGE='' PEERS='' DEVICES=0,1,2,3,4,5,6,7
  LIMIT=2.2 ONLY=''
  for item in "$@"; do
    case $item in
      mount=*) MOUNT=${item#*=} ;;
      model=*) MODEL=${item#*=} ;;
      model_inside=*) MODEL_INSIDE=${item#*=} ;;
      container=*) CONTAINER=${item#*=} ;;
      image=*) IMAGE=${item#*=} ;;
      peers=*) PEERS=${item#*=} ;;
      devices=*) DEVICES=${item#*=} ;;
      limit=*) LIMIT=${item#*=} ;;
      only=*) ONLY=${item#*=} ;;
    esac
  done
  # Hundredths of a second; a limit of its own for what may hang within a probe.
  local whole=${LIMIT%.*} part=${LIMIT#*.}
  [ "$part" = "$LIMIT" ] && part=0
  part=${part}00
  LIMIT_CS=$((10#$whole * 100 + 10#${part:0:2}))
  printf -v SHORT '%d.%02d' $((LIMIT_CS * 6 / 1000)) $((LIMIT_CS * 6 / 10 % 100))
}

main() {
  local began names name quick='' count=0
  began=$(date +%s%N)
  options "$@"
  LC_ALL=C
  PATH=$PATH:/usr/local/sbin:/usr/sbin:/sbin:/usr/local/bin
  have timeout || { echo "@@ failed the program timeout (coreutils) is not installed"; exit 1; }
  DIR=$(mktemp -d 2>/dev/null || mktemp -d -p /dev/shm 2>/dev/null) ||
    { echo "@@ failed no temporary folder can be made, neither in ${TMPDIR:-/tmp} nor in /dev/shm"; exit 1; }
  trap 'rm -rf "$DIR"' EXIT
  trap 'exit 130' HUP INT TERM
  mkfifo "$DIR/over" && exec 9<>"$DIR/over"
  export MOUNT MODEL MODEL_INSIDE CONTAINER IMAGE PEERS DEVICES LIMIT LIMIT_CS SHORT DIR LC_ALL PATH INSIDE
  # shellcheck disable=SC2046 # a list of names
  export -f $(compgen -A function)
  FOLLOWED=
  names=${ONLY:-$QUICK $SLOW}
  names=${names//,/ }
  for name in $names; do
    case " $QUICK " in
      *" $name "*) quick="$quick $name" ;;
      *) start "$name" ;;
    esac
    count=$((count + 1))
  done
  [ -z "$quick" ] || start_quick "$quick"
  collect "$count"
  echo "@@ probe 1"
  # shellcheck disable=SC2086 # a list of names
  report "${names//$'\n'/ }"
  echo "@@ clock $began $(date +%s%N)"
  echo "@@ end"
}

main "$@"
