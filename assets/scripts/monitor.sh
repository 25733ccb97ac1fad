#!/usr/bin/env bash
# Watches one node until its standard input ends. Sent on standard input: bash -s -- KEY=VALUE ...
#
#   interval=1.0     seconds between readings of the NPUs (npu-smi slower than that: as it comes)
#   log=FILE         log to follow, may not exist yet
#   inode=N offset=N where an earlier run stopped in the log; without them: from tail=N lines back
#   tail=200
#
# Later lines on standard input: "interval S" changes the pace, anything else is ignored; the end of
# standard input ends the script, and so does a parent that is gone.
# Prints frames; every line of content has a blank in front, so that no content is a marker:
#   @@ npu SECONDS_SINCE_1970 STATUS MILLISECONDS INTERVAL   then what npu-smi said
#   @@ procs SECONDS                                         then "pid comm state rss_kib ticks" lines
#   @@ log INODE OFFSET_AFTER NOTE                           then whole lines (NOTE: -, new, rotated,
#                                                            truncated, lost)
#   @@ end                                                   closes each of them
# One channel, one shell. Few programs are started: what bash can read itself is not forked for.

now() { # sets NOW; bash 5 knows the time itself
  if [ -n "${EPOCHREALTIME:-}" ]; then NOW=${EPOCHREALTIME/,/.}; else NOW=$(date +%s.%N); fi
}

