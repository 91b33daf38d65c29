"""firstrun.sh: the script that systemd runs once on Bookworm, by words on the kernel's line."""

import re

from edge.errors import ConfigError

NAME = "firstrun.sh"
PLACE = f"/boot/firmware/{NAME}"
# As Imager writes it; Bookworm's initramfs makes it /boot/firmware/, and cuts the script off at its rm.
IMAGER_PLACE = f"/boot/{NAME}"
WORDS = (
    f"systemd.run={PLACE}",
    "systemd.run_success_action=reboot",
    "systemd.unit=kernel-command-line.target",
)

_END = re.compile(rb"(?m)^.*rm.*firstrun\.sh\r?$")  # what raspberrypi-sys-mods' imager_fixup looks for
_EXIT = re.compile(rb"(?m)^exit 0[ \t]*\r?$")

_NEW = """\
#!/bin/sh
# Written by python -m deploy card: the same end as Raspberry Pi Imager gives its own.
set +e
{line}
rm -f {place}
sed -i 's| systemd\\.[^ ]*||g' /boot/firmware/cmdline.txt
exit 0
"""


def hostname(script: bytes | None) -> str | None:
    """The machine's name that Imager put into the script."""
    found = re.search(rb"imager_custom set_hostname (\S+)", script or b"")
    return found[1].decode() if found else None


def with_line(script: bytes | None, line: str) -> bytes:
    """The script with our line before its end, where it is run and not cut off; a script if there was none.

    Raises ConfigError for a script that is none of a shell's.
    """
    if script is None:
        return _NEW.format(line=line, place=PLACE).encode()
    if not re.match(rb"#! ?/(usr/)?bin/(env )?(ba|da)?sh", script):
        raise ConfigError(f"{NAME} is no shell script, so nothing can be added to it: flash the card anew")
    ours = line.encode()
    if ours in script.splitlines():
        return script
    end = _END.search(script) or _EXIT.search(script)
    at = end.start() if end else len(script)
    before = script[:at]
    if before and not before.endswith(b"\n"):
        before += b"\n"
    return before + ours + b"\n" + script[at:]
