"""The heat map's cells are the worst of each stretch, whatever way the records came and are kept."""

import time
from base64 import b64decode
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from monitor import heat
from monitor.changes import Changes
from monitor.heat import Heat
from monitor.history.packing import CHUNK_RECORDS
from monitor.history.pyramid import WIDTHS_MS
from monitor.history.worst import LOWEST, SEVERITY, SEVERITY_OF, STEPS, score_steps
from monitor.message import Judged
from monitor.store import Store
from tests.brokers import mosquitto
from tests.monitor import crowd
from tests.monitor.history import commit, judged
from tests.monitor.messages import record
from tests.monitor.running import agent, monitor, until

NOW = int(time.time() * 1000)
MINUTE, HOUR, DAY = 60_000, 3_600_000, 86_400_000
STATES = ("normal", "normal", "warming", "anomalous", "sensor_fault", "no_model")


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    made = Store(tmp_path / "m.db")
    yield made
    made.close()


def some(count: int, step_ms: int, salt: int = 0) -> list[Judged]:
    """Records up to now whose states and scores go up and down."""
    found = []
    for seq in range(1, count + 1):
        state = STATES[(seq * 7919 + salt) // 50 % len(STATES)]
        score = (
            None if state in ("sensor_fault", "warming", "no_model") else (seq * 104_729 + salt) % 3000 / 1000
        )
        found.append(judged(seq, ts_ms=NOW - (count - seq) * step_ms, state=state, score=score, anomaly=None))
    return found


def naive(records: list[Judged], cells: heat.Cells) -> tuple[list[int], list[int]]:
    """Looked through from end to end: severities and score steps by column."""
    columns = cells.severity.shape[1]
    states, scores = [0] * columns, [0] * columns
    for one in records:
        column = (one.record.ts_ms - cells.from_ms) // cells.step_ms
        if 0 <= column < columns:
            states[column] = max(states[column], SEVERITY_OF[one.record.state])
            steps = score_steps(np.array([one.record.score], float))[0]
            scores[column] = max(scores[column], int(steps))
    return states, scores


@pytest.mark.parametrize("span_ms", [HOUR, 6 * HOUR, DAY, 7 * DAY, 60 * DAY])
@pytest.mark.parametrize("columns", [1, 40, 96])
def test_cells_are_what_a_slow_look_at_every_record_gives(store: Store, span_ms: int, columns: int) -> None:
    records = {"attic": some(3 * CHUNK_RECORDS + 100, 90_000), "cellar": some(300, 600_000, 1)}
    for device, many in records.items():
        commit(store, many, device)
        store.tidy(NOW)
    cells = Heat(store).cells(["cellar", "attic", "nobody"], NOW - span_ms, NOW, columns)
    assert 1 <= cells.severity.shape[1] <= columns + 1
    assert cells.from_ms % WIDTHS_MS[0] == 0
    for row, device in enumerate(["cellar", "attic"]):
        states, scores = naive(records[device], cells)
        assert cells.severity[row].tolist() == states
        # packed scores are rounded to a thousandth, downwards
        assert np.abs(cells.score[row].astype(int) - scores).max() <= 1
    assert not cells.severity[2].any()


def test_a_record_moves_its_cell_without_another_look_at_the_store(store: Store, monkeypatch) -> None:
    commit(store, [judged(1, ts_ms=NOW - 5 * MINUTE, state="normal", score=0.2)])
    made = Heat(store)
    assert made.cells(["cellar"], NOW - HOUR, NOW, 60).severity.max() == SEVERITY_OF["normal"]
    monkeypatch.setattr(heat.Grid, "read", lambda *_: pytest.fail("it is in memory"))
    for state, device in (("anomalous", "cellar"), ("sensor_fault", "attic")):
        late = judged(2, ts_ms=NOW - 20 * MINUTE, state=state, score=3.0)
        made.note({device: [late]}, [])
    cells = made.cells(["attic", "cellar"], NOW - HOUR, NOW, 60)
    assert [SEVERITY[row.max()] for row in cells.severity] == ["sensor_fault", "anomalous"]
    assert sorted({SEVERITY[each] for each in cells.severity[1]}) == ["", "anomalous", "normal"]


def test_a_record_of_a_year_to_come_or_long_gone_moves_nothing(store: Store) -> None:
    made = Heat(store)
    made.cells([], NOW - HOUR, NOW, 60)
    made.note({"cellar": [judged(1, ts_ms=NOW + 900 * DAY), judged(2, ts_ms=NOW - 900 * DAY)]}, [])
    assert not made.cells(["cellar"], NOW - HOUR, NOW, 60).severity.any()


def test_a_device_whose_records_moved_or_went_is_read_again(store: Store) -> None:
    commit(store, [judged(1, ts_ms=NOW - 5 * MINUTE, state="anomalous", score=4.0)])
    commit(store, [judged(1, ts_ms=NOW - 5 * MINUTE, state="anomalous", score=4.0)], "attic")
    made = Heat(store)
    assert made.cells(["attic", "cellar"], NOW - HOUR, NOW, 60).severity.max(1).tolist() == [5, 5]
    store.commit(Changes(forgotten=["cellar"]))
    made.note({}, ["cellar"])
    assert made.cells(["attic", "cellar"], NOW - HOUR, NOW, 60).severity.max(1).tolist() == [5, 0]


def test_time_goes_on_and_old_stretches_make_way(store: Store, monkeypatch) -> None:
    commit(store, [judged(1, ts_ms=NOW, state="anomalous", score=4.0)])
    made = Heat(store)
    assert made.cells(["cellar"], NOW - HOUR, NOW, 60).severity.max() == 5
    ahead_ms = (heat.KEPT_STRETCHES + 3) * MINUTE
    monkeypatch.setattr(heat.time, "time", lambda: (NOW + ahead_ms) / 1000)
    assert not made.cells(["cellar"], NOW + ahead_ms - HOUR, NOW + ahead_ms, 60).severity.any()
    assert made.cells(["cellar"], NOW - HOUR, NOW, 60).severity.max() == 5  # read again, of long ago


def test_while_nobody_asks_nothing_is_kept_and_then_all_of_it_is_read_again(
    store: Store, monkeypatch
) -> None:
    made = Heat(store)
    made.cells(["cellar"], NOW - HOUR, NOW, 60)
    monkeypatch.setattr(heat, "UNUSED_S", -1.0)
    one = judged(1, ts_ms=NOW, state="anomalous", score=4.0)
    commit(store, [one])
    for _ in range(3):
        made.note({"cellar": [one]}, [])
    assert made._waiting == []
    assert made.cells(["cellar"], NOW - HOUR, NOW, 60).severity.max() == 5


def test_many_records_between_two_questions_are_not_piled_up(store: Store, monkeypatch) -> None:
    monkeypatch.setattr(heat, "FOLD_AT", 10)
    made = Heat(store)
    made.cells(["cellar"], NOW - HOUR, NOW, 60)
    for seq in range(1, 100):
        made.note({"cellar": [judged(seq, ts_ms=NOW - seq * 1000, state="warming", score=None)]}, [])
        assert len(made._waiting) <= 10
    assert made.cells(["cellar"], NOW - HOUR, NOW, 60).severity.max() == SEVERITY_OF["warming"]


def test_a_score_is_a_byte_that_keeps_on_its_side_of_the_alarm() -> None:
    scores = np.array([np.nan, 0.0, 0.001, LOWEST, 0.3, 0.9999, 1.0, 1.5, 200.0, 1e9, np.inf])
    steps = score_steps(scores)
    assert steps[0] == 0
    assert (np.diff(steps.astype(int)) >= 0).all()
    assert ((steps > STEPS) == (scores >= 1.0)).all()
    told = LOWEST ** (1 - (steps[4].astype(float) - 1) / STEPS)
    assert 0.3 / 1.05 < told <= 0.3


def test_the_page_gets_cells_of_every_device_that_is_known(tmp_path: Path) -> None:
    crowd.fill(tmp_path / "m.db", 30)
    with mosquitto() as broker, monitor(broker, tmp_path / "m.db") as (_, client), agent(broker) as room:
        answer = client.get("/api/fleet/heat", params={"columns": 48}).json()
        assert answer["devices"] == [crowd.name_of(number) for number in range(30)]
        shape = len(answer["devices"]), answer["columns"]
        cells = np.frombuffer(b64decode(answer["state"]), np.uint8).reshape(shape)
        assert len(b64decode(answer["score"])) == cells.size
        assert SEVERITY[cells[3, -1]] == "anomalous"
        assert SEVERITY[cells[7, -1]] == "sensor_fault"
        assert SEVERITY[cells[2, -1]] == ""  # it is offline
        room.device = crowd.name_of(2)
        room.records(
            record(97, epoch=crowd.EPOCH, state="anomalous", score=2.0, ts_ms=int(time.time() * 1000))
        )

        def newest() -> str:
            told = client.get("/api/fleet/heat", params={"columns": 48}).json()
            state = np.frombuffer(b64decode(told["state"]), np.uint8).reshape(len(told["devices"]), -1)
            return SEVERITY[state[2].max()] if state[2, -1] else ""

        until(lambda: newest() == "anomalous")
        for wrong in ("columns=0", "columns=x", "from_ms=5&to_ms=1", "from_ms=1&to_ms=99999999999999"):
            assert client.get(f"/api/fleet/heat?{wrong}").status_code == 400
