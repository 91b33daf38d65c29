"""A freshly flashed card becomes the appliance, offline: only its FAT boot partition is written.

order.py           what the flags ask for
boot_partition.py  what system the card holds, and whether it is still fresh
first_boot.py      which of the systems' ways of customising a first boot it has; our line in each
cloud_config.py    ... cloud-init's user-data
firstrun.py        ... the script that systemd runs, with its words on the kernel's command line
preseed.py         ... Imager's newest TOML
kernel_line.py     cmdline.txt
config_txt.py      the sensor's lines in config.txt
wifi.py            a network of ours beside Imager's
payload.py         the folder that the card carries until the first boot
plan.py            what would change, shown and then written
begin.sh           run by the system's own customisation: makes a service of first-boot.sh
first-boot.sh      installs, and takes everything off the boot partition again
"""
