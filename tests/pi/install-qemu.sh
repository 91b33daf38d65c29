#!/bin/sh
# The programs that an emulated Pi is made and run with: QEMU 10 or newer, what makes its disks, and what
# compiles a kernel module for it. As root on Debian they are installed (on Debian 12 QEMU comes from the
# backports); else those that are missing are named in one line, and the exit status is 2.
#
#     sh tests/pi/install-qemu.sh                 all of it
#     sh tests/pi/install-qemu.sh no-compiler     without the cross compiler, for those who boot only
#     sh tests/pi/install-qemu.sh look            install nothing, only say what is missing
#
# Debian 12's own QEMU (7.2) is not enough: its emulation crashes in TFLite.
set -eu
PATH="$PATH:/usr/sbin:/sbin"
here=$(cd "$(dirname "$0")" && pwd)
least=10

# program, Debian package
tools='qemu-system-aarch64 qemu-system-arm
mosquitto mosquitto
mmdebstrap mmdebstrap
mke2fs e2fsprogs
debugfs e2fsprogs
sfdisk fdisk
mkfs.vfat dosfstools
mcopy mtools
dtc device-tree-compiler
cpio cpio
zstd zstd
xz xz-utils
depmod kmod'
compiler='make make
gcc gcc
aarch64-linux-gnu-gcc gcc-aarch64-linux-gnu'
[ "${1:-}" = no-compiler ] || tools="$tools
$compiler"

is_there() {
    command -v "$1" >/dev/null 2>&1 || return 1
    [ "$1" != qemu-system-aarch64 ] || [ "$(qemu-system-aarch64 --version | sed -n 's/.*version \([0-9]*\).*/\1/p')" -ge "$least" ]
}

missing() {
    echo "$tools" | while read -r program package; do is_there "$program" || echo "$package"; done | sort -u | tr '\n' ' '
}

wanted=$(missing)
if [ -z "$wanted" ]; then exit 0; fi
if [ "${1:-}" = look ] || [ "$(id -u)" != 0 ] || ! command -v apt-get >/dev/null 2>&1; then
    echo "skipped: an emulated Pi needs $wanted(QEMU $least or newer): apt-get install them as root, on Debian 12 with its backports" >&2
    exit 2
fi

distribution=$(. /etc/os-release && echo "${ID:-}")
if [ "$distribution" != debian ]; then
    echo "skipped: an emulated Pi is made of Debian's packages, from a Debian's own sources, and this is $distribution" >&2
    exit 2
fi
folder=$(mktemp -d)
policy=/usr/sbin/policy-rc.d
ours=
trap 'rm -rf "$folder" $ours' EXIT
trap 'exit 1' INT TERM HUP
# a machine that runs tests does not want a broker started by that
if [ ! -e "$policy" ]; then
    ours=$policy
    printf '#!/bin/sh\nexit 101\n' >"$policy"
    chmod 755 "$policy"
fi
codename=$(. /etc/os-release && echo "${VERSION_CODENAME:-}")
backports=
[ "$codename" != bookworm ] || backports=bookworm-backports
# shellcheck disable=SC2086  # none or one
APT_CONFIG=$(sh "$here/apt.sh" "$folder" "$(dpkg --print-architecture)" $backports)
export APT_CONFIG DEBIAN_FRONTEND=noninteractive
echo "installing $wanted"
# another apt may be at work: it is waited for
# shellcheck disable=SC2086  # a list of words on purpose
apt-get install -qq -y -o DPkg::Lock::Timeout=300 -o Dpkg::Use-Pty=0 --no-install-recommends $wanted >"$folder/log" 2>&1 || {
    tail -n 20 "$folder/log" >&2
    exit 1
}
left=$(missing)
if [ -n "$left" ]; then
    echo "an emulated Pi needs $left(QEMU $least or newer), which this Debian does not have" >&2
    exit 2
fi
