"""Files to take away: what went in comes out, whatever the text is, and in pieces that fit."""

import csv
import io
import tracemalloc
from pathlib import Path

import msgspec
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge.csvfile import read_csv
from monitor.changes import Changes
from monitor.export import csvfile, parquet, tables
from monitor.history.packing import CHUNK_RECORDS
from monitor.ledger import Ledger
from monitor.message import Event, decode, decode_record
from monitor.store import Store
from tests.brokers import mosquitto
from tests.monitor import messages
from tests.monitor.messages import EPOCH, NOON, event, record
from tests.monitor.running import agent, monitor, until
from trainer.history import recorded

EVIL = '=cmd|" /C calc"!A1\n"quoted",<b>'


@pytest.fixture
def store(tmp_path):
    made = Store(tmp_path / "m.db")
    yield made
    made.close()


def fill(store: Store, rows: list[dict], events: list[bytes] = []) -> None:  # noqa: B006
    """As the ingest commits them, some at a time."""
    for start in range(0, max(1, len(rows)), 5000):
        part = rows[start : start + 5000]
        changes = Changes()
        changes.records = [("cellar", decode_record(msgspec.json.encode(row))) for row in part]
        changes.ledgers["cellar", EPOCH] = Ledger(1, start + len(part))
        for payload in events if start == 0 else []:
            told = decode(payload, Event)
            body = msgspec.json.encode(told)
            changes.events.append(("cellar", EPOCH, told.id, told.seq, told.onset_ms, body))
        store.commit(changes)


def walk(count: int) -> list[dict]:
    """A room that moves, with a value that is missing and a score that is none here and there."""
    rng = np.random.default_rng(3)
    rows = []
    for seq in range(1, count + 1):
        row = record(seq, temperature_c=round(20 + float(rng.normal()), 1), score=float(rng.random()))
        if seq % 97 == 0:
            row |= {"humidity_pct": None, "q": "missing", "score": None, "state": "sensor_fault"}
            row |= {"expected": {}, "spread": {}}
        rows.append(row)
    return rows


def as_csv(table: tables.Table) -> list[dict[str, str]]:
    text = b"".join(csvfile.write(table)).decode()
    return list(csv.DictReader(io.StringIO(text)))


EVER = (None, None)


def test_records_come_out_of_csv_as_they_went_in(store) -> None:
    rows = walk(2000)  # some are packed, some are not
    fill(store, rows)
    found = as_csv(tables.records(store, "cellar", EVER))
    assert len(found) == len(rows) > 2 * CHUNK_RECORDS
    assert list(found[0]) == [
        *("timestamp", "ts_ms", "epoch", "seq", "temperature_c", "humidity_pct", "quality", "state", "score"),
        *("expected_temperature_c", "expected_humidity_pct", "spread_temperature_c", "spread_humidity_pct"),
    ]
    assert found[0]["timestamp"] == "2025-10-09T08:53:30Z"
    for was, one in zip(rows, found, strict=True):
        assert (int(one["ts_ms"]), int(one["seq"]), one["epoch"]) == (was["ts_ms"], was["seq"], EPOCH)
        assert float(one["temperature_c"]) == was["temperature_c"]
        assert one["humidity_pct"] == ("" if was["humidity_pct"] is None else repr(was["humidity_pct"]))
        assert (one["quality"], one["state"]) == (was["q"], was["state"])
        assert (
            one["score"] == "" if was["score"] is None else abs(float(one["score"]) - was["score"]) < 0.0011
        )
        assert (one["expected_temperature_c"] == "") == (was["expected"] == {})


def test_a_span_has_both_its_ends_and_nothing_else(store) -> None:
    fill(store, walk(1000))
    span = (NOON + 10_000 * 200, NOON + 10_000 * 900)
    found = as_csv(tables.records(store, "cellar", span))
    assert [int(one["seq"]) for one in found] == list(range(200, 901))
    assert as_csv(tables.records(store, "cellar", (0, 1))) == []


def test_trainer_and_replay_read_the_csv_as_it_is(store, tmp_path) -> None:
    rows = walk(1200)
    fill(store, rows)
    path = tmp_path / "cellar.csv"
    path.write_bytes(b"".join(csvfile.write(tables.records(store, "cellar", EVER))))
    series = read_csv(path)
    assert [each.key for each in series.channels] == ["temperature_c", "humidity_pct"]
    assert series.period_s == 10.0
    assert series.ts_ms.tolist() == [row["ts_ms"] for row in rows]
    assert series.values[:, 0].tolist() == [row["temperature_c"] for row in rows]
    assert recorded(path).values.shape == (1200, 2)


