"""What people say of alarms is kept, told to every page, exported, and never let go."""

import csv
import io
import json
from pathlib import Path

import httpx
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edge.errors import ConfigError
from monitor.changes import Changes
from monitor.history.limits import Limits
from monitor.labels import VERDICTS, Label, Labels, NoSuchEvent
from monitor.message import Event, decode
from monitor.store import Store
from tests.brokers import mosquitto
from tests.monitor.history import commit, lively
from tests.monitor.messages import EPOCH, NOON, event, record
from tests.monitor.running import agent, monitor, until

DAY_MS = 86_400_000
PLACE = f"/api/devices/cellar/labels/{EPOCH}"


@pytest.fixture
def broker():
    with mosquitto() as running:
        yield running


@pytest.fixture
def store(tmp_path):
    """A store with two events of one room."""
    made = Store(tmp_path / "m.db")
    tell(made, event(3, "end", 6), event(9, "start", 9))
    yield made
    made.close()


def tell(store: Store, *payloads: bytes, device: str = "cellar") -> None:
    events = [decode(payload, Event) for payload in payloads]
    rows = [
        (device, each.epoch, each.id, each.seq, each.onset_ms, payload)
        for each, payload in zip(events, payloads, strict=True)
    ]
    commit(store, [lively(1)], device)
    store.commit(Changes(events=rows))


def said(number: int = 3, verdict: str | None = "false_alarm", note: str = "", made_ms: int = 7) -> Label:
    return Label("cellar", EPOCH, number, verdict, note, made_ms)


def test_what_was_said_is_kept_with_its_event_and_the_newest_word_stands(store):
    labels = Labels(store)
    labels.keep(said(9, None, "no idea"))
    labels.keep(said(3, "false_alarm", "the boiler"))
    labels.keep(said(3, "true_alarm", "no, the window", 8))
    kept, missed = labels.of("cellar")
    assert [each.label for each in kept] == [
        said(3, "true_alarm", "no, the window", 8),
        said(9, None, "no idea"),
    ]
    assert kept[0].to_json()["end_ms"] == NOON + 60_000 and kept[1].event.end_ms is None
    assert kept[0].to_json()["why"] == "temperature 4.4 °C below what was expected"
    assert missed == [] and labels.of("attic") == ([], [])


def test_labels_outlive_a_restart(store, tmp_path):
    Labels(store).keep(said(note="the boiler"))
    again = Store(tmp_path / "m.db")
    (kept,), _ = Labels(again).of()
    assert kept.label == said(note="the boiler")
    again.close()


def test_retention_lets_records_go_and_labels_stay_even_when_their_event_had_to_make_way(tmp_path):
    store = Store(tmp_path / "m.db", Limits(records_days=1, summaries_days=(1.0, 1.0, 1.0)))
    tell(store, event(3, "end", 6))
    commit(store, [lively(seq) for seq in range(2, 3000)])
    labels = Labels(store)
    labels.keep(said())
    labels.mark_missed("cellar", (NOON, NOON + 5), "", 7)
    for days in (0, 400, 800):
        while store.tidy(NOON + days * DAY_MS):
            pass
    with store.writing() as run:
        run("DELETE FROM events")
    kept, missed = labels.of("cellar")
    assert len(list(store.records("cellar"))) < 2999, "nothing was let go: this proves nothing"
    assert [each.label.verdict for each in kept] == ["false_alarm"] and kept[0].event.score == 4.2
    assert len(missed) == 1
    labels.keep(said(verdict="true_alarm"))
    store.close()


def test_what_was_never_an_event_cannot_be_labelled_nor_taken_back(store):
    labels = Labels(store)
    with pytest.raises(NoSuchEvent, match="cellar has no event 0123456789abcdef/4"):
        labels.keep(said(4))
    with pytest.raises(NoSuchEvent, match="nothing was said of"):
        labels.withdraw("cellar", EPOCH, 3)
    with pytest.raises(NoSuchEvent, match="no missed alarm number 1"):
        labels.unmark_missed("cellar", 1)


