#!/bin/sh
# The programs that the tests run beside Python. As root on Debian they are installed; else those
# that are missing are named, and the tests that need them say so and are skipped.
set -eu
PATH="$PATH:/usr/sbin:/usr/local/sbin"

# program (one of several, by commas), Debian package
tools='mosquitto mosquitto
mosquitto_sub mosquitto-clients
chromium,chromium-browser,google-chrome chromium
ssh openssh-client
sshd openssh-server
systemd-analyze systemd
dbus-daemon dbus
avahi-daemon avahi-daemon
avahi-browse avahi-utils
faketime faketime
unshare util-linux
ip iproute2
iptables iptables
ps procps
fdtoverlay device-tree-compiler
mke2fs e2fsprogs
mkfs.vfat dosfstools
mcopy mtools
sfdisk fdisk
xz xz-utils
zstd zstd'

is_there() {
    for program in $(echo "$1" | tr , ' '); do
        if command -v "$program" >/dev/null 2>&1; then return 0; fi
    done
    return 1
}

missing=$(echo "$tools" | while read -r programs package; do
    is_there "$programs" || printf '%s ' "$package"
done)
if [ -z "$missing" ]; then exit 0; fi

if [ "$(id -u)" != 0 ] || ! command -v apt-get >/dev/null 2>&1; then
    for package in $missing; do
        echo "tests: $package is missing, the tests that need it are skipped: apt-get install $package" >&2
    done
    exit 0
fi

# a machine that runs tests does not want a broker and an ssh server started by that
policy=/usr/sbin/policy-rc.d
if [ ! -e "$policy" ]; then
    trap 'rm -f "$policy"' EXIT
    trap 'exit 1' INT TERM HUP
    printf '#!/bin/sh\nexit 101\n' >"$policy"
    chmod 755 "$policy"
fi
echo "installing $missing"
export DEBIAN_FRONTEND=noninteractive
apt-get update -qq
# shellcheck disable=SC2086  # a list of words on purpose
apt-get install -qq -y --no-install-recommends $missing >/dev/null
