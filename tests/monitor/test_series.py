"""Thinning out keeps what is strange."""

import json

from hypothesis import example, given
from hypothesis import strategies as st

from monitor.history.block import Block, of_judged
from monitor.history.drawn import drawn_records as columns
from monitor.history.thinning import telling
from monitor.message import decode_record
from tests.monitor.messages import record


def rows(*records) -> Block:
    return of_judged([decode_record(json.dumps(each).encode()) for each in records])


def test_few_records_come_as_they_are():
    found = columns(rows(record(1), record(2), record(3)), 600, 10.0)
    assert found["count"] == 3
    assert found["channels"]["temperature_c"] == {
        "value": [21.5] * 3,
        "expected": [21.4] * 3,
        "spread": [0.2] * 3,
    }


def test_a_spike_and_an_anomaly_of_one_record_stay_visible_in_a_day():
    many = [record(seq) for seq in range(1, 8641)]
    many[4000] |= {"temperature_c": 60.0}
    many[5000] |= {"state": "anomalous", "anomaly": True}
    many[6000] |= {"score": 50.0}
    many[7000] |= {"state": "sensor_fault", "humidity_pct": None}
    found = columns(rows(*many), 100, 10.0)
    assert len(found["ts_ms"]) < 1200
    assert max(found["channels"]["temperature_c"]["value"]) == 60.0
    assert {"anomalous", "sensor_fault"} <= set(found["state"])
    assert max(found["score"]) == 50.0
    assert found["ts_ms"] == sorted(found["ts_ms"])


def test_a_gap_in_time_becomes_a_row_of_nulls_and_thinning_out_does_not():
    many = [record(seq) for seq in range(1, 2001) if not 900 <= seq < 1000]
    found = columns(rows(*many), 50, 10.0)
    (place,) = [i for i, state in enumerate(found["state"]) if state is None]
    assert found["ts_ms"][place] == record(899)["ts_ms"] + 1
    assert found["channels"]["humidity_pct"]["value"][place] is None


def test_without_a_birth_certificate_the_usual_step_says_what_a_gap_is():
    many = [record(seq) for seq in (1, 2, 3, 4, 9, 10, 11)]
    assert columns(rows(*many), 50, None)["state"].count(None) == 1


def test_no_record_is_no_crash():
    assert columns(rows(), 10, None) == {
        "count": 0,
        "step_ms": 0,
        "ts_ms": [],
        "state": [],
        "q": [],
        "score": [],
        "channels": {},
    }


@given(
    st.lists(
        st.tuples(
            st.integers(0, 500),
            st.none() | st.floats(-40, 125),
            st.none() | st.floats(0, 99),
            st.sampled_from(["normal", "anomalous", "sensor_fault", "warming"]),
        ),
        min_size=1,
        max_size=80,
    ),
    st.integers(1, 12),
)
@example([(0, None, None, "normal"), (0, None, 0.0, "normal")], 1)
def test_extremes_and_states_survive_whatever_the_data(many, points):
    many = sorted(many, key=lambda row: row[0])
    judged = [
        decode_record(
            json.dumps(record(i + 1, state=state, ts_ms=ts, temperature_c=value, score=score)).encode()
        )
        for i, (ts, value, score, state) in enumerate(many)
    ]
    kept = [judged[place] for place in telling(of_judged(judged), points)]
    for field in (lambda one: one.values["temperature_c"], lambda one: one.record.score):
        known = [field(one) for one in judged if field(one) is not None]
        left = [field(one) for one in kept if field(one) is not None]
        assert max(known, default=None) == max(left, default=None)
    assert {one.record.state for one in judged} == {one.record.state for one in kept}
    assert [one.record.seq for one in kept] == sorted({one.record.seq for one in kept})
