"""Values that do not move: one that is stuck, and all of them at once."""

import math

from edge.detection.observation import Observation, SignalSettings, Strange


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
        return math.sqrt(samples * self._period_min * nats)

    def reset(self) -> None:
        """Forget since when the values stand."""
        self._last = [None] * len(self._last)


class Stuck:
    """One value stands still for longer than it ever does at this time of day."""

    def __init__(self, settings: SignalSettings) -> None:
        self._still = Stillness(settings)

    def update(self, seen: Observation) -> Strange:
        """Of the stillest channel."""
        self._still.see(seen)
        pairs = zip(self._still.samples, self._still.evidence, strict=True)
        strengths = [self._still.strength(samples, nats) for samples, nats in pairs]
        channel = max(range(len(strengths)), key=strengths.__getitem__)
        return Strange(strengths[channel], channel)

    def reset(self) -> None:
        """Forget since when the values stand."""
        self._still.reset()


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
