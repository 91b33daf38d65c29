"""What Raspberry Pi Imager (2 or newer) has to know before it offers to customise an image.

For an image that is merely chosen as a file it offers nothing: it cannot tell how that is customised.
"""

import hashlib
import json
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

ENDING = ".rpi-imager-manifest"
# `cloudinit-rpi` would be for a cloud-init with Raspberry Pi's own module, which Debian's has not; so there
# are no capabilities (I2C, serial and so on) that it could switch on either.
FORMAT = "cloudinit"
_BOARDS = (
    ("Raspberry Pi 4", "4 Model B, 400, Compute Module 4", "pi4-64bit"),
    ("Raspberry Pi 3", "3 Model B, 3 Model B+, 3 Model A+, Zero 2 W", "pi3-64bit"),
)


@dataclass(frozen=True, slots=True)
class Content:
    """An image before it is packed: its size in bytes, and the SHA-256 by which Imager checks it."""

    size: int
    sha256: str


def content(image: Path) -> Content:
    """What is in it."""
    with image.open("rb") as file:
        return Content(image.stat().st_size, hashlib.file_digest(file, "sha256").hexdigest())


def write(file: Path, image: Content, description: str, epoch: int) -> Path:
    """The manifest for `file`, which is the image or has it packed. It names the file where it lies now."""
    entry = {
        "name": "picanary",
        "description": description,
        "icon": "icons/cat_home_automation.png",  # of Imager's own
        "url": file.resolve().as_uri(),
        "extract_size": image.size,
        "extract_sha256": image.sha256,
        "image_download_size": file.stat().st_size,
        "release_date": datetime.fromtimestamp(epoch, UTC).date().isoformat(),
        "init_format": FORMAT,
        "architecture": "armv8",
        "devices": [tag for _, _, tag in _BOARDS],
    }
    boards = [
        {
            "name": name,
            "description": models,
            "tags": [tag],
            "icon": "icons/cat_raspberry_pi_os.png",
            "matching_type": "exclusive",
            "architecture": "armv8",
            "capabilities": [],
        }
        for name, models, tag in _BOARDS
    ]
    document = {"imager": {"devices": boards}, "os_list": [entry]}
    place = file.with_name(file.name.partition(".img")[0] + ENDING)
    place.write_text(json.dumps(document, indent=2) + "\n")
    return place
