"""The image made small for the way: Raspberry Pi Imager unpacks xz and zstd while it writes."""

from pathlib import Path

from deploy.image import tools

# zstd's level 19 takes minutes and saves little over 10
KINDS = {
    "xz": (".xz", ["xz", "--threads=0", "-6", "--keep", "--force"]),
    "zstd": (".zst", ["zstd", "--quiet", "--threads=0", "-10", "--keep", "--force"]),
}


def packed(image: Path, kind: str) -> Path:
    """The file beside it that now has the image; the image itself is gone. Raises ToolError."""
    ending, command = KINDS[kind]
    tools.call([*command, image])
    image.unlink()
    return image.with_name(image.name + ending)
