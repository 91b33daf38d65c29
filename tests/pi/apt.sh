#!/bin/sh
# An apt of its own, for suites and machines that this one's apt is not set up for: the package source is this
# machine's own, only the suite is another, and nothing of the machine's own apt is changed.
#
#     export APT_CONFIG="$(sh tests/pi/apt.sh FOLDER ARCHITECTURE SUITE [SUITE...])"
#     apt-get download PACKAGE; apt-get install -t SUITE PACKAGE; apt-cache policy PACKAGE ...
#
# ARCHITECTURE is the one whose packages are meant when none is named. For this machine's own, what is installed
# here counts (so `install` works), and of the suites beside its own only QEMU is taken; for another one nothing
# is installed yet (so `download` works, and all versions count alike).
set -eu
folder=$1 architecture=$2
shift 2

own=$(dpkg --print-architecture)
codename=$(. /etc/os-release && echo "${VERSION_CODENAME:-}")
# REPO_URI RELEASE COMPONENT, however the sources are written
targets=$(APT_CONFIG='' apt-get indextargets --no-release-info --format '$(REPO_URI) $(RELEASE) $(COMPONENT)' \
    'Created-By: Packages' | sort -u)
uri=$(echo "$targets" | awk -v name="$codename" '$2 == name && $3 == "main" { print $1; exit }')
if [ -z "$uri" ]; then
    echo "apt here has no source for $codename main, so there is none to take other suites from: apt-get indextargets" >&2
    exit 2
fi

mkdir -p "$folder/apt.conf.d" "$folder/preferences.d" "$folder/sources.list.d" "$folder/trusted.gpg.d" \
    "$folder/lists/partial" "$folder/archives/partial"
folder=$(cd "$folder" && pwd)
keyring=/usr/share/keyrings/debian-archive-keyring.gpg
options="[arch=$architecture,$own signed-by=$keyring]"
[ -e "$keyring" ] || options="[arch=$architecture,$own]"
status=/dev/null
: >"$folder/sources.list"
: >"$folder/preferences"
if [ "$architecture" = "$own" ]; then
    status=/var/lib/dpkg/status
    echo "$targets" | sed "s|^|deb $options |" >"$folder/sources.list"
    printf 'Package: qemu-system-*\nPin: release n=%s-backports\nPin-Priority: 990\n' "$codename" \
        >"$folder/preferences"
fi
for suite in "$@"; do echo "deb $options $uri $suite main"; done >>"$folder/sources.list"
cat >"$folder/apt.conf" <<CONF
Dir::Etc "$folder";
Dir::State::lists "$folder/lists";
Dir::State::status "$status";
Dir::Cache::archives "$folder/archives";
Dir::Cache::pkgcache "";
Dir::Cache::srcpkgcache "";
APT::Architecture "$architecture";
APT::Architectures { "$architecture"; "$own"; };
APT::Sandbox::User "root";
APT::Install-Recommends "false";
Acquire::Languages "none";
Acquire::Retries "3";
CONF
APT_CONFIG="$folder/apt.conf" apt-get -qq update >&2
echo "$folder/apt.conf"
