"""All that pip needs on a Pi without a network: picanary's wheel and what it asks for, for that Pi."""

import subprocess
import sys
import zipfile
from collections.abc import Callable, Sequence
from email.message import Message
from email.parser import Parser
from hashlib import sha256
from pathlib import Path

from edge.errors import ConfigError, MissingExtra, PicanaryError

Target = tuple[str, str]  # (machine as `uname -m` says it, Python as 3.11)
# Every C library up to Bookworm's (2.36); Trixie's is newer.
_GLIBC = (17, 24, 26, 27, 28, 31, 34, 35, 36)
LIST = "for.txt"
_EXCUSE = "give a folder that has it by --wheelhouse, or let pip look elsewhere by --pip-option"


class WheelhouseError(PicanaryError):
    """The wheels for a Pi could not be had."""


def requirements(wheel: Path, target: Target, extras: Sequence[str] = ()) -> list[str]:
    """What the wheel asks for on that machine. pip itself would judge the markers by this one."""
    try:
        from packaging.requirements import Requirement
    except ModuleNotFoundError as error:
        raise MissingExtra("wheels are chosen with packaging: pip install 'picanary[deploy]'") from error
    machine, python = target
    there = {
        "platform_machine": machine,
        "python_version": python,
        "python_full_version": f"{python}.0",
        "sys_platform": "linux",
        "platform_system": "Linux",
        "os_name": "posix",
        "implementation_name": "cpython",
        "platform_python_implementation": "CPython",
    }
    asked = (Requirement(text) for text in metadata(wheel).get_all("Requires-Dist") or [])
    chosen = [{**there, "extra": extra} for extra in ("", *extras)]
    return [
        f"{each.name}{each.specifier}"
        for each in asked
        if each.marker is None or any(each.marker.evaluate(one) for one in chosen)
    ]


class Wheelhouse:
    """The wheels for `targets`, in `folder`; `for.txt` there says for what they were chosen."""

    def __init__(
        self, folder: Path, wheel: Path, targets: Sequence[Target], extras: Sequence[str] = ()
    ) -> None:
        self._folder = folder
        self._wheel = wheel
        self._asked = {target: requirements(wheel, target, extras) for target in targets}

    def there(self) -> Path | None:
        """The folder, if all that is asked for is there and whole; else None."""
        try:
            said = (self._folder / LIST).read_text()
            return self._folder if said == self._list(self._folder) else None
        except OSError:
            return None

    def fetched(
        self, to: Path, found: Path | None, options: Sequence[str], say: Callable[[str], None]
    ) -> Path:
        """The folder that has them: its own, or `to`, filled by pip, from `found` alone when given.

        Raises WheelhouseError when one is missing, ConfigError when `found` is no folder of wheels.
        """
        if found is not None and not any(found.glob("*.whl")):
            raise ConfigError(f"{found} has no wheels: pip download makes such a folder")
        if there := self.there():
            return there
        source = [] if found is None else ["--no-index", "--find-links", str(found)]
        for target, wanted in self._asked.items():
            if not wanted:
                continue
            say(f"fetching wheels for {target[0]}, Python {target[1]}")
            _download(target, wanted, [*source, *options], to)
        (to / LIST).write_text(self._list(to))
        return to

    def _list(self, folder: Path) -> str:
        lines = [f"{' '.join(target)}: {', '.join(wanted)}" for target, wanted in self._asked.items()]
        others = (path for path in sorted(folder.glob("*.whl")) if not path.name.startswith("picanary-"))
        sums = [f"{sha256(path.read_bytes()).hexdigest()}  {path.name}" for path in others]
        return "\n".join([*lines, *sums, ""])


def metadata(wheel: Path) -> Message:
    """The METADATA of a wheel, as a message."""
    with zipfile.ZipFile(wheel) as archive:
        name = next(each for each in archive.namelist() if each.endswith(".dist-info/METADATA"))
        return Parser().parsestr(archive.read(name).decode())


def _download(target: Target, wanted: Sequence[str], options: Sequence[str], to: Path) -> None:
    machine, python = target
    names = [f"manylinux_2_{minor}_{machine}" for minor in _GLIBC]
    platforms = [f"manylinux2014_{machine}", f"linux_{machine}", *names]
    command = [
        sys.executable,
        "-m",
        "pip",
        "download",
        "--quiet",
        "--disable-pip-version-check",
        "--no-input",
    ]
    command += [
        "--only-binary=:all:",
        "--implementation",
        "cp",
        "--python-version",
        python,
        "--dest",
        str(to),
    ]
    command += [word for name in platforms for word in ("--platform", name)]
    done = subprocess.run([*command, *options, *wanted], capture_output=True, text=True, check=False)
    if done.returncode != 0:
        lines = [line for line in done.stderr.splitlines() if line.startswith("ERROR: ")]
        reason = (lines or ["pip said nothing"])[0].removeprefix("ERROR: ")
        raise WheelhouseError(f"no wheels for {machine} with Python {python}: {reason}; {_EXCUSE}")
