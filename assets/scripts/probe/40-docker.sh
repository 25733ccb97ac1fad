# Probes of Docker, and of the inside of the container.

p_dockerinfo() {
  have docker || return 127
  docker info --format '{{json .}}'
}

p_image() {
  have docker || return 127
  [ -n "$IMAGE" ] || return 0
  docker image inspect "$IMAGE"
}

# Images of the right kind that are here already, under whatever name.
p_images() {
  have docker || return 127
  docker image ls --format '{{.ID}} {{.Repository}}:{{.Tag}}' | grep -iE 'ascend|vllm' | head -n 60
  return 0
}

p_container() {
  have docker || return 127
  [ -n "$CONTAINER" ] || return 0
  docker container inspect "$CONTAINER"
}

p_containers() {
  have docker || return 127
  local ids
  ids=$(docker ps -q) || return 1
  ids=$(head -n 300 <<<"$ids")
  [ -n "$ids" ] || return 0
  # shellcheck disable=SC2086 # a list of ids
  docker container inspect $ids
}

# Containers that this tool made for any profile: "ID PROFILE".
p_made() {
  local file profile id
  for file in "${MOUNT:-/opt/data}"/glm47-tui/*/state/container; do
    [ -f "$file" ] || continue
    profile=${file%/state/container}
    { read -r id _ <"$file"; } 2>/dev/null && echo "$id ${profile##*/}"
  done
  return 0
}

# Runs inside the container. Versions by package metadata: importing torch takes seconds.
INSIDE='
for f in /usr/local/Ascend/ascend-toolkit/latest/*/ascend_toolkit_install.info \
  /usr/local/Ascend/ascend-toolkit/latest/ascend_toolkit_install.info; do
  [ -f "$f" ] && echo "@file $f" && cat "$f" && break
done
echo "@devices"; ls /dev 2>/dev/null | grep davinci
echo "@shm"; df -Pk /dev/shm 2>/dev/null
echo "@limits"; echo "nofile $(ulimit -n)"; echo "nproc $(ulimit -u)"; echo "memlock $(ulimit -l)"
for f in /usr/local/Ascend/driver/version.info /usr/local/Ascend/nnal/atb/set_env.sh \
  /usr/local/Ascend/ascend-toolkit/set_env.sh /usr/local/bin/npu-smi; do
  [ -e "$f" ] && echo "@has $f"
done
[ -z "$1" ] || [ ! -d "$1" ] || echo "@has $1"
echo "@python"
python3 - <<PY
import importlib.metadata as m, platform
print("python", platform.python_version())
for n in "vllm vllm_ascend torch torch_npu transformers modelscope".split():
    try: print(n, m.version(n))
    except Exception: pass
PY
'

# A container that does not run answers with an error, and the section stays empty. The limit
# inside ends what the one outside could not: killing the client does not end its command.
p_inside() {
  have docker || return 127
  [ -n "$CONTAINER" ] || return 0
  docker exec "$CONTAINER" timeout "$LIMIT" bash -c "$INSIDE" inside "$MODEL_INSIDE"
}
