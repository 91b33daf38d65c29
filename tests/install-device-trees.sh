#!/bin/sh
# The device trees of the Pi 3, 4 and 5 as Debian's newest kernel brings them, for the overlays to be put on. Only
# the package that has them is fetched (5 MB) and unpacked into the environment; nothing is installed.
# usage: sh tests/install-device-trees.sh [VENV]
set -eu
here=$(cd "$(dirname "$0")" && pwd)
venv=$(cd "${1:-.venv}" && pwd)
place=$venv/device-trees
if [ -f "$place/bcm2712-rpi-5-b.dtb" ]; then exit 0; fi
if [ "$(id -u)" != 0 ] || ! command -v apt-get >/dev/null 2>&1; then
    echo "tests: the device trees of the Pi 3, 4 and 5 are missing, the tests of our overlays are skipped:" \
        "as root on Debian they are fetched" >&2
    exit 0
fi
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
trap 'exit 1' INT TERM HUP
APT_CONFIG=$(sh "$here/pi/apt.sh" "$folder/apt" arm64 trixie-backports) || {
    echo "tests: so there are no device trees, and the tests of our overlays are skipped" >&2
    if [ -n "${CI:-}" ]; then exit 1; fi # where all must be tested, that is no way out
    exit 0
}
export APT_CONFIG
package=$(apt-cache depends --important linux-base-arm64 | sed -n 's/^ *Depends: \(linux-base-[0-9].*\)/\1/p' | head -n 1)
cd "$folder"
apt-get -qq download "$package"
dpkg -x linux-base-*.deb unpacked
rm -rf "$place" "$place.part"
mkdir "$place.part"
for board in bcm2837-rpi-3-b bcm2837-rpi-3-b-plus bcm2837-rpi-zero-2-w bcm2711-rpi-4-b bcm2711-rpi-400 \
    bcm2712-rpi-5-b bcm2712-d-rpi-5-b; do
    find unpacked -path "*/broadcom/$board.dtb" -exec cp {} "$place.part/" \;
done
mv "$place.part" "$place"
