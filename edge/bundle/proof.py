"""A bundle proves itself before it is trusted: its golden windows, scored in a child process.

`python -m edge.bundle.proof WHERE SECONDS < BUNDLE` is the child: it can crash, hang or ask for all memory,
and takes nothing with it. It gets the very bytes that will be used, not a file that may change.
"""

import ctypes
import errno
import json
import os
import resource
import signal
import subprocess
import sys
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np

from edge.bundle.bundle import LARGEST_BYTES, Bundle, unpack
from edge.child import child_command, child_environment
from edge.detection.network import import_runtime, let_it_print
from edge.errors import BundleError, PicanaryError

DEADLINE_S = 10.0
# Beyond what Python, numpy and the interpreter take. A bundle needs about 2 MiB; the agent's unit
# has 192 MiB for agent and child together.
MEMORY_BYTES = 64 * 1024 * 1024
NICENESS = 10
LONGEST_SENTENCE = 500
_REFUSED, _OUT_OF_MEMORY = 1, 3


@dataclass(frozen=True, slots=True)
class Proof:
    """What a child process found."""

    difference: float  # the largest, between the golden answers and this machine's
    windows: int
    peak_bytes: int  # of memory, Python and the interpreter included


def compare(bundle: Bundle) -> float:
    """The largest difference between the golden answers and this machine's. Raises BundleError."""
    try:
        inputs = np.asarray(bundle.golden["inputs"], np.float32)
        golden = np.asarray(bundle.golden["answers"], np.float64)
        tolerance = float(bundle.golden["tolerance"])
        answers = bundle.network().answer(inputs)
        difference = float(np.max(np.abs(answers - golden)))
    except BundleError:
        raise
    except (LookupError, TypeError, ValueError, RuntimeError) as error:
        raise BundleError(f"it fails on its golden windows: {error}") from error
    if not np.all(np.isfinite(answers)):
        raise BundleError("it answers its golden windows with what is not a number")
    if not difference <= tolerance:
        raise BundleError(
            f"it answers its golden windows with a difference of {difference:g}, {tolerance:g} is allowed"
        )
    return difference


def check(content: bytes, where: str, deadline_s: float = DEADLINE_S) -> None:
    """Score the golden windows of a bundle in a child process. Raises BundleError."""
    prove(content, where, deadline_s)


def prove(content: bytes, where: str, deadline_s: float = DEADLINE_S) -> Proof:
    """The same, and what was found. Raises BundleError, one sentence that begins with `where`."""
    command, environment = child_command("edge.bundle.proof", where, str(deadline_s)), child_environment()
    try:
        child = subprocess.run(
            command, input=content, capture_output=True, timeout=deadline_s, env=environment, check=False
        )
    except subprocess.TimeoutExpired as error:
        raise BundleError(f"{where}: the model hung for {deadline_s:g} s on its golden windows") from error
    except (OSError, ValueError) as error:
        raise BundleError(f"{where}: the process that proves a model cannot be started: {error}") from error
    if child.returncode not in (0, _REFUSED):
        raise BundleError(f"{where}: {_ending(child)}")
    try:
        found = json.loads(child.stdout.splitlines()[-1])
        proof = None if child.returncode else Proof(**found)
    except (LookupError, TypeError, ValueError) as error:
        raise BundleError(f"{where}: {_ending(child)}") from error
    if proof is None:
        raise BundleError(found)
    return proof


def _ending(child: "subprocess.CompletedProcess[bytes]") -> str:
    """What became of a child that did not end as it should."""
    said = child.stderr.decode(errors="replace").strip().splitlines()
    # C++ has no other way to say so than to abort
    if child.returncode == _OUT_OF_MEMORY or any("bad_alloc" in line for line in said):
        return f"the model asks for more memory than the {MEMORY_BYTES >> 20} MiB that it may have"
    if child.returncode == -signal.SIGXCPU:
        return "the model hung on its golden windows until its processor time was used up"
    if child.returncode < 0:
        return f"the model crashed on its golden windows ({_signal(-child.returncode)})"
    last = f": {_one_line(said[-1])}" if said else ""
    return f"the process that proves a model failed with status {child.returncode}{last}"


def _one_line(text: str) -> str:
    """What the interpreter, or a child that crashed, had to say, fit for a sentence."""
    line = "".join(c if c.isprintable() else " " for c in text)
    return line if len(line) <= LONGEST_SENTENCE else line[: LONGEST_SENTENCE - 3] + "..."


def _signal(number: int) -> str:
    try:
        return signal.Signals(number).name
    except ValueError:
        return f"signal {number}"


def main(arguments: list[str]) -> int:
    """The child: 0 when the bundle answers as it should, and what it found on standard output."""
    where, deadline_s = arguments[0], float(arguments[1])
    content = sys.stdin.buffer.read(LARGEST_BYTES + 1)
    let_it_print()  # `_ending` reads what it says before it aborts
    _limit(deadline_s)
    try:
        bundle = unpack(content, where)
        _last_error().value = 0
        difference = compare(bundle)
    except MemoryError:
        return _OUT_OF_MEMORY
    except PicanaryError as error:
        if _last_error().value == errno.ENOMEM:
            return _OUT_OF_MEMORY
        sentence = str(error)
        print(json.dumps(_one_line(sentence if sentence.startswith(where) else f"{where}: {sentence}")))
        return _REFUSED
    print(json.dumps(asdict(Proof(difference, len(bundle.golden["inputs"]), _peak_bytes()))))
    return 0


def _peak_bytes() -> int:
    """Memory in use at most; getrusage would tell what the parent used before it started us."""
    with suppress(OSError):
        for line in Path("/proc/self/status").read_text().splitlines():
            if line.startswith("VmHWM:"):
                return int(line.split()[1]) * 1024
    return 0


def _last_error() -> ctypes.c_int:
    """C's errno: the interpreter says that an operation failed, and not that memory was why."""
    place = ctypes.CDLL(None).__errno_location
    place.restype = ctypes.POINTER(ctypes.c_int)
    number: ctypes.c_int = place().contents
    return number


def _limit(deadline_s: float) -> None:
    """Take from this process what it might harm others with; where the system forbids, as it stands."""
    import_runtime()  # what it needs for itself is not the model's
    _set_limit(resource.RLIMIT_CORE, 0)
    # should the parent be killed, nobody else would end us
    used = resource.getrusage(resource.RUSAGE_SELF)
    _set_limit(resource.RLIMIT_CPU, int(used.ru_utime + used.ru_stime + deadline_s) + 2)
    with suppress(OSError):
        pages = int(Path("/proc/self/statm").read_text().split()[0])
        _set_limit(resource.RLIMIT_AS, pages * resource.getpagesize() + MEMORY_BYTES)
    with suppress(OSError):
        os.nice(NICENESS)
    with suppress(OSError):
        # if the whole machine runs short, this process goes first
        Path("/proc/self/oom_score_adj").write_text("1000")


def _set_limit(which: int, limit: int) -> None:
    _, hard = resource.getrlimit(which)
    if hard != resource.RLIM_INFINITY:
        limit = min(limit, hard)
    with suppress(OSError, ValueError):
        resource.setrlimit(which, (limit, limit))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
