"""A `data` message that is decoded in one go says what its records say one by one."""

import json
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from monitor.batch import records_of
from monitor.message import Batch, Judged, Malformed, decode, decode_record
from tests.monitor.messages import record

finite = st.floats(allow_nan=False, allow_infinity=False)
numbers = st.one_of(st.none(), finite, st.integers(), st.just(10**400))
anything = st.one_of(numbers, st.text(max_size=3), st.booleans(), st.lists(st.none(), max_size=1))
names = st.one_of(
    st.sampled_from(["temperature_c", "pressure_hpa", "co2_ppm", "hist", "score", "q", "seq"]),
    st.text(max_size=3),
)
odd = st.dictionaries(names, anything, max_size=3)
more = st.dictionaries(st.sampled_from(["temperature_c", "pressure_hpa", "hist"]), numbers, max_size=3)


def slowly(payload: bytes) -> list[Judged | None] | None:
    """Record by record; None where the message as a whole is malformed."""
    try:
        return [_one(bytes(raw)) for raw in decode(payload, Batch).records]
    except Malformed:
        return None


def _one(raw: bytes) -> Judged | None:
    try:
        return decode_record(raw)
    except Malformed:
        return None


def in_one_go(payload: bytes) -> list[Judged | None] | None:
    """As the monitor does it."""
    try:
        return list(records_of(payload))
    except Malformed:
        return None


heads = st.sampled_from([{}, {"hist": True}, {"v": 2}, {"v": True}])


@given(st.lists(st.one_of(more, more, odd), max_size=4), heads)
def test_in_one_go_or_one_by_one_is_the_same(some: list[dict[str, Any]], head: dict[str, Any]) -> None:
    records = [record(seq) | each for seq, each in enumerate(some, 1)]
    payload = json.dumps({"v": 1, **head, "records": records}).encode()
    assert in_one_go(payload) == slowly(payload)


def test_what_is_too_large_stays_so() -> None:
    for length in (60_000, 70_000):
        payload = json.dumps({"v": 1, "records": [record(1, hist="x" * length)]}).encode()
        assert in_one_go(payload) == slowly(payload)
    many = json.dumps({"v": 1, "records": [record(1)] * 1001}, separators=(",", ":")).encode()
    assert in_one_go(many) is None is slowly(many)
    assert in_one_go(json.dumps({"v": 1, "records": []}).encode()) is None
    assert in_one_go(b"[" * 50_000) is None


def test_records_as_agents_send_them_take_the_short_way(monkeypatch) -> None:
    monkeypatch.setattr("monitor.batch.decode_record", None)
    payload = json.dumps({"v": 1, "records": [record(1), record(2)], "hist": True}).encode()
    assert [one.record.seq for one in records_of(payload) if one] == [1, 2]
