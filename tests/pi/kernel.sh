#!/bin/sh
# FOLDER/vmlinuz and FOLDER/initrd of an emulated Pi: Debian's own arm64 kernel as it is, with its own dht11
# driver, and one module of ours beside it, compiled for it here.
#
#     sh tests/pi/kernel.sh FOLDER
set -eu
PATH="$PATH:/usr/sbin:/sbin"
here=$(cd "$(dirname "$0")" && pwd)
mkdir -p "$1"
out=$(cd "$1" && pwd)
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
trap 'exit 1' INT TERM HUP

# 6.12, as Raspberry Pi OS Trixie has it: in Debian 13 itself, in Debian 12's backports. It is compiled by the
# compiler of the same Debian, and what its headers run here is of the same Debian too.
codename=$(. /etc/os-release && echo "${VERSION_CODENAME:-}")
suite=$codename
[ "$codename" != bookworm ] || suite=bookworm-backports
others=
[ "$suite" = "$codename" ] || others=$codename
# shellcheck disable=SC2086  # none or one
APT_CONFIG=$(sh "$here/apt.sh" "$work/apt" arm64 "$suite" $others)
export APT_CONFIG
version=$(apt-cache -o "APT::Default-Release=$suite" depends linux-headers-arm64 |
    sed -n 's/.*Depends: linux-headers-\(.*\)-arm64$/\1/p' | head -n 1)
[ -n "$version" ] || { echo "no arm64 kernel in $suite" >&2; exit 1; }
cd "$work"
apt-get -qq download "linux-image-$version-arm64" "linux-headers-$version-arm64" "linux-headers-$version-common" \
    "linux-kbuild-$version:$(dpkg --print-architecture)" busybox-static
mkdir tree
for package in linux-headers-*.deb linux-kbuild-*.deb busybox-*.deb; do dpkg-deb -x "$package" tree; done
dpkg-deb --fsys-tarfile linux-image-*.deb | tar -x -C tree --exclude './usr/share/*' --exclude './boot/System.map*'

name=$version-arm64
mkdir module
cp "$here/dhtsim/dhtsim.c" "$here/dhtsim/Makefile" module/
headers=$work/tree/usr/src/linux-headers-$version
# without CONFIG_DEBUG_INFO_BTF_MODULES: pahole would want all of the kernel's debug information
make -s -C "$headers-common" O="$headers-arm64" M="$work/module" ARCH=arm64 CROSS_COMPILE=aarch64-linux-gnu- \
    KERNELRELEASE="$name" CONFIG_DEBUG_INFO_BTF_MODULES= modules >module.log 2>&1 || { cat module.log >&2; exit 1; }

ram=$work/ram
mkdir -p "$ram/bin" "$ram/dev" "$ram/proc" "$ram/sys" "$ram/root" "$ram/modules"
cp "$(find tree -path '*/bin/busybox' -type f)" "$ram/bin/busybox"
install -m 755 "$here/guest/initrd-init" "$ram/init"
if [ -d tree/usr/lib/modules ]; then tree=$work/tree/usr; else tree=$work/tree; fi
depmod -b "$tree" "$name"
for module in crc32c_generic ext4 virtio_blk virtio_net virtio-rng dht11; do
    modprobe -d "$tree" -S "$name" --show-depends "$module"
done | awk '$1 == "insmod" && !seen[$2]++ { print $2 }' | while read -r file; do
    plain=$(basename "$file" .xz)
    case $file in *.xz) xz -dc "$file" ;; *) cat "$file" ;; esac >"$ram/modules/$plain"
    echo "$plain"
done >"$ram/modules/order"
cp module/dhtsim.ko "$ram/modules/"
echo dhtsim.ko >>"$ram/modules/order"
(cd "$ram" && find . | LC_ALL=C sort | cpio --quiet -o -H newc -R 0:0) | gzip -1 >"$out/initrd"
cp "tree/boot/vmlinuz-$name" "$out/vmlinuz"
echo "$name" >"$out/version"
