"""What one reading costs from the source to the journal, without the disk's part; and a recording at once."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from edge.agent import Agent
from edge.bundle.bundle import Bundle, load
from edge.csvfile import write_csv
from edge.detection.scorer import Scorer
from edge.journal import Journal
from edge.judge import Judge, Model
from edge.record import Origin
from edge.recording import Recording
from edge.sources.replay import Replay
from edge.sources.simulator import simulate
from tests.bench.part import Part, Row, below
from tests.bench.workplace import Workplace, wall_s

READINGS = 8_640  # fewer than the journal holds in memory, where they stay here
WEEKS = 4
NEVER = 1 << 30


def measure(place: Workplace) -> Part:
    """A reading in the agent's loop, and `edge replay`."""
    bundle = load(place.bundle)
    recording = simulate(READINGS * 10.0, 10.0, seed=1)
    with _scorer_timed() as scoring:
        pass_s = _loop(place, bundle, recording)
    score_us = 1e6 * sum(scoring) / READINGS
    plain_s = _loop(place, bundle, recording)  # once more, without the watch
    each_us = 1e6 * plain_s / READINGS
    how = f"{READINGS} readings of a recording through the agent's loop, none committed"
    watched = f"windows to scores, in the same loop ({1e6 * pass_s / READINGS:.0f} µs while it is timed)"
    rows = [
        Row("one reading, source to journal", f"{each_us:.0f} µs CPU", how, **below(each_us, 300, "µs")),
        Row("of which the score", f"{score_us:.0f} µs CPU", watched, **below(score_us, 100, "µs")),
        *_replays(place),
    ]
    return Part("One reading", rows)


def _loop(place: Workplace, bundle: Bundle, recording: Recording) -> float:
    """CPU seconds of all readings."""
    folder = place.fresh("loop")
    journal = Journal(folder / "journal.db", commit_s=NEVER, commit_records=NEVER)
    channels = recording.channels
    origin = Origin(journal.epoch, "", "replay", False, channels, bundle.channels, bundle.label)
    judge = Judge(Model(bundle.label, bundle.channels, bundle.open_detector()))
    agent = Agent(Replay(recording), judge, journal, origin)
    start = time.process_time()
    for _ in range(READINGS):
        agent.sample()
    spent = time.process_time() - start
    journal.close()
    return spent


@contextmanager
def _scorer_timed() -> Iterator[list[float]]:
    """How long each call of the scorer takes."""
    plain, found = Scorer.one, list[float]()

    def timed(self: Scorer, *given: object) -> object:
        start = time.thread_time()
        answer = plain(self, *given)  # type: ignore[arg-type]
        found.append(time.thread_time() - start)
        return answer

    Scorer.one = timed  # type: ignore[method-assign, assignment]
    try:
        yield found
    finally:
        Scorer.one = plain  # type: ignore[method-assign]


def _replays(place: Workplace) -> Iterator[Row]:
    short, long = READINGS, READINGS * 7 * WEEKS
    day_s, weeks_s = _replay(place, short), _replay(place, long)
    yield Row("`edge replay` of a day", f"{day_s:.1f} s", f"{short:,} readings, start and trial included")
    rate = long / weeks_s
    how = f"{WEEKS} weeks, {long:,} readings in {weeks_s:.1f} s; start, trial, CSV in and out included"
    target = {"target": "above 100,000 readings/s", "met": rate > 100_000}
    yield Row("`edge replay` of weeks", f"{rate:,.0f} readings/s", how, **target)


def _replay(place: Workplace, readings: int) -> float:
    folder: Path = place.fresh("replay")
    write_csv(simulate(readings * 10.0, 10.0, seed=2), folder / "in.csv")
    return wall_s("edge", "replay", folder / "in.csv", "--bundle", place.bundle, "--out", folder / "out.csv")
