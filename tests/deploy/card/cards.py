"""Boot partitions as the images and Raspberry Pi Imager leave them, file by file.

After pi-gen (stage1/00-boot-files, stage2/04-cloud-init), rpi-imager 2 (customization_generator.cpp,
downloadthread.cpp) and rpi-preseed: keys, order and layout are theirs, names and secrets are not.
"""

from pathlib import Path

CONFIG = """\
# For more options and information see
# http://rptl.io/configtxt

# Uncomment some or all of these to enable the optional hardware interfaces
#dtparam=i2c_arm=on
#dtparam=spi=on

# Enable audio (loads snd_bcm2835)
dtparam=audio=on
camera_auto_detect=1
auto_initramfs=1
dtoverlay=vc4-kms-v3d
max_framebuffers=2
arm_boost=1

[cm4]
otg_mode=1

[cm5]
dtoverlay=dwc2,dr_mode=host

[all]
"""
ISSUE = (
    "Raspberry Pi reference {date}\nGenerated using pi-gen, https://github.com/RPi-Distro/pi-gen, 0, stage2\n"
)
ROOT = (
    "console=serial0,115200 console=tty1 root=PARTUUID=7351b90c-02 rootfstype=ext4 fsck.repair=yes rootwait"
)
BOOKWORM_LINE = f"{ROOT} quiet init=/usr/lib/raspberrypi-sys-mods/firstboot"
TRIXIE_LINE = f"{ROOT} resize"
KEY = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIDAxMjM0NTY3ODlhYmNkZWYwMTIzNDU2Nzg5YWJjZGVm me@laptop"
HASH = "$y$j9T$MDEyMzQ1Njc4OWFi$0123456789abcdefghijklmnopqrstuvwxyzABCDEFG"
PSK = "0123456789abcdef" * 4

FIRSTRUN = f"""\
#!/bin/sh

set +e

CURRENT_HOSTNAME=$(cat /etc/hostname | tr -d " \\t\\n\\r")
if [ -f /usr/lib/raspberrypi-sys-mods/imager_custom ]; then
   /usr/lib/raspberrypi-sys-mods/imager_custom set_hostname attic
else
   echo attic >/etc/hostname
   sed -i "s/127.0.1.1.*$CURRENT_HOSTNAME/127.0.1.1\\tattic/g" /etc/hosts
fi
FIRSTUSER=$(getent passwd 1000 | cut -d: -f1)
FIRSTUSERHOME=$(getent passwd 1000 | cut -d: -f6)
if [ -f /usr/lib/raspberrypi-sys-mods/imager_custom ]; then
   /usr/lib/raspberrypi-sys-mods/imager_custom enable_ssh -k '{KEY}'
fi
if [ -f /usr/lib/userconf-pi/userconf ]; then
   /usr/lib/userconf-pi/userconf 'me' '{HASH}'
fi
if [ -f /usr/lib/raspberrypi-sys-mods/imager_custom ] && true; then
   /usr/lib/raspberrypi-sys-mods/imager_custom set_wlan 'home' '{PSK}' 'GB'
fi
rm -f /boot/firstrun.sh
sed -i 's| systemd.run.*||g' /boot/cmdline.txt
exit 0
"""
IMAGER_WORDS = (
    " systemd.run=/boot/firstrun.sh systemd.run_success_action=reboot systemd.unit=kernel-command-line.target"
)

SHIPPED_USER_DATA = """\
#cloud-config

# This is the user-data configuration file for cloud-init.

## Set the system's hostname.
#hostname: raspberrypi

## Run arbitrary commands at rc.local like time
#runcmd:
#- [ ls, -l, / ]
"""
SHIPPED_META = (
    "# This is the meta-data configuration file for cloud-init.\ndsmode: local\ninstance_id: rpios-image\n"
)
SHIPPED_NETWORK = "# This file contains a netplan-compatible configuration\n#network:\n#  version: 2\n"

