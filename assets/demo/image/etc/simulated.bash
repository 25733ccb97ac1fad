# Read by bash before it runs a script in this container. The container has no file system of its
# own: an absolute path that a script sources is looked for below the container's folder.
source() {
    case $1 in
        "$SIMULATED_ROOT"/*) ;;
        /usr/local/* | /etc/* | /root/* | /vllm-workspace/*) set -- "$SIMULATED_ROOT$1" ;;
    esac
    builtin source "$1"
}
