"""Values that do not move: one that is stuck, and all of them at once."""

import math

from edge.detection.observation import Observation, SignalSettings, Strange

# One value that stands while the others go on is broken sooner than a night that is quiet: after so many
# minutes, if it mostly moves each minute (a nat of surprise). In recorded rooms the longest that a value
# like that stood beside others that moved gives half a nat a minute.
STUCK_MIN, STUCK_NATS_PER_MIN, STUCK_WEIGHT = 50.0, 1.0, 4.0
# The others go on when they move at least so often as this share of their habit.
MOVING = 0.5


class Stillness:
    """For how long values have not changed, and how surprising that is."""

    def __init__(self, settings: SignalSettings) -> None:
        self._period_min = settings.period_s / 60.0
        self._nats = [[-math.log1p(-rate) for rate in hours] for hours in settings.change_rate]
        self._last: list[float | None] = [None] * len(settings.channels)
        self.samples = [0] * len(settings.channels)
        self.evidence = [0.0] * len(settings.channels)

    def see(self, seen: Observation) -> None:
        """One reading."""
        hour = seen.ts_ms // 3_600_000 % 24
        for c, value in enumerate(seen.values):
            if value == self._last[c]:
                self.samples[c] += 1
                self.evidence[c] += self._nats[c][hour]
            else:
                self._last[c], self.samples[c], self.evidence[c] = value, 0, 0.0

    def strength(self, samples: int, nats: float) -> float:
        """sqrt(minutes unchanged x their surprise in nats)."""
        return math.sqrt(self.minutes(samples) * nats)

    def minutes(self, samples: int) -> float:
        """How long so many samples are."""
        return samples * self._period_min

    def reset(self) -> None:
        """Forget since when the values stand."""
        self._last = [None] * len(self._last)


class Beside:
    """Whether the other values went on while one stood still."""

    def __init__(self, settings: SignalSettings) -> None:
        self._rate = settings.change_rate
        # for each channel, since it stands: how often the others moved, above what is asked of them
        self._moves = [0.0] * len(settings.channels)

    def see(self, seen: Observation, samples: list[int]) -> None:
        """One reading; `samples` says for how long each value stands."""
        hour = seen.ts_ms // 3_600_000 % 24
        gained = [(n == 0) - MOVING * self._rate[c][hour] for c, n in enumerate(samples)]
        for c, still in enumerate(samples):
            self._moves[c] = self._moves[c] + sum(gained) - gained[c] if still else 0.0

    def moved(self, channel: int) -> bool:
        """Whether the others of this channel went on; a value without others has none."""
        return len(self._moves) > 1 and self._moves[channel] >= 0.0

    def reset(self) -> None:
        """Forget what was."""
        self._moves = [0.0] * len(self._moves)


class Stuck:
    """One value stands still for longer than it ever does at this time of day."""

    def __init__(self, settings: SignalSettings) -> None:
        self._still = Stillness(settings)
        self._beside = Beside(settings)

    def update(self, seen: Observation) -> Strange:
        """Of the stillest channel."""
        self._still.see(seen)
        self._beside.see(seen, self._still.samples)
        strengths = [self._strength(c) for c in range(len(seen.values))]
        channel = max(range(len(strengths)), key=strengths.__getitem__)
        return Strange(strengths[channel], channel)

    def _strength(self, c: int) -> float:
        samples, nats = self._still.samples[c], self._still.evidence[c]
        strength, minutes = self._still.strength(samples, nats), self._still.minutes(samples)
        lively = minutes >= STUCK_MIN and nats >= STUCK_NATS_PER_MIN * minutes
        return strength * STUCK_WEIGHT if lively and self._beside.moved(c) else strength

    def reset(self) -> None:
        """Forget since when the values stand."""
        self._still.reset()
        self._beside.reset()


class Frozen:
    """Nothing moves at all. A quiet night holds one value for hours, and seldom two at once."""

    def __init__(self, settings: SignalSettings) -> None:
        self._still = Stillness(settings)
        self._samples, self._nats = 0, 0.0

    def update(self, seen: Observation) -> Strange:
        """Of all channels together, since the last of them moved."""
        before = sum(self._still.evidence)
        self._still.see(seen)
        channel = max(range(len(seen.values)), key=self._still.evidence.__getitem__)
        if min(self._still.samples) == 0:
            self._samples, self._nats = 0, 0.0
        else:
            self._samples += 1
            self._nats += sum(self._still.evidence) - before
        return Strange(self._still.strength(self._samples, self._nats), channel)

    def reset(self) -> None:
        """Forget since when the values stand."""
        self._still.reset()
        self._samples, self._nats = 0, 0.0
