# A machine of its own, booted by systemd out of this machine's files: `unshare` runs it, in namespaces.
# $1: an empty folder for what is written there; $2: the machine's name; $3: a folder laid over its root;
# $4: a folder that is /srv/lent there
set -eu
place=$1
mount -t tmpfs disk "$place"
mkdir "$place/upper" "$place/work" "$place/root"
mount -t overlay disk -o "lowerdir=/,upperdir=$place/upper,workdir=$place/work" "$place/root"
root=$place/root
hostname "$2"
ip link set lo up multicast on
mount -t proc proc "$root/proc"
mount -t sysfs -o ro sysfs "$root/sys"
mount -t tmpfs cgroups "$root/sys/fs/cgroup"
mount -t cgroup2 cgroups "$root/sys/fs/cgroup"
mount -t tmpfs -o mode=755 run "$root/run"
mount -t tmpfs tmp "$root/tmp"
mount -t tmpfs -o mode=755 dev "$root/dev"
for each in null zero full random urandom tty; do
    touch "$root/dev/$each"
    mount --bind "/dev/$each" "$root/dev/$each"
done
mkdir "$root/dev/pts" "$root/dev/shm"
mount -t devpts -o newinstance,ptmxmode=0666 devpts "$root/dev/pts"
ln -s pts/ptmx "$root/dev/ptmx"
mount -t tmpfs shm "$root/dev/shm"
for each in fd stdin stdout stderr; do ln -s "/proc/self/fd${each#fd}" "$root/dev/$each"; done
# nothing of what this machine itself is there for
rm -rf "$root/etc/systemd/system" "$root/etc/mosquitto/conf.d" "$root/var/lib/mosquitto/mosquitto.db"
mkdir -p "$root/etc/systemd/system" "$root/etc/mosquitto/conf.d"
: >"$root/etc/machine-id"
echo "$2" >"$root/etc/hostname"
cp -R "$3/." "$root/"
mkdir -p "$root/srv/lent"
mount --bind "$4" "$root/srv/lent"
# not chroot alone: in one the kernel allows no user namespaces, which PrivateUsers= needs
mkdir "$root/before"
cd "$root"
pivot_root . before
umount -l /before
mount --make-rshared / # or what systemd mounts for a service, as its credentials, is not seen by it
exec /usr/bin/env -i container=picanary-test PATH=/usr/sbin:/usr/bin:/sbin:/bin \
    /lib/systemd/systemd --system --unit=test.target --show-status=0 --log-target=console --log-level=warning
