"""What a Raspberry Pi's firmware does with an overlay and its parameters, as its documentation tells it.

Only what our overlays use: a number put into a cell (`gpios:4`), a unit address (`reg:0`, which also names
the node), a dormant fragment that is wanted (`+3`). The merging itself is libfdt's, by Debian's fdtoverlay.
"""

import re
import subprocess
from pathlib import Path

Parameters = dict[str, str]


def dtc(text: str, to: Path) -> Path:
    """Source compiled, with its symbols."""
    _run("dtc", "-q", "-@", "-I", "dts", "-O", "dtb", "-o", str(to), "-", text=text)
    return to


def source(blob: Path) -> str:
    """A blob decompiled."""
    return _run("dtc", "-q", "-I", "dtb", "-O", "dts", str(blob))


def value(blob: Path, node: str, name: str) -> bytes:
    """A property's bytes. Raises KeyError."""
    try:
        words = _run("fdtget", "-t", "bx", str(blob), node, name).split()
    except subprocess.CalledProcessError as error:
        raise KeyError(f"{node} {name}: {error.stderr.strip()}") from error
    return bytes(int(word, 16) for word in words)


def cells(blob: Path, node: str, name: str) -> list[int]:
    """A property's numbers of 32 bits. Raises KeyError."""
    found = value(blob, node, name)
    return [int.from_bytes(found[at : at + 4]) for at in range(0, len(found), 4)]


def words(blob: Path, node: str, name: str) -> list[str]:
    """A property's strings. Raises KeyError."""
    return value(blob, node, name).decode().rstrip("\0").split("\0")


def nodes(blob: Path) -> dict[int, str]:
    """Where each node is that has a phandle."""
    path: list[str] = []
    found = {}
    for line in source(blob).splitlines():
        if match := re.match(r"\s*([^\s=;]+) \{$", line):
            path.append(match[1])
        elif line.strip() == "};":
            path.pop()
        elif match := re.match(r"\s*phandle = <(0x[0-9a-f]+)>;$", line):
            found[int(match[1], 16)] = "/".join(["", *path[1:]])
    return found


def merged(board: Path, overlays: list[Path], to: Path) -> Path:
    """The board's tree with the overlays put on."""
    _run("fdtoverlay", "-i", str(board), "-o", str(to), *map(str, overlays))
    return to


def with_parameters(overlay: Path, parameters: Parameters, to: Path) -> Path:
    """The overlay as the firmware puts it on, after `dtoverlay=NAME,KEY=VALUE,…` in config.txt."""
    to.write_bytes(overlay.read_bytes())
    renamed: list[tuple[str, str]] = []
    wanted: set[str] = set()
    for key, given in parameters.items():
        for phandle, target in _targets(value(to, "/__overrides__", key)):
            if not phandle:
                wanted.add(target.removeprefix("+"))
                continue
            node, (name, offset) = nodes(to)[phandle], target.split(":")
            _put(to, node, name, int(offset), int(given, 0))
            if name == "reg":
                old = node.rsplit("/", 1)[1]
                renamed.append((old, f"{old.split('@')[0]}@{int(given, 0):x}"))
    return dtc(_edited(source(to), renamed, wanted), to)


def _targets(override: bytes) -> list[tuple[int, str]]:
    """(phandle, what to do there), as often as the parameter says."""
    found = []
    while override:
        text, _, rest = override[4:].partition(b"\0")
        found.append((int.from_bytes(override[:4]), text.decode()))
        override = rest
    return found


def _put(blob: Path, node: str, name: str, offset: int, number: int) -> None:
    try:
        before = value(blob, node, name)
    except KeyError:
        if name == "reg":
            return  # it only names the node: the firmware does not make one
        before = b""
    after = before[:offset].ljust(offset, b"\0") + number.to_bytes(4) + before[offset + 4 :]
    _run("fdtput", "-t", "bx", str(blob), node, name, *(f"{byte:02x}" for byte in after))


def _edited(text: str, renamed: list[tuple[str, str]], wanted: set[str]) -> str:
    # the fix-ups name the nodes as well, in their own names and in strings
    for old, new in renamed:
        text = re.sub(rf"(?<![\w-]){re.escape(old)}(?![\w-])", new, text)
    for number in wanted:
        text = re.sub(rf"(fragment@{number} \{{[^{{}}]*)__dormant__", r"\1__overlay__", text)
        text = text.replace(f"/fragment@{number}/__dormant__", f"/fragment@{number}/__overlay__")
    return text


def _run(*command: str, text: str = "") -> str:
    return subprocess.run(command, input=text, capture_output=True, text=True, check=True).stdout
