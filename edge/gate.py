"""Between sensor and model: a broken sensor is not an anomalous room."""

import math
from dataclasses import dataclass, replace

from edge.reading import CHANNELS, Channel, Reading

# One failed reading is daily bread for a DHT; three in a row are not, nor is a silence of minutes.
FAULT_AFTER, FAULT_AFTER_S = 3, 120.0


def fault_after(period_s: float) -> int:
    """So many failed readings in a row, one every `period_s`, are a broken sensor."""
    return int(min(FAULT_AFTER, max(1, math.ceil(FAULT_AFTER_S / period_s))))


@dataclass(slots=True)
class Gate:
    """Lets plausible readings through and says when the sensor itself has failed."""

    channels: tuple[Channel, ...]
    fault_after: int = FAULT_AFTER
    failed_in_a_row: int = 0
    reason: str | None = None

    @property
    def sensor_fault(self) -> bool:
        """Whether so many readings in a row failed that the sensor must be broken."""
        return self.failed_in_a_row >= self.fault_after

    def check(self, reading: Reading) -> Reading:
        """The reading with its quality: as it came, `missing` or `rejected`."""
        self.reason = self._complaint(reading)
        if self.reason is None:
            self.failed_in_a_row = 0
            return reading
        self.failed_in_a_row += 1
        missing = any(reading.values.get(c.name) is None for c in self.channels)
        return replace(reading, quality="missing" if missing else "rejected")

    def _complaint(self, reading: Reading) -> str | None:
        for channel in self.channels:
            value = reading.values.get(channel.name)
            if value is None:
                return reading.complaint or f"the sensor gave no {channel.name}"
            if not channel.is_plausible(value):
                return f"the sensor says {channel.name} {value:g} {channel.unit}, which cannot be".replace(
                    "  ", " "
                )
        # A DHT on a broken line sends all zeros, and its checksum of zeros is right.
        measured = [reading.values[c.name] for c in self.channels if c.name in CHANNELS]
        if len(measured) > 1 and not any(measured):
            return "the sensor says zero for everything, as on a broken line"
        return None
