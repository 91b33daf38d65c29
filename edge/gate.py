"""Between sensor and model: a broken sensor is not an anomalous room."""

import math
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from edge.gate_jump import Jumps
from edge.gate_mixup import mixup, no_mixup
from edge.gate_still import Still
from edge.reading import CHANNELS, HUMIDITY, Channel, Reading

# One failed reading is daily bread for a DHT; three in a row are not, nor is a silence of minutes.
FAULT_AFTER, FAULT_AFTER_S = 3, 120.0


def fault_after(period_s: float) -> int:
    """So many failed readings in a row, one every `period_s`, are a broken sensor."""
    return int(min(FAULT_AFTER, max(1, math.ceil(FAULT_AFTER_S / period_s))))


def beside(measured: tuple[Channel, ...], judged: tuple[Channel, ...]) -> tuple[Channel, ...]:
    """What a sensor measures and a model does not judge, as far as we know what it may say."""
    return tuple(c for c in measured if c not in judged and c.name in CHANNELS)


class Gate:
    """Lets plausible readings through and says when the sensor itself has failed."""

    def __init__(
        self,
        channels: tuple[Channel, ...],
        fault_after: int = FAULT_AFTER,
        speed: float = 1.0,
        beside: tuple[Channel, ...] = (),
    ) -> None:
        """`speed` is how much faster than the readings' monotonic time the room lives.

        Of the channels `beside` a value may be missing; one that is there must be plausible too.
        """
        self._channels, self._beside = channels, beside
        self._fault_after = fault_after
        self._jumps, self._beside_jumps = Jumps(channels, speed), Jumps(beside, speed)
        self._still = Still((*channels, *beside), speed)
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
        for jumps in self._jumps_of(reading):
            reason = jumps.doubt(reading)
            if reason is not None and self.reason is None:
                self.reason = reason
                # the first to jump may well be right; when the next one jumps elsewhere, one of them failed
                self._failed_in_a_row += jumps.waited > 1
        if self.reason is not None:
            return replace(reading, quality="rejected")
        self._failed_in_a_row = 0
        return reading

    @property
    def trusts(self) -> bool:
        """Whether it let the newest reading through; of a sensor with more to watch it does not know."""
        watches_more = self._beside or any(math.isfinite(c.stands_min) for c in self._channels)
        return self._jumps.trusts and self._failed_in_a_row == 0 and self.reason is None and not watches_more

    def pass_by(self, values: tuple[float, ...], mono_ms: int) -> None:
        """The last of the readings after a trusted one that are all `unsuspicious`, one value a channel."""
        self._jumps.believe(values, mono_ms)

    def unsuspicious(self, values: NDArray[np.float64], mono_ms: NDArray[np.int64]) -> NDArray[np.bool_]:
        """Which of n readings, (n, C) values, pass for sure when the one before passed; others may."""
        known = [c.name in CHANNELS for c in self._channels]
        passes = self._jumps.are_near(values, mono_ms)
        for channel, column in zip(self._channels, values.T, strict=True):
            passes &= (channel.low <= column) & (column <= channel.high) & np.isfinite(column)
            if channel.name == HUMIDITY.name:
                passes &= no_mixup(column)
        return passes & values[:, known].any(axis=1) if sum(known) > 1 else passes

    def _jumps_of(self, reading: Reading) -> tuple[Jumps, ...]:
        """Those whose channels all have a value; of what is judged, all have."""
        if not self._beside or any(reading.values.get(c.name) is None for c in self._beside):
            return (self._jumps,)
        return self._jumps, self._beside_jumps

    def _complaint(self, reading: Reading) -> str | None:
        values = reading.values
        for channel in self._channels:
            if values.get(channel.name) is None:
                return reading.complaint or f"the sensor gave no {channel.name}"
        # A DHT on a broken line sends all zeros, and its checksum of zeros is right.
        measured = [values[c.name] for c in self._channels if c.name in CHANNELS]
        if len(measured) > 1 and not any(measured):
            return "the sensor says zero for everything, as on a broken line"
        return mixup(values) or self._out_of_range(reading) or self._still.complain(values, reading.mono_ms)

    def _out_of_range(self, reading: Reading) -> str | None:
        for channel in (*self._channels, *self._beside):
            value = reading.values.get(channel.name)
            if value is not None and not channel.is_plausible(value):
                says = f"the sensor says {channel.name} {value:g} {channel.unit}, which cannot be"
                return says.replace("  ", " ")
        return None
