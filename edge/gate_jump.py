"""Jumps that no air makes: a wrong reading with a right checksum waits until the next one confirms it."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from edge.reading import Channel, Reading

Values = tuple[float, ...]  # one a channel, physical units

# The next reading confirms a jump when it is at least so far along the same way.
CONFIRMED = 0.5


class Jumps:
    """Compares each reading with the last one that was believed.

    A wrong reading is remembered until the next: what two readings say is believed.
    """

    def __init__(self, channels: tuple[Channel, ...], speed: float = 1.0) -> None:
        """`speed` is how much faster than the readings' monotonic time the room lives."""
        self._channels = channels
        self._speed = speed
        self._believed: Values | None = None
        self._believed_ms = 0
        self._waiting: Values | None = None
        self.waited = 0  # readings in a row that were not believed

    def doubt(self, reading: Reading) -> str | None:
        """Why this reading has to wait for a second one; None when it is believed.

        All channels must have a value.
        """
        values = tuple(float(reading.values[c.name] or 0.0) for c in self._channels)
        jumped = self._jumped(values, reading.mono_ms)
        if not jumped or self._is_confirmed(values, jumped):
            self.believe(values, reading.mono_ms)
            return None
        self._waiting = values
        self.waited += 1
        return self._sentence(values, jumped)

    @property
    def trusts(self) -> bool:
        """Whether it believed the newest reading."""
        return self._believed is not None and self._waiting is None

    def believe(self, values: Values, mono_ms: int) -> None:
        """A reading that is known to be near the one before."""
        self._believed, self._believed_ms = values, mono_ms
        self._waiting, self.waited = None, 0

    def are_near(self, values: NDArray[np.float64], mono_ms: NDArray[np.int64]) -> NDArray[np.bool_]:
        """Whether each of n readings (n, C) is believed when the one before it is; the first is not."""
        elapsed_s = np.diff(mono_ms) / 1000.0 * self._speed
        moves = abs(np.diff(values, axis=0))
        far = [
            [move > leap.within(elapsed_s) for leap in (channel.alone, channel.together)]
            for channel, move in zip(self._channels, moves.T, strict=True)
        ]
        alone = np.logical_or.reduce([each[0] for each in far])
        together = np.add.reduce([each[1].astype(np.int64) for each in far])
        return np.concatenate([[False], ~(alone | (together > 1))])

    def _jumped(self, values: Values, mono_ms: int) -> list[int]:
        """The channels that went further than is believable."""
        if self._believed is None:
            return []
        elapsed_s = max(0.0, (mono_ms - self._believed_ms) / 1000.0 * self._speed)
        moves = list(enumerate(abs(new - old) for new, old in zip(values, self._believed, strict=True)))
        both = [c for c, move in moves if move > self._channels[c].together.within(elapsed_s)]
        if len(both) > 1:
            return both
        return [c for c, move in moves if move > self._channels[c].alone.within(elapsed_s)]

    def _is_confirmed(self, values: Values, jumped: Sequence[int]) -> bool:
        """Whether the reading before went the same way."""
        if self._waiting is None or self._believed is None:
            return False
        firsts = (self._waiting[c] - self._believed[c] for c in jumped)
        seconds = (values[c] - self._believed[c] for c in jumped)
        return all(
            first != 0.0 and second / first >= CONFIRMED
            for first, second in zip(firsts, seconds, strict=True)
        )

    def _sentence(self, values: Values, jumped: Sequence[int]) -> str:
        believed = self._believed or values
        names = " and ".join(self._channels[c].name for c in jumped)
        before, now = (
            " and ".join(f"{row[c]:g} {self._channels[c].unit}" for c in jumped) for row in (believed, values)
        )
        return f"{names} jumped from {before} to {now}, faster than air can: it waits for a second reading"
