#!/bin/sh
# Run once, by whatever customises the system at its first boot: `now`, or `later` when it reboots by itself.
# The work is a service, so that it begins anew after a power cut, and holds nothing up.
set -eu
root=${PICANARY_ROOT:-}
boot=$(cd "$(dirname "$0")" && pwd)
unit=picanary-first-boot.service
mkdir -p "$root/etc/systemd/system"
cat >"$root/etc/systemd/system/$unit" <<UNIT
[Unit]
Description=picanary: install from the boot partition
RequiresMountsFor=$boot
ConditionPathExists=$boot/first-boot.sh

[Service]
Type=oneshot
ExecStart=/bin/sh $boot/first-boot.sh
StandardOutput=journal+console
StandardError=journal+console

[Install]
WantedBy=multi-user.target
UNIT
systemctl daemon-reload
systemctl enable "$unit"
sync # whatever ran this will not run it again, and a power cut must not take it away
if [ "${1:-later}" = now ]; then systemctl start --no-block "$unit"; fi
