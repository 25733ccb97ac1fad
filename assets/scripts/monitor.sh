#!/usr/bin/env bash
# Watches one node until its standard input ends. Sent on standard input: bash -s -- KEY=VALUE ...
#
#   interval=1.0     seconds between readings of the NPUs (npu-smi slower than that: as it comes)
#   log=FILE         log to follow, may not exist yet
#   inode=N offset=N where an earlier run stopped in the log; without them: from tail=N lines back
#   mark=LENGTH:CRC  how the log began that was read then
#   tail=200
#
# Later lines on standard input: "interval S" changes the pace, anything else is ignored; the end of
# standard input ends the script, and so does a parent that is gone.
# Prints frames; every line of content has a blank in front, so that no content is a marker:
#   @@ npu SECONDS_SINCE_1970 STATUS MILLISECONDS INTERVAL UPTIME   then what npu-smi said; both
#                                                            times are of the moment when it ended
#   @@ procs SECONDS                                         then "pid comm state rss_kib ticks" lines
#   @@ log INODE OFFSET_AFTER NOTE                           then whole lines (NOTE: -, new, rotated,
#                                                            truncated, lost)
#   @@ end                                                   closes each of them
#   @@ loghead INODE LENGTH CRC                              how the log begins (no content, no end)
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
    if [ -x "$TOOL" ] || npu_tool; then
      timeout -k 1 30 "$TOOL" info
    else
      echo "npu-smi: command not found"
      false
    fi >"$DIR/npu" 2>&1 </dev/null
    rc=$?
    now
    cs
    echo "$rc $NOW $CS" >"$DIR/rc"
  ) &
  NPU_RUNS=1
}