def test_the_trainer_reads_parquet_as_it_reads_csv(store, tmp_path) -> None:
    pytest.importorskip("pyarrow", reason="needs picanary[parquet]")
    fill(store, walk(1200))
    paths = tmp_path / "cellar.csv", tmp_path / "cellar.parquet"
    for path, writer in zip(paths, (csvfile, parquet), strict=True):
        path.write_bytes(b"".join(writer.write(tables.records(store, "cellar", EVER))))
    one, other = map(recorded, paths)
    np.testing.assert_array_equal(one.values, other.values)
    np.testing.assert_array_equal(one.ts_ms, other.ts_ms)
    assert other.name == "cellar" and other.channels == one.channels
    broken = tmp_path / "broken.parquet"
    broken.write_bytes(b"PAR1 and nothing else")
    with pytest.raises(Exception, match=r"broken\.parquet: cannot be read as Parquet"):
        recorded(broken)
    with pytest.raises(Exception, match=r"nothing\.parquet: no such file"):
        recorded(tmp_path / "nothing.parquet")


def test_parquet_has_types_units_and_the_device(store) -> None:
    arrow = pytest.importorskip("pyarrow", reason="needs picanary[parquet]")
    from pyarrow import parquet as reader

    rows = walk(2000)
    fill(store, rows)
    table = reader.read_table(io.BytesIO(b"".join(parquet.write(tables.records(store, "cellar", EVER)))))
    assert table.schema.field("timestamp").type == arrow.timestamp("ms", "UTC")
    assert table.schema.field("temperature_c").type == arrow.float64()
    assert table.schema.field("temperature_c").metadata[b"unit"] == "°C".encode()
    assert table.schema.metadata[b"device"] == b"cellar"
    assert table["seq"].to_pylist() == [row["seq"] for row in rows]
    assert table["humidity_pct"].to_pylist() == [row["humidity_pct"] for row in rows]
    assert table["state"].to_pylist() == [row["state"] for row in rows]
    stamps = [round(one.timestamp() * 1000) for one in table["timestamp"].to_pylist()]
    assert stamps == [row["ts_ms"] for row in rows]


def test_channels_that_bear_the_name_of_a_column_or_a_formula_stay_apart(store) -> None:
    odd = {"timestamp": 1.0, "quality": 2.0, "expected_temperature_c": 3.0, "=1+1": 4.0, "@sum": 5.0}
    fill(store, [record(seq, **odd) for seq in range(1, 20)])
    [first, *_] = found = as_csv(tables.records(store, "cellar", EVER))
    assert len(found) == 19 and first["timestamp"].startswith("2025-")
    assert (first["channel_timestamp"], first["channel_quality"], first["quality"]) == ("1.0", "2.0", "ok")
    assert (first["channel_expected_temperature_c"], first["expected_temperature_c"]) == ("3.0", "21.4")
    assert (first["'=1+1"], first["'@sum"]) == ("4.0", "5.0")


def test_events_come_oldest_first_with_what_was_said_of_them(store) -> None:
    told = [
        event(9, "end", 12, ratio=1.7),
        event(3, "end", 5, why=EVIL, channel="+1"),
        event(40, "start", 40, observed={"temperature_c": None}),
    ]
    fill(store, walk(50), told)
    found = as_csv(tables.events(store, "cellar", EVER))
    assert [one["id"] for one in found] == ["3", "9", "40"]
    assert found[0]["sentence"] == f"'{EVIL}" and found[0]["channel"] == "'+1"
    assert (found[1]["ratio"], found[1]["observed_temperature_c"]) == ("1.7", "17.0")
    assert (found[2]["end"], found[2]["observed_temperature_c"]) == ("", "")
    assert found[1]["onset"] == "2025-10-09T08:54:50Z"
    later = as_csv(tables.events(store, "cellar", (NOON + 50_000, None)))
    assert [one["id"] for one in later] == ["9", "40"]


def test_more_events_than_are_read_at_once(store) -> None:
    fill(store, walk(10), [event(seq, "start", seq, onset_ms=NOON + seq % 7) for seq in range(1, 1300)])
    found = as_csv(tables.events(store, "cellar", EVER))
    assert sorted(int(one["id"]) for one in found) == list(range(1, 1300))


@given(st.text(max_size=20))
def test_no_cell_of_text_is_a_formula_and_none_is_lost(text: str) -> None:
    table = tables.Table((tables.Column("said", "text"),), iter([[[text, None]]]))
    content = b"".join(csvfile.write(table)).decode()
    [_, [cell], *_] = list(csv.reader(io.StringIO(content, newline="")))
    assert not cell.startswith(("=", "+", "-", "@", "\t", "\r"))
    plain = text.encode("utf-8", "replace").decode()
    assert cell in (plain, f"'{plain}") or not plain


