# Runs a command in this container detached from any terminal, and knows it again later.
#
#   bash detach.sh start NAME COMMAND [ARG ...]   start it unless it runs; its standard input is ours
#   bash detach.sh state NAME [SHA]               say what is true now
#   bash detach.sh stop  NAME SECONDS             end it and all it started; TERM first, then KILL
#
# Prints: @@ state done|missing|differs|dead, @@ pid N, @@ rc N. Files: <base>/state/NAME.{pid,rc,sha},
# <base>/logs/NAME_log.txt. Exit: 0 the verb did its work, 1 it did not.
# Needs bash and coreutils alone: the session is found through /proc, not through procps.
set -u
here=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd) || exit 1

started_at() { # field 22 of /proc/PID/stat; the command name may hold blanks and brackets
    local line
    { read -r line <"/proc/$1/stat"; } 2>/dev/null || return 1
    line=${line##*) }
    set -- $line
    [ "$1" = Z ] && return 1
    echo "${20}"
}

members() { # every process of the session that NAME leads
    local stat line rest
    for stat in /proc/[0-9]*/stat; do
        { read -r line <"$stat"; } 2>/dev/null || continue
        rest=${line##*) }
        set -- $rest
        [ "$4" = "$leader" ] && [ "$1" != Z ] && echo "${line%% *}"
    done
}

load() { # sets leader and stamp; fails when NAME was never started
    leader='' stamp=''
    { read -r leader stamp <"$here/state/$name.pid"; } 2>/dev/null
    [ -n "$leader" ]
}

runs() { load && [ "$(started_at "$leader")" = "$stamp" ]; }

do_state() {
    local want=${1:-} have=''
    if runs; then
        { read -r have <"$here/state/$name.sha"; } 2>/dev/null
        echo "@@ pid $leader"
        if [ -n "$want" ] && [ "$want" != "$have" ]; then
            echo "@@ state differs"
        else
            echo "@@ state done"
        fi
    elif [ -s "$here/state/$name.rc" ]; then
        echo "@@ rc $(cat "$here/state/$name.rc")"
        echo "@@ state dead"
    else
        echo "@@ state missing"
    fi
}

do_start() {
    local sha=$1
    shift
    if runs; then
        echo "@@ pid $leader"
        echo "@@ state done"
        return 0
    fi
    mkdir -p "$here/state" "$here/logs" || return 1
    [ ! -s "$here/logs/${name}_log.txt" ] || mv -f "$here/logs/${name}_log.txt" "$here/logs/${name}_log.1.txt"
    rm -f "$here/state/$name.rc" "$here/state/$name.pid"
    echo "$sha" >"$here/state/$name.sha" || return 1
    : >"$here/logs/${name}_log.txt" || return 1
    # The leader records itself before it runs anything, and the exit code after.
    # A background job of a non-interactive shell reads /dev/null: hand our input on by number.
    exec 3<&0
    setsid --fork bash -c '
        name=$1 here=$2; shift 2
        read -r line <"/proc/$$/stat"; set_rest() { shift 19; stamp=$1; }
        set_rest ${line##*) }
        echo "$$ $stamp" >"$here/state/$name.pid.new" && mv "$here/state/$name.pid.new" "$here/state/$name.pid"
        trap "" HUP
        "$@" <&3 3<&-
        rc=$?
        echo "$rc" >"$here/state/$name.rc"
    ' detached "$name" "$here" "$@" >>"$here/logs/${name}_log.txt" 2>&1
    local i
    for i in $(seq 50); do
        if load; then
            echo "@@ pid $leader"
            echo "@@ state done"
            return 0
        fi
        sleep 0.1
    done
    echo "could not start $name: see $here/logs/${name}_log.txt" >&2
    return 1
}

do_stop() {
    local limit=${1:-30} pids waited=0
    if ! load; then
        echo "@@ state missing"
        return 0
    fi
    pids=$(members)
    if [ -n "$pids" ]; then
        echo "stopping $name: $(echo "$pids" | wc -l) processes"
        kill -TERM $pids 2>/dev/null
        while pids=$(members) && [ -n "$pids" ]; do
            if [ "$waited" -ge "$((limit * 5))" ]; then
                echo "still there after ${limit}s, killing: $(echo $pids)"
                kill -KILL $pids 2>/dev/null
                sleep 0.5
                pids=$(members)
                break
            fi
            sleep 0.2
            waited=$((waited + 1))
        done
    fi
    if [ -n "$pids" ]; then
        echo "these processes do not end: $(echo $pids)" >&2
        return 1
    fi
    rm -f "$here/state/$name.pid" "$here/state/$name.rc" "$here/state/$name.sha"
    echo "@@ state missing"
}

main() {
    local verb=${1:-} leader stamp
    name=${2:-}
    [ -n "$name" ] || { echo "usage: detach.sh start|state|stop NAME ..." >&2; return 2; }
    shift 2
    case $verb in
        start) do_start "$@" ;;
        state) do_state "$@" ;;
        stop) do_stop "$@" ;;
        *) echo "detach.sh: no verb $verb" >&2; return 2 ;;
    esac
}
main "$@"
