"""An image of its own (experimental): Debian with the agent in it, for the Pi 3 and 4.

tools.py        which programs it takes, and which of them are missing
sources.py      where Debian's packages come from: this machine's own apt
rootfs.py       Debian itself, as mmdebstrap makes it: a tar file
boot_files.py   the FAT partition: firmware, kernel, device trees, cloud-init's seed
overlays.py     the sensors' device tree overlays, which Debian does not bring
settings.py     what we lay over Debian: mounts, cloud-init, the first boot's service
partitions.py   FAT, ext4 and the table that cuts the image
packing.py      xz or zstd
manifest.py     what Raspberry Pi Imager wants to know
command.py      `python -m deploy image OUT.img`
"""
