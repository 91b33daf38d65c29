#!/bin/sh
# FOLDER/root.ext4, the root of an emulated Pi, with Debian 13's arm64 Python and little else. Packages are unpacked
# and nothing of them is run, so no emulation, no loop device and no mount is needed.
#
#     sh tests/pi/rootfs.sh FOLDER
set -eu
PATH="$PATH:/usr/sbin:/sbin"
here=$(cd "$(dirname "$0")" && pwd)
mkdir -p "$1"
file=$(cd "$1" && pwd)/root.ext4
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
trap 'exit 1' INT TERM HUP

suite=trixie
packages=base-files,base-passwd,ca-certificates,coreutils,dash,grep,iproute2,libc-bin,libgomp1,libstdc++6,mount
packages=$packages,procps,python3,python3-venv,sed,util-linux
APT_CONFIG=$(sh "$here/apt.sh" "$work/apt" arm64 "$suite") || exit 2
sed 's/arch=[^ ]*/arch=arm64/' "$work/apt/sources.list" >"$work/sources.list"
# an empty status and no hooks: what `extract` leaves is just the packages' files
mmdebstrap --quiet --architectures=arm64 --variant=extract --skip=check/qemu --include="$packages" \
    --aptopt='Acquire::Retries "3"' \
    --dpkgopt='path-exclude=/usr/share/doc/*' --dpkgopt='path-exclude=/usr/share/man/*' \
    --dpkgopt='path-exclude=/usr/share/locale/*' --dpkgopt='path-exclude=/usr/share/zoneinfo/*' \
    "$suite" "$work/root" "$work/sources.list"
cd "$work/root"
rm -rf var/cache/apt var/lib/apt var/lib/dpkg
cp usr/share/base-passwd/passwd.master etc/passwd
cp usr/share/base-passwd/group.master etc/group
echo 'hosts: files dns' >etc/nsswitch.conf
echo '127.0.0.1 localhost' >etc/hosts
mkdir -p guest opt/picanary
install -m 755 "$here/guest/init" guest/init
cd "$work"
mke2fs -q -t ext4 -L pi -m 0 -O ^orphan_file,^metadata_csum_seed -d root "$file" 600M
