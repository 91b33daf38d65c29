"""Between sensor and model: a broken sensor is not an anomalous room."""

import math
from dataclasses import replace

from edge.gate_jump import Jumps
from edge.gate_mixup import mixup
from edge.reading import CHANNELS, Channel, Reading

# One failed reading is daily bread for a DHT; three in a row are not, nor is a silence of minutes.
FAULT_AFTER, FAULT_AFTER_S = 3, 120.0


def fault_after(period_s: float) -> int:
    """So many failed readings in a row, one every `period_s`, are a broken sensor."""
    return int(min(FAULT_AFTER, max(1, math.ceil(FAULT_AFTER_S / period_s))))


class Gate:
    """Lets plausible readings through and says when the sensor itself has failed."""

    def __init__(
        self, channels: tuple[Channel, ...], fault_after: int = FAULT_AFTER, speed: float = 1.0
    ) -> None:
        """`speed` is how much faster than the readings' monotonic time the room lives."""
        self._channels = channels
        self._fault_after = fault_after
        self._jumps = Jumps(channels, speed)
        self._failed_in_a_row = 0
        self.reason: str | None = None  # why the newest reading was held back

    @property
    def sensor_fault(self) -> bool:
        """Whether so many readings in a row failed that the sensor must be broken."""
        return self._failed_in_a_row >= self._fault_after

    def check(self, reading: Reading) -> Reading:
        """The reading with its quality: as it came, `missing` or `rejected`."""
        self.reason = self._complaint(reading)
        if self.reason is not None:
            self._failed_in_a_row += 1
            missing = any(reading.values.get(c.name) is None for c in self._channels)
            return replace(reading, quality="missing" if missing else "rejected")
        self.reason = self._jumps.doubt(reading)
        if self.reason is not None:
            # the first to jump may well be right; when the next one jumps elsewhere, one of them failed
            self._failed_in_a_row += self._jumps.waited > 1
            return replace(reading, quality="rejected")
        self._failed_in_a_row = 0
        return reading

    def _complaint(self, reading: Reading) -> str | None:
        values = reading.values
        for channel in self._channels:
            if values.get(channel.name) is None:
                return reading.complaint or f"the sensor gave no {channel.name}"
        # A DHT on a broken line sends all zeros, and its checksum of zeros is right.
        measured = [values[c.name] for c in self._channels if c.name in CHANNELS]
        if len(measured) > 1 and not any(measured):
            return "the sensor says zero for everything, as on a broken line"
        return mixup(values) or self._out_of_range(reading)

    def _out_of_range(self, reading: Reading) -> str | None:
        for channel in self._channels:
            value = reading.values[channel.name]
            if value is not None and not channel.is_plausible(value):
                says = f"the sensor says {channel.name} {value:g} {channel.unit}, which cannot be"
                return says.replace("  ", " ")
        return None