def test_missed_alarms_are_bounded(store, monkeypatch):
    monkeypatch.setattr("monitor.labels.MISSED_MOST", 2)
    labels = Labels(store)
    numbers = [labels.mark_missed("cellar", (n, n + 1), "", 7).id for n in (5, 3)]
    with pytest.raises(ConfigError, match="cellar has 2 missed alarms already"):
        labels.mark_missed("cellar", (9, 10), "", 7)
    labels.unmark_missed("cellar", numbers[0])
    assert [each.from_ms for each in labels.of("cellar")[1]] == [3]
    assert labels.mark_missed("cellar", (9, 10), "", 7).id not in numbers, "a number names one for ever"


@settings(deadline=None, max_examples=30)  # each waits for the disk
@given(
    sayings=st.lists(
        st.tuples(st.sampled_from([3, 9]), st.sampled_from([*VERDICTS, None, "gone"]), st.text(max_size=20)),
        max_size=8,
    )
)
def test_labels_are_as_an_obvious_dictionary_has_them(sayings, tmp_path_factory):
    store = Store(tmp_path_factory.mktemp("labels") / "m.db")
    tell(store, event(3, "end", 6), event(9, "start", 9))
    labels, oracle = Labels(store), {}
    for number, verdict, note in sayings:
        if verdict == "gone":
            try:
                labels.withdraw("cellar", EPOCH, number)
            except NoSuchEvent:
                assert number not in oracle
            oracle.pop(number, None)
        else:
            labels.keep(said(number, verdict, note))
            oracle[number] = verdict, note
    found = {each.label.event: (each.label.verdict, each.label.note) for each in labels.of("cellar")[0]}
    counts = labels.counts()
    store.close()
    assert found == oracle
    verdicts = [verdict for verdict, _ in oracle.values()]
    assert [counts[each] for each in VERDICTS] == [verdicts.count(each) for each in VERDICTS]
    assert counts["unsure"] == verdicts.count(None) and counts["missed"] == 0


def label(client: httpx.Client, number: int, verdict: str | None, note: str = "") -> httpx.Response:
    return client.put(f"{PLACE}/{number}", json={"verdict": verdict, "note": note})


def lived(client: httpx.Client, room) -> None:
    room.born()
    room.records(*[record(seq) for seq in range(1, 11)])
    room.send("event", event(3, "end", 6))
    room.send("event", event(8, "start", 8, why="=HYPERLINK(1)"))
    until(lambda: len(client.get("/api/devices/cellar/events").json().get("events", [])) == 2)


def test_labels_are_made_and_taken_back_over_http(broker, tmp_path):
    with monitor(broker, tmp_path / "m.db") as (_, client), agent(broker) as room:
        lived(client, room)
        made = label(client, 3, "false_alarm", "the boiler")
        assert made.status_code == 200 and made.json()["made_ms"] > NOON
        label(client, 8, None)
        gap = {"from_ms": NOON, "to_ms": NOON + 9000, "note": "window"}
        missed = client.post("/api/devices/cellar/missed", json=gap)
        assert missed.status_code == 201
        found = client.get("/api/devices/cellar/labels").json()
        assert [(each["event"], each["verdict"]) for each in found["labels"]] == [
            (3, "false_alarm"),
            (8, None),
        ]
        assert found["missed"] == [missed.json()]
        one = {"true_alarm": 0, "false_alarm": 1, "unsure": 1, "missed": 1}
        assert client.get("/api/labels").json() == {**one, "devices": {"cellar": one}}
        assert client.delete(f"{PLACE}/8").status_code == 200
        assert client.delete(f"/api/devices/cellar/missed/{missed.json()['id']}").status_code == 200
        found = client.get("/api/devices/cellar/labels").json()
        assert len(found["labels"]) == 1 and found["missed"] == []