cs() { # sets CS: centiseconds since boot
  local up
  read -r up _ </proc/uptime
  up=${up/./}
  CS=$((10#$up))
}

npu_tool() {
  local path
  for path in npu-smi /usr/local/sbin/npu-smi /usr/local/bin/npu-smi \
    /usr/local/Ascend/driver/tools/npu-smi; do
    command -v "$path" >/dev/null 2>&1 && TOOL=$path && return 0
  done
  return 1
}

# npu-smi in the background: a slow one must not hold up the log.
npu_start() {
  cs
  NPU_FROM=$CS
  (
    if npu_tool; then
      timeout -k 1 30 "$TOOL" info
    else
      echo "npu-smi: command not found"
      false
    fi >"$DIR/npu" 2>&1 </dev/null
    echo "$?" >"$DIR/rc"
  ) &
  NPU_RUNS=1
}

npu_done() { # prints the reading once it is there
  local rc='' lines took
  { read -r rc <"$DIR/rc"; } 2>/dev/null || return 1
  [ -n "$rc" ] || return 1
  wait 2>/dev/null
  cs
  took=$((CS - NPU_FROM))
  mapfile -t lines <"$DIR/npu"
  : >"$DIR/rc"
  now
  printf '@@ npu %s %s %s %s\n' "$NOW" "$rc" "$((took * 10))" "$INTERVAL"
  [ ${#lines[@]} -eq 0 ] || printf ' %s\n' "${lines[@]}"
  echo "@@ end"
  NPU_RUNS=0
  # A slow npu-smi must not run all the time: pause as long as it took, at least the interval.
  NPU_NEXT=$((NPU_FROM + INTERVAL_CS))
  [ $((CS + took)) -gt "$NPU_NEXT" ] && [ "$took" -gt "$((INTERVAL_CS / 2))" ] && NPU_NEXT=$((CS + took))
  return 0
}

# vLLM's processes: gone, stopped or alive. Reads /proc with the shell alone.
procs() {
  local dir comm line rest
  now
  printf '@@ procs %s\n' "$NOW"
  for dir in /proc/[0-9]*; do
    comm=
    { read -r comm <"$dir/comm"; } 2>/dev/null || continue
    case $comm in VLLM* | vllm*) ;; *) continue ;; esac
    { read -r line <"$dir/stat"; } 2>/dev/null || continue
    rest=${line##*) }
    # shellcheck disable=SC2086 # words
    set -- $rest
    [ "$1" = Z ] && continue
    printf ' %s %s %s %s %s\n' "${dir#/proc/}" "${comm// /_}" "$1" "$((${22} * 4))" "$((${12} + ${13}))"
  done
  echo "@@ end"
}

log_places() { # sets SIZE and NODE (inode) of the log; fails when it is not there
  local words
  words=$(stat -L -c '%s %i' -- "$LOG" 2>/dev/null) || return 1
  SIZE=${words% *} NODE=${words#* }
}

# Whole lines of FILE from OFFSET on, at most CHUNK bytes; sets OFFSET behind them. Fails when there
# is nothing new.
log_part() { # FILE NOTE
  local count=$((SIZE - OFFSET)) open
  [ "$count" -gt 0 ] || return 1
  [ "$count" -le "$CHUNK" ] || count=$CHUNK
  if [ -n "$(tail -c "+$((OFFSET + count))" -- "$1" | head -c 1 | tr '\0' x)" ]; then
    # The last line has no end yet: leave it for the next time, unless it alone fills the chunk.
    open=$(tail -c "+$((OFFSET + 1))" -- "$1" | head -c "$count" | tail -n 1 | wc -c)
    if [ "$open" -lt "$count" ]; then count=$((count - open)); elif [ "$count" -lt "$CHUNK" ]; then return 1; fi
  fi
  printf '@@ log %s %s %s\n' "$INODE" "$((OFFSET + count))" "$2"
  tail -c "+$((OFFSET + 1))" -- "$1" | head -c "$count" | sed -e 's/^/ /' -e '$a\'
  echo "@@ end"
  OFFSET=$((OFFSET + count))
}

log_turn() { # the log is another file now, or was cut
  local note=rotated old
  old=${LOG%.txt}.1.txt
  if [ "$NODE" != "$INODE" ]; then
    # detach.sh moves the old log aside: what was not read yet is still there.
    if [ "$(stat -L -c %i -- "$old" 2>/dev/null)" = "$INODE" ]; then
      SIZE=$(stat -L -c %s -- "$old")
      while log_part "$old" -; do :; done
      log_places || return 1
    else
      note=lost
    fi
    INODE=$NODE
  else
    note=truncated
  fi
  OFFSET=0
  printf '@@ log %s 0 %s\n' "$INODE" "$note"
}

log_first() { # where to begin when nobody was here before
  INODE=$NODE
  OFFSET=$((SIZE - $(tail -n "$TAIL" -- "$LOG" | wc -c)))
  [ "$OFFSET" -ge 0 ] || OFFSET=0
  printf '@@ log %s %s new\n' "$INODE" "$OFFSET"
}

follow() { # fails when there was nothing new
  local any=1 left=16
  log_places || return 1
  [ -n "$INODE" ] || log_first
  if [ "$NODE" != "$INODE" ] || [ "$SIZE" -lt "$OFFSET" ]; then log_turn || return 1; any=0; fi
  while [ "$left" -gt 0 ] && log_part "$LOG" -; do any=0; left=$((left - 1)); done
  return "$any"
}

pace() { # SECONDS
  local whole part
  case $1 in '' | *[!0-9.]* | .* | *.*.*) return ;; esac
  INTERVAL=$1
  whole=${1%%.*} part=00
  [ "$whole" = "$1" ] || part=${1#*.}00
  INTERVAL_CS=$((10#$whole * 100 + 10#${part:0:2}))
  [ "$INTERVAL_CS" -ge 10 ] || INTERVAL_CS=10
}

main() {
  local item line procs_next=0
  INTERVAL=1.0 LOG='' INODE='' OFFSET=0 TAIL=200 CHUNK=1048576
  NPU_RUNS=0 NPU_NEXT=0 NPU_FROM=0
  export LC_ALL=C PATH=$PATH:/usr/local/sbin:/usr/sbin:/sbin:/usr/local/bin
  export LD_LIBRARY_PATH=/usr/local/Ascend/driver/lib64/driver:/usr/local/Ascend/driver/lib64/common:${LD_LIBRARY_PATH:-}
  pace 1.0
  for item in "$@"; do
    case $item in
      interval=*) pace "${item#*=}" ;;
      log=*) LOG=${item#*=} ;;
      inode=*) INODE=${item#*=} ;;
      offset=*) OFFSET=${item#*=} ;;
      tail=*) TAIL=${item#*=} ;;
    esac
  done
  DIR=$(mktemp -d 2>/dev/null || mktemp -d -p /dev/shm) || { echo "@@ failed no temporary folder"; return 1; }
  trap 'rm -rf "$DIR"' EXIT
  trap 'exit 130' HUP INT TERM PIPE
  : >"$DIR/rc"
  while :; do
    cs
    [ "$NPU_RUNS" = 1 ] && npu_done
    if [ "$NPU_RUNS" = 0 ] && [ "$CS" -ge "$NPU_NEXT" ]; then npu_start; fi
    if [ "$CS" -ge "$procs_next" ]; then procs; procs_next=$((CS + 500)); fi
    [ -z "$LOG" ] || follow
    # The pause is a read: it starts nothing, hears orders, and ends with the connection.
    line=
    read -r -t 0.25 line
    case $? in
      0) [ "${line%% *}" != interval ] || pace "${line#* }" ;;
      1) return 0 ;;
    esac
  done
}

main "$@"
