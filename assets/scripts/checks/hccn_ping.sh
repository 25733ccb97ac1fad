#!/usr/bin/env bash
# Pings addresses of other nodes' NPUs from this node's NPUs by hccn_tool. Changes nothing.
#
#   limit=6             seconds one ping may take
#   seconds=30          seconds for all of them
#   N=ADDRESS,ADDRESS   what NPU N pings, one after the other; the NPUs work side by side
#
# Prints "@@ ping NPU ADDRESS CODE WORDS": the tool's exit code, "timeout", or "none" (no time was
# left), then what the tool said, its lines joined by " | ".

now_cs() {
  local up
  read -r up _ </proc/uptime
  up=${up/./}
  NOW=$((10#$up))
}

lane() {
  local npu=$1 address said rc left
  for address in ${2//,/ }; do
    now_cs
    left=$(((UNTIL - NOW) / 100))
    if [ "$left" -lt 1 ]; then
      echo "@@ ping $npu $address none"
      continue
    fi
    [ "$left" -lt "$LIMIT" ] || left=$LIMIT
    said=$(timeout -k 1 "$left" "$TOOL" -i "$npu" -ping -g address "$address" 2>&1 </dev/null)
    rc=$?
    case $rc in 124 | 137) rc=timeout ;; esac
    # One line each: bash writes line by line, so those of the lanes do not mix.
    said=${said:0:2000}
    echo "@@ ping $npu $address $rc ${said//$'\n'/ | }"
  done
}

main() {
  local item whole=30 lanes=()
  LIMIT=6
  PATH=$PATH:/usr/local/Ascend/driver/tools:/usr/local/sbin:/usr/local/bin
  TOOL=$(command -v hccn_tool) || { echo "@@ missing hccn_tool"; return 0; }
  for item in "$@"; do
    case $item in
      limit=*) LIMIT=${item#*=} ;;
      seconds=*) whole=${item#*=} ;;
      [0-9]*=*) lanes+=("$item") ;;
    esac
  done
  now_cs
  UNTIL=$((NOW + whole * 100))
  for item in "${lanes[@]}"; do lane "${item%%=*}" "${item#*=}" & done
  wait
}

main "$@" </dev/null