@pytest.mark.parametrize(
    ("method", "path", "body", "status", "says"),
    [
        ("PUT", f"{PLACE}/4", {"verdict": None}, 404, "cellar has no event"),
        ("PUT", f"{PLACE}/{10**30}", {"verdict": None}, 404, "no such event"),
        ("PUT", f"/api/devices/attic/labels/{EPOCH}/3", {"verdict": None}, 404, "no device 'attic'"),
        ("PUT", f"{PLACE}/3", {"verdict": "maybe"}, 400, "'maybe'"),
        ("PUT", f"{PLACE}/3", {"note": "what"}, 400, "verdict"),
        ("PUT", f"{PLACE}/3", {"verdict": None, "who": "me"}, 400, "who"),
        ("PUT", f"{PLACE}/3", {"verdict": None, "note": "x" * 1001}, 400, "1000"),
        ("PUT", f"{PLACE}/3", {"verdict": None, "note": "x" * 70_000}, 413, "64 KiB"),
        ("DELETE", f"{PLACE}/3", None, 404, "nothing was said"),
        ("DELETE", "/api/devices/cellar/missed/1", None, 404, "no missed alarm"),
        ("POST", "/api/devices/cellar/missed", {"from_ms": 5, "to_ms": 5}, 400, "ends after it begins"),
        ("POST", "/api/devices/cellar/missed", {"from_ms": 0, "to_ms": 10**11}, 400, "within 31 days"),
        ("POST", "/api/devices/cellar/missed", {"from_ms": 0, "to_ms": 10**30}, 400, "to_ms"),
    ],
)
def test_what_cannot_be_said_is_refused_in_a_sentence(shared, method, path, body, status, says):
    answer = shared.request(method, path, json=body, headers={"content-type": "application/json"})
    assert answer.status_code == status
    assert says in answer.json()["error"]
    assert shared.get("/api/labels").json()["devices"] == {}


@pytest.fixture(scope="module")
def shared(tmp_path_factory):
    """The client of a monitor with one room and two events, of which nobody has said anything."""
    with (
        mosquitto() as broker,
        monitor(broker, tmp_path_factory.mktemp("shared") / "m.db") as (_, client),
        agent(broker) as room,
    ):
        lived(client, room)
        yield client


def test_a_label_reaches_every_open_page(broker, tmp_path):
    with monitor(broker, tmp_path / "m.db") as (_, client), agent(broker) as room:
        lived(client, room)
        with client.stream("GET", "/live") as stream:
            lines = stream.iter_lines()
            next(lines)  # it is open
            label(client, 3, "true_alarm")
            frames = (json.loads(line[5:]) for line in lines if line.startswith("data:"))
            (news,) = next(frame["labels"] for frame in frames if "labels" in frame)
            assert (news["device"], news["event"], news["verdict"]) == ("cellar", 3, "true_alarm")
            client.delete(f"{PLACE}/3")
            (news,) = next(frame["labels"] for frame in frames if "labels" in frame)
            assert news == {"device": "cellar", "epoch": EPOCH, "event": 3, "gone": True}


def test_labels_are_exported_as_json_and_as_a_table_that_runs_no_formula(broker, tmp_path):
    with monitor(broker, tmp_path / "m.db") as (_, client), agent(broker) as room:
        lived(client, room)
        label(client, 3, "true_alarm", 'a "window", open\nall night')
        label(client, 8, "false_alarm", "+1")
        client.post("/api/devices/cellar/missed", json={"from_ms": NOON, "to_ms": NOON + 9000})
        whole = client.get("/api/labels.json").json()
        assert whole["counts"]["missed"] == 1 and len(whole["labels"]) == 2
        answer = client.get("/api/labels.csv")
        assert answer.headers["content-type"].startswith("text/csv")
        assert 'filename="labels.csv"' in answer.headers["content-disposition"]
        rows = list(csv.DictReader(io.StringIO(answer.text, newline="")))
        assert [row["verdict"] for row in rows] == ["true_alarm", "false_alarm", "missed"]
        assert rows[0]["note"] == 'a "window", open\nall night'
        assert rows[0]["onset"] == "2025-10-09T08:53:50.000+00:00" and rows[0]["score"] == "4.2"
        assert rows[0]["channel"] == "temperature_c"
        assert rows[1]["note"] == "'+1" and rows[1]["sentence"] == "'=HYPERLINK(1)"
        assert rows[2]["end"] == "2025-10-09T08:53:29.000+00:00" and rows[2]["event"] == ""


def test_a_store_of_before_there_were_labels_is_read_as_one_without_any(store):
    from monitor.labels import labelled, missed

    with store.reading() as run:
        assert labelled(run) == [] and missed(run) == []
    assert Path(store.path).exists()
