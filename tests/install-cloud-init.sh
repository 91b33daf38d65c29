#!/bin/sh
# cloud-init for its schema check alone, in a folder of its own: the installed package would act at every boot.
# usage: sh tests/install-cloud-init.sh [VENV]
set -eu
venv=$(cd "${1:-.venv}" && pwd)
place=$venv/cloud-init
if [ -x "$place/cloud-init" ]; then exit 0; fi
if [ "$(id -u)" != 0 ] || ! command -v apt-get >/dev/null 2>&1; then
    echo "tests: cloud-init is missing, its check of our user-data is skipped: as root on Debian it is fetched" >&2
    exit 0
fi
rm -rf "$place"
mkdir -p "$place/package"
cd "$place/package"
apt-get update -qq
apt-get -qq -o APT::Sandbox::User=root download cloud-init
dpkg -x cloud-init_*.deb .
# its own code asks for a jsonschema that still has RefResolver without a warning
"$venv/bin/python" -m pip install --quiet --disable-pip-version-check --target "$place/modules" \
    configobj jinja2 'jsonschema<4.18' oauthlib requests jsonpatch pyserial pyyaml netifaces-plus >/dev/null
cat >"$place/cloud-init" <<PROGRAM
#!/bin/sh
PYTHONPATH=$place/package/usr/lib/python3/dist-packages:$place/modules exec "$venv/bin/python" -m cloudinit.cmd.main "\$@"
PROGRAM
chmod +x "$place/cloud-init"