INSTANCE = "rpi-imager-1790000000000"
USER_DATA = f"""\
#cloud-config
manage_resolv_conf: false

hostname: attic
manage_etc_hosts: true
packages:
- avahi-daemon
apt:
  preserve_sources_list: true
  conf: |
    Acquire {{
      Check-Date "false";
    }};
timezone: Europe/London
keyboard:
  model: pc105
  layout: "gb"
user:
  name: me
  shell: /bin/bash
  lock_passwd: false
  passwd: "{HASH}"
  ssh_authorized_keys:
    - "{KEY}"
  sudo: null
ssh_pwauth: false
runcmd:
  - [ systemctl, enable, --now, ssh ]
  - [ chmod, '0440', '/etc/sudoers.d/010_me-nopasswd' ]
"""
NETWORK = f"""\
network:
  version: 2
  ethernets:
    eth0:
      dhcp4: true
      dhcp6: true
      optional: true
  wifis:
    wlan0:
      dhcp4: true
      regulatory-domain: "GB"
      access-points:
        "home":
          password: "{PSK}"
      optional: true
"""
PRESEED = f"""\
config_version = "1.0"

[system]
hostname = "attic"

[user]
name = "me"
password = "{HASH}"
password_encrypted = true
groups = ["sudo"]

[ssh]
enabled = true
password_authentication = false
authorized_keys = [
  "{KEY}",
]

[wlan]
ssid = "home"
password = "{PSK}"
password_encrypted = true
hidden = false
country = "GB"
"""


def bookworm(folder: Path) -> Path:
    """Raspberry Pi OS Bookworm, 64-bit, without Imager."""
    return _written(folder, BOOKWORM_LINE + "\n", {"issue.txt": ISSUE.format(date="2025-05-13")})


def bookworm_imager(folder: Path) -> Path:
    """The same, customised by Imager: format `systemd`. Imager leaves no newline."""
    files = {"firstrun.sh": FIRSTRUN, "issue.txt": ISSUE.format(date="2025-05-13")}
    return _written(folder, BOOKWORM_LINE + IMAGER_WORDS, files)


def trixie(folder: Path) -> Path:
    """Raspberry Pi OS Trixie, 64-bit, without Imager: seeds that are all comment."""
    seeds = {"user-data": SHIPPED_USER_DATA, "meta-data": SHIPPED_META, "network-config": SHIPPED_NETWORK}
    return _written(folder, TRIXIE_LINE + "\n", {"issue.txt": ISSUE.format(date="2026-06-16"), **seeds})


def trixie_imager(folder: Path) -> Path:
    """The same, customised by Imager 2: format `cloudinit-rpi`."""
    seeds = {"user-data": USER_DATA, "meta-data": f"instance-id: {INSTANCE}\n", "network-config": NETWORK}
    line = f"{TRIXIE_LINE} ds=nocloud;i={INSTANCE}"
    return _written(folder, line, {"issue.txt": ISSUE.format(date="2026-06-16"), **seeds})


def trixie_preseed(folder: Path) -> Path:
    """An image with rpi-preseed, customised by Imager's newest format."""
    files = {"issue.txt": ISSUE.format(date="2026-06-16"), "rpi-preseed.toml": PRESEED}
    return _written(folder, TRIXIE_LINE + "\n", files)


def plain_cloud_init(folder: Path) -> Path:
    """A Debian image of one's own, with a seed on its FAT."""
    seeds = {
        "meta-data": "instance-id: edge-lab-1\nlocal-hostname: attic\n",
        "user-data": "#cloud-config\nhostname: attic\nruncmd:\n- [ sh, -c, 'echo hello' ]\n",
    }
    return _written(folder, "root=LABEL=rootfs rw console=ttyAMA0\n", seeds)


CARDS = {
    "bookworm": bookworm,
    "bookworm, Imager": bookworm_imager,
    "trixie": trixie,
    "trixie, Imager": trixie_imager,
    "trixie, preseed": trixie_preseed,
    "plain cloud-init": plain_cloud_init,
}


def _written(folder: Path, line: str, files: dict[str, str]) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    for name, text in {"cmdline.txt": line, "config.txt": CONFIG, "kernel8.img": "", **files}.items():
        (folder / name).write_text(text)
    return folder
