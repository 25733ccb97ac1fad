#!/bin/bash
# First process of one lab host (PID 1 of its PID namespace; network, mount, UTS and IPC namespaces
# are its own, too). Gives the host files of its own over this machine's /usr and /etc, then starts
# sshd, and on a node dockerd. Ends when it is killed; the kernel then ends all it started and drops
# the mounts.
#
#   boot.sh NAME ROLE DIR CACHE CGROUP       DIR: the host's folder, prepared by tests/lab/kit/host.py
set -eu
NAME=$1 ROLE=$2 DIR=$3 CACHE=$4 CGROUP=$5
R=$DIR/rootfs

hostname "$NAME"
mount --make-rprivate /

# A small root of its own: /usr is this machine's, read-only; everything that may be written is not.
mkdir -p "$R"
mount -t tmpfs -o mode=755 tmpfs "$R"
cd "$R"
mkdir -p usr etc proc sys dev run tmp var opt root home mnt .old
mount --bind /usr usr
mount -o remount,bind,ro usr
for d in bin sbin lib lib32 lib64 libx32; do
    if [ -L "/$d" ]; then
        ln -s "$(readlink "/$d")" "$d"
    elif [ -d "/$d" ]; then
        mkdir "$d"
        mount --bind "/$d" "$d"
        mount -o remount,bind,ro "$d"
    fi
done
# /etc over this machine's, changes in the host's folder.
mkdir -p "$DIR/etc" "$DIR/etc.work"
mount -t overlay overlay -o "lowerdir=/etc,upperdir=$DIR/etc,workdir=$DIR/etc.work" etc
for d in usr/local root home opt var; do
    mkdir -p "$DIR/$d"
    mount --bind "$DIR/$d" "$d"
done
chmod 700 root
mkdir -p var/lib/docker var/lib/misc var/log var/tmp var/run var/cache opt/data
mount -t tmpfs -o mode=755 tmpfs run
mount -t tmpfs -o mode=1777 tmpfs tmp
chmod 1777 var/tmp
mount -t proc proc proc

# sysfs afresh, so that /sys/class/net shows this host's NICs; the cgroups are bound back into it.
mount -t sysfs sysfs sys
mount --rbind /sys/fs/cgroup sys/fs/cgroup

mount -t tmpfs -o mode=755 tmpfs dev
for spec in "null 3" "zero 5" "full 7" "random 8" "urandom 9"; do
    set -- $spec
    mknod -m 666 "dev/$1" c 1 "$2"
done
mknod -m 666 dev/tty c 5 0
mkdir -p dev/pts dev/shm dev/mqueue
mount -t devpts -o newinstance,ptmxmode=0666,mode=0620,gid=5 devpts dev/pts
ln -s pts/ptmx dev/ptmx
mount -t tmpfs -o mode=1777 tmpfs dev/shm
mount -t mqueue mqueue dev/mqueue
ln -s /proc/self/fd dev/fd
ln -s /proc/self/fd/0 dev/stdin
ln -s /proc/self/fd/1 dev/stdout
ln -s /proc/self/fd/2 dev/stderr
if [ "$ROLE" = node ]; then # NPUs: null devices under the real names
    for n in 0 1 2 3 4 5 6 7; do mknod -m 660 "dev/davinci$n" c 1 3; done
    for n in davinci_manager devmm_svm hisi_hdc; do mknod -m 660 "dev/$n" c 1 3; done
fi

mkdir -p run/sshd run/lab run/docker
if [ "$ROLE" = node ]; then # what the OCI runtime wrapper adds to containers
    mkdir -p run/lab/venv
    mount --bind "$CACHE/venv" run/lab/venv
    mount -o remount,bind,ro run/lab/venv
    cp "$DIR/mounts.json" run/lab/mounts.json
    install -m 755 "$DIR/runc-lab" run/lab/runc-lab
fi

pivot_root . .old
umount -l /.old
rmdir /.old
cd /

export PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin HOME=/root LANG=C.UTF-8
ulimit -c 0
ulimit -n 1048576 2>/dev/null || true # as Docker's own unit does
/usr/sbin/sshd -D -E /var/log/sshd.log -f /etc/ssh/lab_sshd_config &
if [ "$ROLE" = node ]; then
    dockerd --bridge=none --iptables=false --ip6tables=false --userland-proxy=false \
        --exec-root=/run/docker --pidfile=/run/docker.pid --data-root=/var/lib/docker \
        --cgroup-parent="/$CGROUP/$NAME" --add-runtime=lab=/run/lab/runc-lab --default-runtime=lab \
        >/var/log/dockerd.log 2>&1 &
fi
# PID 1 reaps what nobody waits for; bash does so while it waits.
while :; do
    sleep 3600 &
    wait $! || true
done
