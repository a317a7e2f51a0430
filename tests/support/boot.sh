#!/bin/bash
# Boots this machine's systemd as process 1 of new namespaces, over a throw-away copy of /.
# Called by tests/support/machine.py: boot.sh FOLDER PATH…; PATHs are what a user of the machine must
# be able to read, wherever they lie. Nothing outside FOLDER is changed.
set -eu
base=$1
shift
root=$base/root
mkdir -p "$root"
mount -t overlay machine -o "lowerdir=/,upperdir=$base/disk/changes,workdir=$base/disk/work" "$root"

# What a booting system expects to find fresh.
mount -t proc proc "$root/proc"
mount -t sysfs -o ro sysfs "$root/sys"
mount -t cgroup2 cgroup2 "$root/sys/fs/cgroup"
mount -t tmpfs -o mode=0755 run "$root/run"
mount -t tmpfs -o mode=1777 tmp "$root/tmp"
mount -t tmpfs -o mode=0755 dev "$root/dev"
for node in null zero full random urandom tty; do
  : > "$root/dev/$node"
  mount --bind "/dev/$node" "$root/dev/$node"
done
for path in "$@"; do
  if [ ! -e "$root$path" ]; then # hidden by one of the fresh folders above
    copy=$base/disk/$(echo "$path" | tr / _)
    mkdir -p "$root$path" "$copy/changes" "$copy/work"
    mount -t overlay machine -o "lowerdir=$path,upperdir=$copy/changes,workdir=$copy/work" "$root$path"
  fi
  # Whoever owns the way to it: the copy of / is thrown away.
  way=$path
  while [ "$way" != / ]; do
    chmod o+x "$root$way"
    way=$(dirname "$way")
  done
done
mkdir "$root/dev/pts" "$root/dev/shm"
mount -t devpts -o newinstance,mode=0620,ptmxmode=0666 devpts "$root/dev/pts"
mount -t tmpfs -o mode=1777 shm "$root/dev/shm"
ln -s pts/ptmx "$root/dev/ptmx"
ln -s /proc/self/fd "$root/dev/fd"
: > "$root/dev/console"
: > "$base/console.log"
mount --bind "$base/console.log" "$root/dev/console"

mkdir "$root/outside"
cd "$root"
pivot_root . outside
umount -l /outside
rmdir /outside 2>/dev/null || true
# Without this, credentials silently do not reach a service.
mount --make-rshared /
ip link set lo up 2>/dev/null || true
hostname testpi
rm -f /etc/machine-id
systemd-machine-id-setup >/dev/null 2>&1 || true
for unit in getty@tty1 console-getty systemd-networkd systemd-resolved systemd-timesyncd ssh \
  postgresql redis-server docker containerd; do
  ln -sfn /dev/null "/etc/systemd/system/$unit.service"
done
exec env -i container=memsync-test PATH=/usr/sbin:/usr/bin:/sbin:/bin \
  /lib/systemd/systemd --system --unit=multi-user.target --log-target=console \
  < /dev/null > /dev/console 2>&1
