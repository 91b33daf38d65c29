"""Where readings come from: one file per source, and the registry of them.

To add a sensor: a file here whose class has what `Source` asks for, and a line in SOURCES.
"""

from collections.abc import Callable
from typing import Protocol

from edge.errors import ConfigError
from edge.reading import Channel, Reading
from edge.sources.settings import SourceSettings

__all__ = ["SOURCES", "Source", "SourceSettings", "open_source"]


class Source(Protocol):
    """Something that measures a room."""

    @property
    def name(self) -> str:
        """Its kind, a key of SOURCES."""

    @property
    def channels(self) -> tuple[Channel, ...]:
        """What it measures, in the order of edge.reading.in_order."""

    @property
    def simulated(self) -> bool:
        """Whether no real sensor ever measured this."""

    def read(self) -> Reading:
        """One fresh measurement. Raises SensorError when there is none."""

    def close(self) -> None:
        """Lets go of the hardware; harmless when done twice."""


# Each imports its own file only when asked for: hardware libraries are not everywhere.


def _iio(settings: SourceSettings) -> Source:
    from edge.sources.iio import Iio

    return Iio.open(settings)


def _dht(settings: SourceSettings) -> Source:
    from edge.sources.dht import Dht

    return Dht.open(settings)


def _simulator(settings: SourceSettings) -> Source:
    from edge.sources.simulator import Simulator

    return Simulator.open(settings)


def _replay(settings: SourceSettings) -> Source:
    from edge.sources.replay import Replay

    return Replay.open(settings)


SOURCES: dict[str, Callable[[SourceSettings], Source]] = {
    "iio": _iio,
    "dht": _dht,
    "simulator": _simulator,
    "replay": _replay,
}


def open_source(settings: SourceSettings) -> Source:
    """The source that the settings ask for. Raises ConfigError when it cannot be had here."""
    if settings.kind not in SOURCES:
        raise ConfigError(f"unknown source {settings.kind!r}; choose one of {', '.join(SOURCES)}")
    return SOURCES[settings.kind](settings)
