#!/usr/bin/env bash
# What the tests use beyond Python. As root on Debian it is installed; else it is named.
# Prints nothing when all is there. Exit 0 always: a test that misses its program says so.
set -u
declare -A packages=(
    [sshd]=openssh-server [ssh]=openssh-client [sftp]=openssh-client [patch]=patch [tmux]=tmux
    [shellcheck]=shellcheck [git]=git [sudo]=sudo [ip]=iproute2 [ps]=procps
)
export PATH=$PATH:/usr/sbin:/sbin
missing=()
for program in "${!packages[@]}"; do
    command -v "$program" >/dev/null || missing+=("${packages[$program]}")
done
[ ${#missing[@]} -gt 0 ] || exit 0
mapfile -t missing < <(printf '%s\n' "${missing[@]}" | sort -u)
if [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null; then
    echo "Installing ${missing[*]} ..."
    export DEBIAN_FRONTEND=noninteractive
    apt-get -qq update >/dev/null 2>&1
    apt-get -qq install -y --no-install-recommends "${missing[@]}" >/dev/null 2>&1 && exit 0
fi
echo "Missing: ${missing[*]} (tests that use them are skipped and say so)"
