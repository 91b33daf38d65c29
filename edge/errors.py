"""What can go wrong, one leaf for each thing that a caller can do about it.

PicanaryError            one sentence: what, where, what to do
├── ConfigError          mend the command line or the TOML file
├── MissingExtra         install the extra that it names
├── RecordingError       mend the recorded data, or ask for --repair
├── SensorError          read again, later
├── EndOfRecording       stop: the replayed series has no more rows
├── BundleError          keep the last good bundle
├── JournalError         set the journal aside, or free the disk
└── BrokerError          wait and connect again
"""


class PicanaryError(Exception):
    """Root of all errors that picanary raises on purpose; its text is fit for a person."""


class ConfigError(PicanaryError, ValueError):
    """A setting is unknown, missing or out of range."""


class MissingExtra(PicanaryError, ImportError):
    """An optional dependency is not installed."""


class RecordingError(PicanaryError, ValueError):
    """A recorded series cannot be used as it is."""


class SensorError(PicanaryError):
    """The sensor gave no fresh measurement."""


class EndOfRecording(PicanaryError):
    """The replayed series has no more rows."""


class BundleError(PicanaryError, ValueError):
    """The bundle is damaged, of another format, or scores differently on this machine."""


class JournalError(PicanaryError):
    """The journal cannot be opened or written."""


class BrokerError(PicanaryError):
    """The broker cannot be reached or refuses us."""
