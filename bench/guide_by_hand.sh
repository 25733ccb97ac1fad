#!/bin/bash
# The guide done by hand, as an engineer with a shell would script it: ssh with one connection a
# node kept open (ControlMaster), the scripts and patches that `glm47-tui render` wrote, both nodes
# side by side where the guide allows it. The baseline that `replay` is measured against, and the
# proof that the rendered folder is enough to do the job.
#
#   guide_by_hand.sh OUT SSH_CONFIG NODE0 NODE1...   deploy and ask the guide's question
#   guide_by_hand.sh -u OUT SSH_CONFIG NODE0 NODE1...  take it away again: container and files
#
# OUT is the rendered folder; the nodes are names that SSH_CONFIG knows.
# Environment: NAME, IMAGE, RPC_PORT, PORT, DATA, INSIDE; the guide's values are the defaults.
set -euo pipefail

NAME=${NAME:-vllm-ascend-v0.13.0rc1}
IMAGE=${IMAGE:-quay.io/ascend/vllm-ascend:v0.13.0rc1}
PORT=${PORT:-8080}
RPC_PORT=${RPC_PORT:-8082}
DATA=${DATA:-/opt/data}
INSIDE=${INSIDE:-/root/.cache}
WORK=by-hand # folder below the data mount

CONTROL=$(mktemp -d)
on() { # on NODE COMMAND...
    local node=$1
    shift
    ssh -F "$CONFIG" -o ControlMaster=auto -o ControlPath="$CONTROL/%C" -o ControlPersist=60 \
        -o BatchMode=yes "$node" "$@"
}
hang_up() {
    local node
    for node in "${NODES[@]}"; do
        ssh -F "$CONFIG" -o ControlPath="$CONTROL/%C" -O exit "$node" 2>/dev/null || true
    done
    rm -rf "$CONTROL"
}

prepare() { # prepare NODE: files, container, patches
    local node=$1
    tar -C "$OUT" -cf - scripts patches | on "$node" "mkdir -p $DATA/$WORK && tar -C $DATA/$WORK -xf -"
    on "$node" bash -s <<SCRIPT
set -e
cd $DATA/$WORK
bash scripts/docker_run.sh $NAME $IMAGE </dev/null >/dev/null
docker exec -i $NAME bash -s <<'INSIDE'
set -e
cd "\$(pip show vllm 2>/dev/null | sed -n 's/^Editable project location: //p')/vllm"
cp $INSIDE/$WORK/patches/glm47_moe_tool_parser.py tool_parsers/
for patch in tool_parsers_init holo2_reasoning_parser glm4_moe_reasoning_parser; do
    patch -s -p1 <$INSIDE/$WORK/patches/\$patch.patch
done
INSIDE
SCRIPT
}

launch() { # launch NODE INDEX
    on "$1" "docker exec -d $NAME bash -c 'cd $INSIDE/$WORK && exec nohup bash \
        scripts/glm_47_infer_node$2.sh >glm_47_infer_node$2_log.txt 2>&1'"
}

wait_rpc() {
    on "$1" "for i in \$(seq 600); do ss -Hltn 'sport = :$RPC_PORT' | grep -q . && exit 0; sleep 0.2; done; exit 1"
}

ask() { # the guide's request, until it is answered
    on "$1" "for i in \$(seq 1200); do
        curl -sf --max-time 60 http://localhost:$PORT/v1/chat/completions \
            -H 'Content-Type: application/json' \
            -d '{\"model\": \"glm47\", \"max_tokens\": 10, \"messages\": [{\"role\": \"user\", \"content\": \"请做一下自我介绍\"}]}' && exit 0
        sleep 0.2
    done; exit 1"
}

deploy() {
    local i node pids=()
    for node in "${NODES[@]}"; do
        prepare "$node" &
        pids+=($!)
    done
    for i in "${pids[@]}"; do wait "$i"; done
    launch "${NODES[0]}" 0
    wait_rpc "${NODES[0]}"
    for i in "${!NODES[@]}"; do
        [ "$i" = 0 ] || launch "${NODES[$i]}" "$i"
    done
    ask "${NODES[0]}"
    echo
}

undo() {
    local node
    for node in "${NODES[@]}"; do
        on "$node" "docker rm -f $NAME >/dev/null 2>&1; rm -rf $DATA/$WORK"
    done
}

main() {
    local verb=deploy
    if [ "${1:-}" = -u ]; then
        verb=undo
        shift
    fi
    [ $# -ge 3 ] || { sed -n '7,8s/^# *//p' "$0" >&2; exit 2; }
    OUT=$1 CONFIG=$2
    shift 2
    NODES=("$@")
    trap hang_up EXIT
    "$verb"
}
main "$@"
