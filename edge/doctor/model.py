"""The model: whether it may judge this sensor on this machine."""

from collections.abc import Iterator
from pathlib import Path

from edge.bundle import proof
from edge.bundle.bundle import Bundle, read, unpack
from edge.bundle.compatibility import check_fits
from edge.bundle.default import default_content
from edge.bundle.keys import read_publics
from edge.config import Config
from edge.doctor.report import Finding, fail, ok, warn
from edge.errors import BundleError, ConfigError
from edge.pace import Pace
from edge.sources import Source
from edge.swap.beginning import NO_MODEL

SUBJECT = "bundle"
REFUSED = "convert or fetch it anew; until then the last good model judges, or none"


def model(config: Config, source: Source | None, pace: Pace | None) -> Iterator[Finding]:
    """Findings about the configured bundle, or the package's where none is; `source` as far as it opens."""
    file = config.agent.bundle
    if file == NO_MODEL:
        yield warn(SUBJECT, "none: readings go out without a verdict", 'leave out `bundle = "none"` for one')
        return
    try:
        bundle, signed = _proven(config, file)
    except (BundleError, FileNotFoundError) as error:
        yield fail(SUBJECT, str(error), REFUSED)
        return
    where = f"{bundle.label} ({'the package’s' if file is None else file})"
    yield ok(SUBJECT, f"{where}: whole{signed}, its golden windows come out right here")
    if source is None or pace is None:
        yield warn(SUBJECT, f"whether {bundle.label} fits the sensor is not known", "mend the sensor first")
        return
    try:
        check_fits(bundle, source.channels, pace.room_s, f"source {source.name}")
    except ConfigError as error:
        yield fail(SUBJECT, str(error))
    else:
        yield ok(SUBJECT, f"{bundle.label} fits source {source.name}, read every {pace.room_s:g} s")


def _proven(config: Config, file: Path | None) -> tuple[Bundle, str]:
    """The bundle after all that the agent asks of it, and what its signature is worth. Raises BundleError."""
    # the package's model is as trusted as the code that it came with
    keys = config.model.trusted_keys if file is not None else ()
    trusted = read_publics(keys) if keys else ()
    where = str(file) if file is not None else "the package's model"
    content = read(file) if file is not None else default_content()
    bundle = unpack(content, where, trusted)
    proof.check(content, where)
    return bundle, ", signed by a trusted key" if trusted else ""