@given(st.lists(st.one_of(st.none(), st.integers(-(2**45), 2**45)), max_size=20))
def test_times_are_iso_8601_in_utc(many: list[int | None]) -> None:
    from datetime import UTC, datetime, timedelta

    for ms, text in zip(many, csvfile.times(many), strict=True):
        if ms is None:
            assert text == ""
        else:
            when = datetime(1970, 1, 1, tzinfo=UTC) + timedelta(milliseconds=ms)
            assert datetime.fromisoformat(text) == when


def test_a_long_stretch_goes_out_in_pieces(store) -> None:
    base = [record(1)]
    fill(store, base)
    rows = [record(seq) for seq in range(2, 60_000)]
    fill(store, rows)
    tracemalloc.start()
    try:
        pieces = csvfile.write(tables.records(store, "cellar", EVER))
        sizes, most, lines = [], 0, 0
        for piece in pieces:
            sizes.append(len(piece))
            lines += piece.count(b"\n")
            most = max(most, tracemalloc.get_traced_memory()[0])
    finally:
        tracemalloc.stop()
    assert sum(sizes) > 5_000_000 and len(sizes) > 3
    assert lines == 60_000  # with the header
    assert max(sizes) < sum(sizes) / 2
    assert most < 30_000_000  # all of it together are more than 60 MB


def test_over_http_with_a_safe_name(tmp_path) -> None:
    with mosquitto() as broker, monitor(broker, tmp_path / "m.db") as (_, client), agent(broker) as room:
        room.born(level=1.5)
        room.records(*[record(seq) for seq in range(1, 11)])
        room.send("event", event(3, "end", 5))
        room.device = "attic"
        room.send("data", messages.data(record(1, why="=1+1", state="anomalous")))
        until(lambda: len(client.get("/api/devices").json()["devices"]) == 2)
        until(lambda: client.get("/api/devices/cellar").json()["counts"]["received"] == 10)
        found = client.get(f"/api/devices/cellar/export.csv?from_ms={NOON + 30_000}&to_ms={NOON + 50_000}")
        assert found.headers["content-type"] == "text/csv; charset=utf-8"
        name = found.headers["content-disposition"]
        assert name.startswith('attachment; filename="picanary-cellar-records-') and name.endswith('.csv"')
        assert [row["seq"] for row in csv.DictReader(io.StringIO(found.text))] == ["3", "4", "5"]
        events = client.get("/api/devices/cellar/events.csv")
        assert [row["id"] for row in csv.DictReader(io.StringIO(events.text))] == ["3"]
        fleet = list(csv.DictReader(io.StringIO(client.get("/api/export.csv").text)))
        assert [row["device"] for row in fleet] == ["attic", "cellar"]
        assert (fleet[0]["sentence"], fleet[1]["received"], fleet[1]["level"]) == ("'=1+1", "10", "1.5")
        assert client.get("/api/devices/nobody/export.csv").status_code == 404
        assert client.get("/api/devices/cellar/export.csv?from_ms=x").status_code == 400


def test_without_pyarrow_parquet_says_what_to_install(tmp_path, monkeypatch) -> None:
    import sys

    monkeypatch.setitem(sys.modules, "pyarrow", None)
    with mosquitto() as broker, monitor(broker, tmp_path / "m.db") as (_, client), agent(broker) as room:
        room.born()
        until(lambda: client.get("/api/devices/cellar").status_code == 200)
        for path in ("/api/export.parquet", "/api/devices/cellar/export.parquet"):
            refused = client.get(path)
            assert refused.status_code == 501
            assert "pip install 'picanary[parquet]'" in refused.json()["error"]


def test_parquet_over_http(tmp_path: Path) -> None:
    pytest.importorskip("pyarrow", reason="needs picanary[parquet]")
    from pyarrow import parquet as reader

    with mosquitto() as broker, monitor(broker, tmp_path / "m.db") as (_, client), agent(broker) as room:
        room.born()
        room.records(*[record(seq) for seq in range(1, 11)])
        room.send("event", event(3, "end", 5, why="\ud800"))
        until(lambda: client.get("/api/devices/cellar").json().get("counts", {}).get("received") == 10)
        for path, rows in (("devices/cellar/export", 10), ("export", 1)):
            table = reader.read_table(io.BytesIO(client.get(f"/api/{path}.parquet").content))
            assert table.num_rows == rows
        events = reader.read_table(io.BytesIO(client.get("/api/devices/cellar/events.parquet").content))
        assert events.schema.field("sentence").type == "string"
