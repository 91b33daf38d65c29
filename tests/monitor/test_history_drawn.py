"""From a minute to a year: what is strange shows, gaps are gaps, no answer is longer than asked for."""

import itertools
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from monitor.message import Judged
from monitor.store import Store
from tests.monitor.history import commit, lively
from tests.monitor.messages import NOON

STEP_MS = 60_000
TOTAL = 40_000  # four weeks, a record a minute
GAP = range(20_000, 20_200)
SPIKE, ALARM, FAULT, DOUBTED = 7_000, 12_345, 30_000, 31_000
SPANS = (500, 3000, 9000, TOTAL)


def made() -> list[Judged]:
    strange: dict[int, dict[str, Any]] = {
        SPIKE: {"temperature_c": 77.7},
        ALARM: {"state": "anomalous", "anomaly": True, "score": 42.0},
        FAULT: {"state": "sensor_fault", "q": "missing", "humidity_pct": None},
        DOUBTED: {"q": "rejected", "temperature_c": -39.9},
    }
    return [lively(s, step_ms=STEP_MS, **strange.get(s, {})) for s in range(1, TOTAL + 1) if s not in GAP]


@pytest.fixture(scope="module")
def month(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Store, list[Judged]]]:
    records = made()
    with closing(Store(Path(tmp_path_factory.mktemp("month")) / "m.db")) as store:
        for at in range(0, len(records), 5000):
            commit(store, records[at : at + 5000])
        yield store, records


def around(seq: int, length: int) -> tuple[int, int]:
    """A span of so many records, in milliseconds, that holds one of them."""
    first = max(1, min(seq - length // 3, TOTAL - length + 1))
    return NOON + STEP_MS * first, NOON + STEP_MS * (first + length - 1)


def known(values: list[float | None]) -> list[float]:
    return [value for value in values if value is not None]


@pytest.mark.parametrize(("length", "points"), list(itertools.product(SPANS, (60, 600))))
def test_the_strange_stays_visible_in_every_span(
    month: tuple[Store, list[Judged]], length: int, points: int
) -> None:
    store, _ = month
    spike = store.series("cellar", *around(SPIKE, length), points, 60.0)
    assert max(known(spike["channels"]["temperature_c"]["value"])) == 77.7
    alarm = store.series("cellar", *around(ALARM, length), points, 60.0)
    assert max(known(alarm["score"])) == 42.0
    assert 1 <= alarm["state"].count("anomalous") <= 2
    fault = store.series("cellar", *around(FAULT, length), points, 60.0)
    assert "sensor_fault" in fault["state"]
    doubted = store.series("cellar", *around(DOUBTED, length), points, 60.0)
    shown = [
        value
        for value, q in zip(doubted["channels"]["temperature_c"]["value"], doubted["q"], strict=True)
        if value is not None and q != "rejected"
    ]
    assert min(shown) > 0, "a value that nobody believes is no low"


@pytest.mark.parametrize(("length", "points"), list(itertools.product(SPANS, (10, 60, 600, 5000))))
def test_a_gap_is_a_gap_in_every_span_and_nothing_else_is(
    month: tuple[Store, list[Judged]], length: int, points: int
) -> None:
    store, _ = month
    drawn = store.series("cellar", *around(GAP[0], length), points, 60.0)
    (place,) = [i for i, state in enumerate(drawn["state"]) if state is None]
    assert NOON + STEP_MS * (GAP[0] - 1) < drawn["ts_ms"][place] < NOON + STEP_MS * (GAP[-1] + 1)
    columns = [drawn["q"], drawn["score"]]
    columns += [column for channel in drawn["channels"].values() for column in channel.values()]
    assert all(len(column) == len(drawn["ts_ms"]) and column[place] is None for column in columns)
    without = store.series("cellar", *around(SPIKE, length // 4), points, 60.0)
    assert None not in without["state"]


@pytest.mark.parametrize(("length", "points"), list(itertools.product(SPANS, (10, 60, 600, 5000))))
def test_columns_are_in_the_order_of_time_within_the_span_and_no_longer_than_asked(
    month: tuple[Store, list[Judged]], length: int, points: int
) -> None:
    store, records = month
    from_ms, to_ms = around(SPIKE, length)
    drawn = store.series("cellar", from_ms, to_ms, points, 60.0)
    times = drawn["ts_ms"]
    assert times == sorted(times) and len(set(times)) == len(times)
    slack = drawn["step_ms"]
    assert from_ms - slack <= times[0] and times[-1] <= to_ms + slack
    assert len(times) <= (2 * points + 5 if drawn["step_ms"] else 7 * points)
    wanted = sum(from_ms <= one.record.ts_ms <= to_ms for one in records)
    assert abs(drawn["count"] - wanted) <= 2 * slack / STEP_MS


def test_a_stretch_says_what_the_model_expected_and_how_far_it_went(
    month: tuple[Store, list[Judged]],
) -> None:
    store, records = month
    drawn = store.series("cellar", None, None, 60, 60.0)
    assert drawn["step_ms"] > 0
    channel, temperatures = drawn["channels"]["temperature_c"], {}
    for one in records:
        at = one.record.ts_ms // drawn["step_ms"]
        temperatures.setdefault(at, []).append(
            (one.values["temperature_c"], one.record.expected, one.record.q)
        )
    for ts_ms, low, high, mean, expected in zip(
        drawn["ts_ms"],
        *(channel[name] for name in ("low", "high", "mean", "expected")),
        strict=True,
    ):
        if low is None:
            continue
        many = temperatures[ts_ms // drawn["step_ms"]]
        believed = [value for value, _, q in many if q != "rejected"]
        assert (low, high) == (min(believed), max(believed))
        assert mean == pytest.approx(sum(believed) / len(believed), abs=0.01)
        wanted = sum(told["temperature_c"] for _, told, _ in many) / len(many)
        assert expected == pytest.approx(wanted, abs=0.02)


def test_the_newest_records_show_though_they_are_not_packed_yet(month: tuple[Store, list[Judged]]) -> None:
    store, records = month
    drawn = store.series("cellar", None, None, 60, None)
    assert drawn["ts_ms"][-1] == records[-1].record.ts_ms
    assert drawn["count"] == len(records)


def test_two_journals_of_one_device_are_one_line(tmp_path: Path) -> None:
    with closing(Store(tmp_path / "m.db")) as store:
        commit(store, [lively(seq) for seq in range(1, 2001)])
        commit(store, [lively(seq, epoch="f" * 16) for seq in range(2001, 4001)])
        for points in (50, 5000):
            drawn = store.series("cellar", None, None, points, 10.0)
            assert drawn["count"] == 4000 and None not in drawn["state"]
            assert drawn["ts_ms"] == sorted(drawn["ts_ms"])
        assert [one.record.seq for one in store.records("cellar")] == list(range(1, 4001))


def test_a_device_without_records_has_no_columns(tmp_path: Path) -> None:
    with closing(Store(tmp_path / "m.db")) as store:
        nothing = {"ts_ms": [], "state": [], "q": [], "score": [], "channels": {}}
        assert store.series("cellar", None, None, 9, None) == {"count": 0, "step_ms": 0, **nothing}
        commit(store, [lively(1)])
        assert store.series("cellar", 0, 1, 9, None) == {"count": 0, "step_ms": 0, **nothing, "channels": {}}