npu_done() { # prints the reading once it is there
  local rc='' at='' up='' lines took
  { read -r rc at up <"$DIR/rc"; } 2>/dev/null || return 1
  [ -n "$up" ] || return 1
  wait 2>/dev/null
  took=$((up - NPU_FROM))
  mapfile -t lines <"$DIR/npu"
  : >"$DIR/rc"
  printf '@@ npu %s %s %s %s %s.%02d\n' "$at" "$rc" "$((took * 10))" "$INTERVAL" \
    "$((up / 100))" "$((up % 100))"
  [ ${#lines[@]} -eq 0 ] || printf ' %s\n' "${lines[@]}"
  echo "@@ end"
  NPU_RUNS=0
  # A slow npu-smi must not run all the time: pause as long as it took, at least the interval.
  NPU_NEXT=$((NPU_FROM + INTERVAL_CS))
  [ $((up + took)) -gt "$NPU_NEXT" ] && [ "$took" -gt "$((INTERVAL_CS / 2))" ] && NPU_NEXT=$((up + took))
  return 0
}

# vLLM's processes: gone, stopped or alive. Reads /proc with the shell alone. A host has thousands of
# processes: all are looked at only so often that it takes a 300th of the time, known ones each time.
procs() {
  local pid comm line rest found=() from
  cs
  from=$CS
  if [ "$CS" -ge "$SCAN_NEXT" ]; then
    for pid in /proc/[0-9]*; do
      pid=${pid#/proc/}
      { read -r comm <"/proc/$pid/comm"; } 2>/dev/null || continue
      case $comm in VLLM* | vllm*) found+=("$pid") ;; esac
    done
    cs
    SCAN_NEXT=$((CS + (CS - from) * 300))
    KNOWN=("${found[@]}")
  fi
  now
  printf '@@ procs %s\n' "$NOW"
  for pid in "${KNOWN[@]}"; do
    { read -r comm <"/proc/$pid/comm"; } 2>/dev/null || continue
    case $comm in VLLM* | vllm*) ;; *) continue ;; esac
    { read -r line <"/proc/$pid/stat"; } 2>/dev/null || continue
    rest=${line##*) }
    # shellcheck disable=SC2086 # words
    set -- $rest
    [ "$1" = Z ] && continue
    printf ' %s %s %s %s %s\n' "$pid" "${comm// /_}" "$1" "$((${22} * 4))" "$((${12} + ${13}))"
  done
  echo "@@ end"
}

log_open() { # FILE OFFSET: fd 3 reads FILE from OFFSET on
  exec 3<"$1" || return 1
  HEAD_LEN=0 HEAD='' REST='' PLACE=$2
  # dd moves the place that it shares with this shell.
  [ "$2" -eq 0 ] || dd bs=1 skip="$2" count=0 <&3 2>/dev/null
}

crc() { # FILE LENGTH: a checksum of its first bytes
  local sum
  sum=$(head -c "$2" -- "$1" 2>/dev/null | cksum)
  echo "${sum%% *}"
}

# The first bytes of the log are known again, so that a log that was cut and has grown past the old
# place is not taken for the same one. Reading them starts no program.
log_mark() { # after reading up to PLACE
  local head=
  [ "$HEAD_LEN" -lt 256 ] && [ "$PLACE" -gt "$HEAD_LEN" ] || return 0
  HEAD_LEN=$PLACE
  [ "$HEAD_LEN" -le 256 ] || HEAD_LEN=256
  IFS= read -r -N "$HEAD_LEN" head <"$LOG"
  [ "${head:0:${#HEAD}}" = "$HEAD" ] || return 0 # cut just now
  HEAD=$head
  printf '@@ loghead %s %s %s\n' "$INODE" "$HEAD_LEN" "$(crc "$LOG" "$HEAD_LEN")"
}

log_same() { # is LOG the file that fd 3 reads, uncut? Sets NOTE if not.
  local head=
  if ! [ "$LOG" -ef "/proc/$$/fd/3" ]; then
    NOTE=rotated
    return 1
  fi
  [ "$HEAD_LEN" -eq 0 ] && return 0
  IFS= read -r -N "$HEAD_LEN" head <"$LOG"
  NOTE=truncated
  [ "$head" = "$HEAD" ]
}

place() { # sets PLACE: how far fd 3 was read
  read -r _ PLACE <"/proc/$$/fdinfo/3"
}

# Whole lines of fd 3, some thousand at a time. Fails when there is nothing new.
log_part() { # [last]: a line without an end is told, too
  local lines last
  mapfile -n 4000 -u 3 lines
  if [ ${#lines[@]} -eq 0 ]; then
    [ -n "$1" ] && [ -n "$REST" ] || return 1
    lines=('')
  fi
  # A log that was cut just now was read from its middle: the next turn begins with its first line.
  log_same || [ "$NOTE" != truncated ] || return 1
  lines[0]=$REST${lines[0]}
  REST=
  place
  last=${lines[${#lines[@]} - 1]}
  case $last in
    *$'\n') ;;
    *)
      if [ -z "$1" ] && [ ${#last} -lt 1048576 ]; then
        REST=$last
        unset "lines[${#lines[@]}-1]"
        [ ${#lines[@]} -gt 0 ] || return 1
      else
        lines[${#lines[@]} - 1]=$last$'\n'
      fi
      ;;
  esac
  printf '@@ log %s %s -\n' "$INODE" "$((PLACE - ${#REST}))"
  printf ' %s' "${lines[@]}"
  echo "@@ end"
}

log_turn() { # NOTE: read LOG from its beginning
  # (A log that is gone again just now will be another one when it comes.)
  INODE=$(stat -L -c %i -- "$LOG" 2>/dev/null)
  if [ -z "$INODE" ] || ! log_open "$LOG" 0; then
    INODE=gone
    return 1
  fi
  printf '@@ log %s 0 %s\n' "$INODE" "$1"
}

log_begin() { # opens the log where an earlier run stopped, or some lines from its end
  local words size inode old
  words=$(stat -L -c '%s %i' -- "$LOG" 2>/dev/null) || return 1
  size=${words% *} inode=${words#* }
  if [ -z "$INODE" ]; then # nobody was here before
    INODE=$inode OFFSET=$((size - $(tail -n "$TAIL" -- "$LOG" | wc -c)))
    # The log grew between the two: the place may be within a line, then the next one is the first.
    if [ "$OFFSET" -gt 0 ] && log_open "$LOG" "$((OFFSET - 1))" && IFS= read -r -u 3 words; then
      place
      OFFSET=$PLACE
    else
      [ "$OFFSET" -ge 0 ] || OFFSET=0
      log_open "$LOG" "$OFFSET" || { INODE=''; return 1; }
    fi
    printf '@@ log %s %s new\n' "$INODE" "$OFFSET"
    PLACE=$size
    log_mark
    return 0
  fi
  old=${LOG%.txt}.1.txt
  if [ "$inode" = "$INODE" ]; then
    if [ "$size" -ge "$OFFSET" ] && marked "$LOG"; then
      log_open "$LOG" "$OFFSET" && log_mark
    else
      log_turn truncated
    fi
  elif [ "$(stat -L -c %i -- "$old" 2>/dev/null)" = "$INODE" ] && marked "$old"; then
    log_open "$old" "$OFFSET" # detach.sh moved it aside; follow() sees that and turns
  else
    log_turn lost
  fi
}

marked() { # FILE: does it begin as the log did that was read?
  [ -z "$MARK" ] || [ "$(crc "$1" "${MARK%%:*}")" = "${MARK#*:}" ]
}

follow() { # what is new in the log
  local left=16
  if [ "$OPEN" = 0 ]; then
    log_begin || return
    OPEN=1
  fi
  NOTE=''
  if ! log_same && [ -e "$LOG" ]; then
    # Nothing of a log that was moved aside is lost, fd 3 still has it.
    [ "$NOTE" = truncated ] || while log_part last; do :; done
    log_turn "$NOTE" || OPEN=0
  fi
  while [ "$left" -gt 0 ] && log_part ''; do left=$((left - 1)); done
  [ -z "$INODE" ] || log_mark
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
  local item part line='' procs_next=0
  INTERVAL=1.0 LOG='' INODE='' OFFSET=0 TAIL=200 MARK='' OPEN=0 PLACE=0
  NPU_RUNS=0 NPU_NEXT=0 NPU_FROM=0 TOOL='' KNOWN=() SCAN_NEXT=0
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
      mark=*) MARK=${item#*=} ;;
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
    part=
    read -r -t 0.25 part
    case $? in
      0) line=$line$part
         [ "${line%% *}" != interval ] || pace "${line#* }"
         line= ;;
      1) return 0 ;;
      *) line=$line$part ;; # the pause ended within an order
    esac
  done
}

main "$@"
