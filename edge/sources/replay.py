"""A recorded series as a sensor, so that the agent can live through it again."""

from edge.csvfile import read_csv
from edge.errors import ConfigError, EndOfRecording
from edge.reading import Channel, Reading
from edge.recording import Recording
from edge.sources.settings import SourceSettings


class Replay:
    """Gives the rows of a recording one by one, with their recorded times."""

    name = "replay"

    def __init__(self, recording: Recording) -> None:
        """Starts before the first row."""
        self.recording = recording
        self._row = 0

    @classmethod
    def open(cls, settings: SourceSettings) -> "Replay":
        """The CSV file of the settings. Raises ConfigError without one, RecordingError on a bad one."""
        if settings.file is None:
            raise ConfigError("source replay has no file; name the CSV file to replay")
        return cls(read_csv(settings.file, repair=settings.repair))

    @property
    def channels(self) -> tuple[Channel, ...]:
        """The channels of the recording."""
        return self.recording.channels

    @property
    def simulated(self) -> bool:
        """Whether a simulator made the recording; what stands in a file is taken for measured."""
        return self.recording.kinds is not None

    def read(self) -> Reading:
        """The next row at once, whatever its time. Raises EndOfRecording after the last."""
        if self._row >= len(self.recording):
            raise EndOfRecording(f"{self.recording.name} is over after {len(self.recording)} rows")
        self._row += 1
        return self.recording.reading(self._row - 1)

    def close(self) -> None:
        """Nothing to let go of."""
