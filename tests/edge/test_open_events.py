"""An event that is open while the clock is set has, when it ends, the times of the clock that is right."""

from pathlib import Path
from typing import Any

import pytest

from edge.agent import Agent
from edge.clock import BELIEVABLE_MS, BootClock, ClockQuality
from edge.detection.verdict import Verdict
from edge.errors import EndOfRecording
from edge.event import Event
from edge.journal import Journal
from edge.judge import Judge, Model
from edge.message import decode
from edge.onlooker import Onlooker
from edge.reading import TEMPERATURE, Reading
from edge.record import Origin

DAY_MS, PERIOD_MS = 86_400_000, 60_000
NTP: list[ClockQuality] = ["ntp"] * 9
TRUE_MS = BELIEVABLE_MS + 100 * DAY_MS  # when the first reading was really taken
CHANNELS = (TEMPERATURE,)


def true_ms(row: int) -> int:
    return TRUE_MS + row * PERIOD_MS


class Steps:
    """A source whose wall clock is behind by what each reading says."""

    name, channels, simulated = "dht", CHANNELS, False

    def __init__(self, behind_ms: list[int], strange: set[int]) -> None:
        self._readings = iter(
            Reading(true_ms(row) - behind, row * PERIOD_MS, {"temperature": 99.0 if row in strange else 20.0})
            for row, behind in enumerate(behind_ms)
        )

    def read(self) -> Reading:
        for reading in self._readings:
            return reading
        raise EndOfRecording("all are read")

    def close(self) -> None:
        """Nothing to let go of."""


class Hot(Onlooker):
    """Whose event ends with the second good reading."""

    def __init__(self) -> None:
        super().__init__(CHANNELS, "normal", "")
        self._tracker._calm_samples = 2

    def see(self, reading: Reading) -> tuple[Reading, Verdict]:
        hot = reading.values["temperature"] == 99.0
        event = Event("anomalous", reading.ts_ms, 1.0, "hot")
        changes = self._tracker.strange(event) if hot else self._tracker.calm()
        return reading, Verdict("normal", 0.0, False, changes=changes)


def ended(
    folder: Path, behind_ms: list[int], qualities: list[ClockQuality], strange: set[int]
) -> dict[str, Any]:
    """The end of the event; the kernel's word of its clock is heard at each reading."""
    journal, said = Journal(folder / "journal.db"), iter(qualities)
    model = Model(None, CHANNELS, Hot())
    origin = Origin(journal.epoch, "boot", "dht", False, CHANNELS, CHANNELS, None)
    agent = Agent(Steps(behind_ms, strange), Judge(model), journal, origin)
    agent._clock = BootClock(lambda: next(said))
    with pytest.raises(EndOfRecording):
        while True:
            agent.sample()
    [end] = [event for _, body in journal.events_after(0, 9) if (event := decode(body))["phase"] == "end"]
    journal.close()
    return dict(end)


@pytest.mark.parametrize("behind_ms", [3 * DAY_MS, -3 * DAY_MS, TRUE_MS - 5_000_000])
@pytest.mark.parametrize("strange", [{1, 2}, {1, 2, 3, 4}])
def test_its_onset_and_end_are_of_the_true_clock(tmp_path: Path, behind_ms: int, strange: set[int]) -> None:
    first: ClockQuality = "holdover" if true_ms(0) - behind_ms > BELIEVABLE_MS else "unsynced"
    qualities: list[ClockQuality] = [*[first] * 4, *NTP]  # one is asked for before the first reading
    end = ended(tmp_path, [behind_ms] * 3 + [0] * 5, qualities, strange)
    assert (end["onset_ms"], end["end_ms"]) == (true_ms(1), true_ms(max(strange)))


def test_one_that_began_after_the_clock_was_set_is_not_moved_when_the_kernel_trusts_it_later(
    tmp_path: Path,
) -> None:
    qualities: list[ClockQuality] = ["holdover"] * 5
    end = ended(tmp_path, [DAY_MS] * 2 + [0] * 6, [*qualities, *NTP], {3, 4, 5})
    assert (end["onset_ms"], end["end_ms"]) == (true_ms(3), true_ms(5))
