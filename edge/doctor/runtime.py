"""Python, and the interpreter that runs the models."""

import platform
from collections.abc import Iterator

from edge import __version__
from edge.detection.network import import_runtime, runtime_version
from edge.doctor.report import Finding, fail, ok

SUBJECT = "runtime"


def runtime() -> Iterator[Finding]:
    """Whether the interpreter of the models loads in this Python."""
    here = f"picanary {__version__} in Python {platform.python_version()} on {platform.machine()}"
    try:
        import_runtime()
    except (ImportError, OSError) as error:
        yield fail(
            SUBJECT,
            f"{here}: the interpreter of the models does not load ({error})",
            "install picanary again with pip; the ARMv6 of the first Pi Zero has none",
        )
    else:
        yield ok(SUBJECT, f"{here}, {runtime_version()}")
