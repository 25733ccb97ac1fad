#!/usr/bin/env bash
# Runs a command in this container detached from any terminal, and knows it again later.
#
#   bash detach.sh start NAME SHA COMMAND [ARG ...]   start it unless it runs; it reads /dev/null
#   bash detach.sh feed  NAME SHA COMMAND [ARG ...]   the same, and it reads one line of our input
#   bash detach.sh state NAME [SHA]                   say what is true now
#   bash detach.sh stop  NAME [SECONDS]               end it and all it started: TERM, then KILL
#
# Prints "@@ state WORD": done (it runs), differs (it runs, but was started with another SHA),
# dead (it ran and ended; "@@ rc N" beside it), missing (not started, stopped, or gone with the
# container's last run; "@@ leftovers N": its leader was killed, N processes it started still run).
# For a running one also "@@ pid N" and "@@ age SECONDS". What stop ended: "@@ stopped N" processes.
# Files: <base>/state/NAME.{pid,rc,sha}, <base>/logs/NAME_log.txt (the one before: NAME_log.1.txt).
# Exit: 0 the verb did its work, 1 it did not, 2 wrong usage.
# Needs bash, coreutils and setsid alone: the session is found through /proc, not through procps.
set -u
export LC_ALL=C
umask 022
HERE=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd) || exit 1

# /proc/PID/stat from field 3 on, into WORDS: the command's name before it may hold anything.
read_stat() { # PID
    local line=''
    { read -r line <"/proc/$1/stat"; } 2>/dev/null || return 1
    read -r -a WORDS <<<"${line##*) }"
}

# When a process started (clock ticks since boot), into SINCE; fails if it is gone or a zombie.
started_at() { # PID
    SINCE=''
    read_stat "$1" && [ "${WORDS[0]}" != Z ] && SINCE=${WORDS[19]}
}

# This run of this container: process numbers of another one mean nothing here.
epoch() {
    read_stat 1
    printf '%s/%s\n' "$(cat /proc/sys/kernel/random/boot_id)" "${WORDS[19]}"
}

load() { # sets LEADER and STAMP; fails if NAME was never started in this run of the container
    local when=''
    LEADER='' STAMP=''
    { read -r LEADER STAMP when <"$HERE/state/$NAME.pid"; } 2>/dev/null
    [ -n "$LEADER" ] && [ "$when" = "$EPOCH" ]
}

runs() { load && started_at "$LEADER" && [ "$SINCE" = "$STAMP" ]; }

members() { # the processes of the session that NAME leads or led, into PIDS
    local stat pid
    PIDS=()
    load || return 0
    for stat in /proc/[0-9]*/stat; do
        pid=${stat#/proc/}
        pid=${pid%/stat}
        if started_at "$pid" && [ "${WORDS[3]}" = "$LEADER" ]; then PIDS+=("$pid"); fi
    done
}

say_running() {
    local since
    since=$(stat -c %Y "$HERE/state/$NAME.pid" 2>/dev/null || date +%s)
    echo "@@ pid $LEADER"
    echo "@@ age $(($(date +%s) - since))"
}

do_state() { # [SHA]
    local want=${1:-} have=''
    if runs; then
        { read -r have <"$HERE/state/$NAME.sha"; } 2>/dev/null
        say_running
        if [ -n "$want" ] && [ "$want" != "$have" ]; then
            echo "@@ state differs"
        else
            echo "@@ state done"
        fi
    elif load && [ -s "$HERE/state/$NAME.rc" ]; then
        echo "@@ rc $(cat "$HERE/state/$NAME.rc")"
        echo "@@ state dead"
    else
        members # of a leader that was killed
        [ ${#PIDS[@]} -eq 0 ] || echo "@@ leftovers ${#PIDS[@]}"
        echo "@@ state missing"
    fi
}

# The session's leader: records itself before it runs anything, and the exit code after.
# shellcheck disable=SC2016 # the words are for the other bash
LEAD='
    name=$1 here=$2 epoch=$3
    shift 3
    read -r line <"/proc/$$/stat"
    read -r -a words <<<"${line##*) }"
    printf "%s %s %s\n" "$$" "${words[19]}" "$epoch" >"$here/state/$name.pid.new" &&
        mv "$here/state/$name.pid.new" "$here/state/$name.pid" || exit 1
    trap "" HUP
    "$@" <&3 3<&-
    rc=$?
    printf "%s\n" "$rc" >"$here/state/$name.rc"
'

do_start() { # SHA COMMAND...
    local sha=$1 log="$HERE/logs/${NAME}_log.txt" i
    shift
    if runs; then
        say_running
        echo "@@ state done"
        return 0
    fi
    end_all 10 || return 1 # what an earlier leader left behind
    mkdir -p "$HERE/state" "$HERE/logs" || return 1
    [ ! -s "$log" ] || mv -f "$log" "${log%.txt}.1.txt"
    rm -f "$HERE/state/$NAME.rc" "$HERE/state/$NAME.pid"
    printf '%s\n' "$sha" >"$HERE/state/$NAME.sha" && : >"$log" || return 1
    # A background job of a shell without a terminal reads /dev/null: hand the input on by number.
    setsid --fork bash -c "$LEAD" detached "$NAME" "$HERE" "$EPOCH" "$@" >>"$log" 2>&1 </dev/null
    for ((i = 0; i < 100; i++)); do
        if load; then
            say_running
            echo "@@ state done"
            return 0
        fi
        sleep 0.1
    done
    echo "could not start $NAME: see $log" >&2
    return 1
}

end_all() { # SECONDS
    local left=$(($1 * 5))
    members
    [ ${#PIDS[@]} -gt 0 ] || return 0
    echo "stopping $NAME: ${#PIDS[@]} processes"
    echo "@@ stopped ${#PIDS[@]}"
    kill -TERM "${PIDS[@]}" 2>/dev/null
    while members && [ ${#PIDS[@]} -gt 0 ]; do
        if [ "$left" -le 0 ]; then
            echo "still there after $1 s, killing: ${PIDS[*]}"
            kill -KILL "${PIDS[@]}" 2>/dev/null
            sleep 1
            members
            break
        fi
        sleep 0.2
        left=$((left - 1))
    done
    [ ${#PIDS[@]} -eq 0 ] || { echo "these processes do not end: ${PIDS[*]}" >&2; return 1; }
}

do_stop() { # [SECONDS]
    end_all "${1:-30}" || return 1
    rm -f "$HERE/state/$NAME.pid" "$HERE/state/$NAME.rc" "$HERE/state/$NAME.sha"
    echo "@@ state missing"
}

usage() {
    sed -n '3,6p' "${BASH_SOURCE[0]}" | sed 's/^# \{0,1\}//' >&2
    exit 2
}

main() {
    local verb=${1:-} line=''
    NAME=${2:-}
    [ -n "$NAME" ] || usage
    shift 2
    EPOCH=$(epoch)
    exec 3</dev/null
    case $verb in
        start) [ $# -ge 2 ] || usage; do_start "$@" ;;
        feed)
            [ $# -ge 2 ] || usage
            IFS= read -r -t 60 line || true
            exec 3< <(printf '%s\n' "$line") # a pipe: the line is in no file and no argument list
            do_start "$@"
            ;;
        state) do_state "$@" ;;
        stop) do_stop "$@" ;;
        *) usage ;;
    esac
}
main "$@"
