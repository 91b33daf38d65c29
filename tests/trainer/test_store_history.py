"""`python -m trainer --data STORE`: what a monitor has got as history, and what people said of alarms."""

import json
import os
import re
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

pytest.importorskip("tensorflow", reason="needs picanary[train]")

from edge.bundle.bundle import load as load_bundle
from edge.detection.network import Network
from edge.detection.replay import judge
from edge.errors import RecordingError
from edge.recording import Recording
from edge.sources.fault import Fault
from edge.sources.simulator import simulate
from monitor.labels import Label, Labels
from tests.trainer.stores import EPOCH, Told, judged, keep, rings, told
from trainer import run
from trainer.feedback import feedback_of
from trainer.fit import KerasNetwork
from trainer.history import recorded
from trainer.outcomes import try_labels
from trainer.store_history import read_store
from trainer.store_records import UNKNOWN_MS, StoreRecords, in_order, room_time

ROOT = Path(__file__).parents[2]
DAY_S = 86_400.0
WALL_MS = 1_790_000_000_000
PERIOD_MS = 60_000


def records(count: int, epoch: str = EPOCH, **changes: Any) -> list[dict[str, Any]]:
    """Of a calm room, a reading a minute."""
    return [
        {
            **{"v": 1, "epoch": epoch, "seq": number + 1, "clk": "ntp", "boot": "b"},
            **{"ts_ms": WALL_MS + number * PERIOD_MS, "mono_ms": 500_000 + number * PERIOD_MS},
            **{"temperature_c": 20.0 + number % 7 / 10, "humidity_pct": 50.0 - number % 5 / 10},
            **{"q": "ok", "src": "iio", "sim": False, "state": "normal", "score": 0.1},
            **{"expected": {}, "spread": {}, "anomaly": False, "why": None, "model": None},
            **changes,
        }
        for number in range(count)
    ]


def alarm(onset: int, end: int, **changes: Any) -> list[dict[str, Any]]:
    """Both messages of an event, from one record's number to another's."""
    at = [WALL_MS + (seq - 1) * PERIOD_MS for seq in (onset, end)]
    first = {
        **{"v": 1, "epoch": EPOCH, "id": onset, "phase": "start", "seq": onset, "ts_ms": at[0]},
        **{"onset_ms": at[0], "end_ms": None, "state": "anomalous", "score": 2.0, "channel": "temperature_c"},
        **{"observed": {}, "expected": {}, "spread": {}, "share": {}, "why": "too cold", "model": "room 1"},
        **{"sim": False, **changes},
    }
    return [first, {**first, "phase": "end", "seq": end + 30, "end_ms": at[1]}]


def say(store: Any, number: int, verdict: str | None, note: str = "", device: str = "cellar") -> None:
    Labels(store).keep(Label(device, EPOCH, number, verdict, note, 1))


def test_what_a_device_has_sent_comes_back_as_it_was_read(tmp_path: Path) -> None:
    room = simulate(5 * DAY_S, 60.0, 3, sensor="bme280")
    keep(tmp_path / "m.db", told(room, judged(room, 2))).close()
    history = recorded(tmp_path / "m.db")
    assert [each.name for each in history.channels] == ["temperature", "humidity", "pressure"]
    np.testing.assert_array_equal(history.ts_ms, room.ts_ms)
    np.testing.assert_allclose(history.values, room.values, rtol=1e-6)
    assert history.period_s == 60.0 and history.gaps == ()


def test_readings_that_the_sensor_failed_in_are_gaps(tmp_path: Path) -> None:
    made = records(700)
    for each in made[300:320]:
        each |= {"q": "missing", "temperature_c": None, "humidity_pct": None}
    for each in made[400:410]:
        each |= {"q": "rejected", "state": "sensor_fault", "temperature_c": -99.0}
    keep(tmp_path / "m.db", Told(made, [])).close()
    history = recorded(tmp_path / "m.db")
    assert len(history) == 670 and history.values.min() > 0
    assert [round((after - before) / PERIOD_MS) for before, after in history.gaps] == [21, 11]


def test_a_boot_without_a_clock_is_a_gap_and_a_new_journal_follows_the_old_one(tmp_path: Path) -> None:
    made = records(600)
    for number, each in enumerate(made[300:]):
        each |= {"boot": "second", "clk": "unsynced", "mono_ms": number * PERIOD_MS}
        each |= {"ts_ms": 946_684_800_000 + number}
    later = records(200, "f" * 16, boot="third")
    for each in later:
        each["ts_ms"] += 30 * 86_400_000
    keep(tmp_path / "m.db", Told(made + later, [])).close()
    history = recorded(tmp_path / "m.db")
    assert len(history) == 800
    assert [after - before for before, after in history.gaps] == [UNKNOWN_MS, UNKNOWN_MS]
    assert history.ts_ms[-1] == later[-1]["ts_ms"]


stories = st.lists(
    st.tuples(
        st.integers(0, 2),  # epoch
        st.integers(0, 2),  # boot
        st.booleans(),  # whether its clock was set
        st.integers(0, 10**6),
        st.integers(0, 10**6),
    ),
    min_size=1,
    max_size=12,
)


@settings(deadline=None)
@given(story=stories)
def test_the_rooms_time_is_as_an_obvious_loop_has_it(story: list[tuple[int, int, bool, int, int]]) -> None:
    epoch, boot, clocked, ts, mono = (np.array(column) for column in zip(*story, strict=True))
    nothing = np.zeros((len(story), 0))
    made = in_order(StoreRecords(ts, mono, np.arange(len(story)), epoch, boot, clocked, clocked, nothing))
    newest = {each: max(ts[epoch == each]) for each in set(epoch.tolist())}
    order = sorted(range(len(story)), key=lambda row: (newest[int(epoch[row])], row))
    at, before = [0], None
    for row in order:
        if before is not None:
            if boot[row] == boot[before] and mono[row] >= mono[before]:
                at.append(at[-1] + mono[row] - mono[before])
            elif clocked[row] and clocked[before]:
                at.append(at[-1] + max(0, ts[row] - ts[before]))
            else:
                at.append(at[-1] + UNKNOWN_MS)
        before = row
    assert [int(each) for each in room_time(made)] == [each - at[-1] + ts[order[-1]] for each in at]


def test_true_and_missed_alarms_are_left_out_and_false_ones_stay(tmp_path: Path) -> None:
    events = [alarm(101, 110), alarm(201, 210), alarm(301, 310), alarm(401, 410), alarm(500, 900)]
    events[4] = alarm(501, 590, state="advisory", channel=None)
    store = keep(tmp_path / "m.db", Told(records(700), [each for both in events for each in both]))
    for number, verdict in ((101, "true_alarm"), (201, "false_alarm"), (301, None), (501, "true_alarm")):
        say(store, number, verdict)
    Labels(store).mark_missed("cellar", (WALL_MS + 600 * PERIOD_MS, WALL_MS + 604 * PERIOD_MS), "", 1)
    store.close()
    kept = read_store(tmp_path / "m.db", None)
    assert len(kept.recording) == 700
    gone = set(kept.recording.ts_ms.tolist()) - set(kept.normal().ts_ms.tolist())
    assert sorted((each - WALL_MS) // PERIOD_MS + 1 for each in gone) == [*range(101, 111), *range(601, 606)]
    assert "people said: 1 true alarm, 1 false, 1 missed; 15 readings" in kept.normal().found[2]
    assert "2 other labels (unsure, or of what is no alarm)" in kept.normal().found[3]
    assert [each.verdict for each in kept.events] == ["true_alarm", "false_alarm", "missed"]


def test_a_label_whose_readings_are_gone_is_told_of_and_changes_nothing(tmp_path: Path) -> None:
    store = keep(tmp_path / "m.db", Told(records(700), alarm(5000, 5010)))
    say(store, 5000, "true_alarm")
    store.close()
    kept = read_store(tmp_path / "m.db", None)
    assert len(kept.normal()) == 700 and kept.events[0].span is None


def test_of_several_devices_one_is_named(tmp_path: Path) -> None:
    path = tmp_path / "m.db"
    for device, count in (("attic", 600), ("cellar", 700)):
        keep(path, Told(records(count, device.encode().hex().ljust(16, "0")), []), device).close()
    with pytest.raises(RecordingError, match=r"2 devices .*add --device, one of attic, cellar"):
        recorded(path)
    with pytest.raises(RecordingError, match=r"no records of a device 'roof'; there are attic, cellar"):
        read_store(path, "roof")
    assert len(read_store(path, "attic").normal()) == 600


@pytest.mark.parametrize(
    ("flags", "says"),
    [
        (["--data", "{store}"], "2 devices are in this store; add --device, one of attic, cellar"),
        (["--device", "roof"], "--device roof: chooses from a monitor's store"),
    ],
)
def test_what_cannot_be_trained_on_is_one_sentence(tmp_path: Path, flags: list[str], says: str) -> None:
    for device in ("attic", "cellar"):
        story = Told(records(600, device.encode().hex().ljust(16, "0")), [])
        keep(tmp_path / "m.db", story, device).close()
    done = command("trainer", *(flag.format(store=tmp_path / "m.db") for flag in flags))
    assert done.returncode == 2 and says in done.stderr, done.stderr
    assert len(done.stderr.splitlines()) == 1


@pytest.mark.parametrize(
    ("kind", "says"),
    [
        ("empty", "m.db: no device has sent records to this store"),
        ("old", "m.db: a store of format 3, this picanary reads"),
        ("cut", "m.db: cannot be read as a monitor's store"),
        ("retired", "m.db .cellar.: 0 good readings"),
        ("short", "m.db: 499 whole rows are too short to train on; it takes 500"),
    ],
)
def test_a_store_without_a_history_is_refused_in_a_sentence(tmp_path: Path, kind: str, says: str) -> None:
    path = tmp_path / "m.db"
    keep(path, Told(records({"empty": 0, "short": 499}.get(kind, 600)), [])).close()
    with sqlite3.connect(path) as store:
        if kind == "old":
            store.execute("PRAGMA user_version = 3")
        if kind == "retired":
            store.execute("DELETE FROM tail")
            store.execute("DELETE FROM chunks")
    store.close()
    if kind == "cut":
        path.write_bytes(path.read_bytes()[:5000])
    with pytest.raises(RecordingError, match=says):
        recorded(path)


def test_a_store_is_read_while_a_monitor_writes_it(tmp_path: Path) -> None:
    store = keep(tmp_path / "m.db", Told(records(600), []))
    assert Path(f"{tmp_path}/m.db-wal").stat().st_size > 0, "what is committed is still beside the file"
    with store.writing() as run:
        run("DELETE FROM journals")  # not committed
        assert len(recorded(tmp_path / "m.db")) == 600
        run("ROLLBACK")
        run("BEGIN")
    store.close()


def command(module: str, *flags: object) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", module, *map(str, flags)],
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        check=False,
        timeout=300,
    )


@dataclass
class Lived:
    """Twelve days of a bathroom: somebody showers every day, and a heater falls over on the tenth."""

    store: Path
    room: Recording
    story: Told
    showers: list[int]  # numbers of the alarms
    heater: list[int]
    last: Fault  # a shower of which nobody says anything


@pytest.fixture(scope="module")
def lived(tmp_path_factory: pytest.TempPathFactory) -> Lived:
    showers = [Fault("humidity_surge", (2.3 + n * 0.97) * DAY_S, 2400.0, 20.0, "humidity") for n in range(9)]
    heater = Fault("level_shift", 9.35 * DAY_S, 3600.0, 9.0, "temperature")
    faults = sorted([*showers, heater], key=lambda fault: fault.onset_s)
    room = simulate(12 * DAY_S, 60.0, 3, faults)
    story = told(replace(room, kinds=None), judged(room, 2))

    def alarms(fault: Fault) -> list[int]:
        start = int(room.ts_ms[0])
        return rings(story.events, start + fault.onset_s * 1000, start + fault.end_s * 1000)

    made = Lived(
        tmp_path_factory.mktemp("lived") / "m.db",
        room,
        story,
        [number for fault in showers[:-1] for number in alarms(fault)],
        alarms(heater),
        showers[-1],
    )
    assert len(made.showers) >= 6 and made.heater, "the first model rings, or there is nothing to label"
    assert alarms(made.last)
    store = keep(made.store, story)
    for number in made.showers:
        say(store, number, "false_alarm", "a shower")
    for number in made.heater:
        say(store, number, "true_alarm", "the heater <fell> over")
    store.close()
    return made


@pytest.fixture(scope="module")
def trained(lived: Lived, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    out = tmp_path_factory.mktemp("run") / "bath"
    done = command("trainer", "--data", lived.store, "--out", out, "--epochs", 1)
    assert done.returncode == 0, done.stderr
    counts = f"{len(lived.showers)} of {len(lived.showers)} labelled false alarms are gone"
    assert counts in done.stdout and "took part in the training" in done.stdout
    assert "found  the monitor's store, device cellar: temperature (°C), humidity (%)" in done.stdout
    yield out


def test_after_a_retraining_labelled_false_alarms_are_gone_and_true_ones_still_caught(
    lived: Lived, trained: Path
) -> None:
    labels = json.loads((trained / run.METRICS).read_text())["labels"]
    count = len(lived.showers)
    assert labels["false_alarm"]["of"] == labels["false_alarm"]["as_wanted"] == count
    assert labels["false_alarm"]["as_wanted_unheeded"] < count, "gone without the labels: this proves nothing"
    assert labels["true_alarm"] == {"as_wanted": len(lived.heater), "of": len(lived.heater)} | {
        "as_wanted_unheeded": len(lived.heater)
    }
    assert 0 < labels["learnt_from"] < count, "some lie in the part that is held out"
    assert max(labels["levels_raised"].values()) <= 4.0


def test_the_report_says_so_alarm_by_alarm_and_what_it_is_worth(lived: Lived, trained: Path) -> None:
    page = (trained / "report.html").read_text()
    text = " ".join(re.sub(r"<[^>]+>", " ", page).split())
    assert f"{len(lived.showers)} of {len(lived.showers)} labelled false alarms are gone" in text
    assert "took part in the training, so that this is no promise" in text
    assert "Levels that rose: humidity surge times" in text
    assert page.count("gone, 0.") == len(lived.showers) and page.count("still caught, ") >= len(lived.heater)
    assert "the heater &lt;fell&gt; over" in page


def test_the_bundle_that_convert_makes_is_silent_in_showers_and_rings_for_the_heater(
    lived: Lived, trained: Path, tmp_path: Path
) -> None:
    done = command("convert", trained, "--out", tmp_path / "bath.canary")
    assert done.returncode == 0, done.stderr
    assert f"labels     {len(lived.showers)} of {len(lived.showers)} labelled false alarms" in done.stdout
    made = load_bundle(tmp_path / "bath.canary", None)
    network = Network(made.model, made.windowing.width, made.windowing.outputs)
    metrics = json.loads((trained / run.METRICS).read_text())
    for name in metrics["labels"]["levels_raised"]:
        assert metrics["calibration"][f"level_{name}"] == pytest.approx(made.detector.levels[name], rel=0.02)
    room = replace(lived.room, kinds=None)
    alarm = judge(room, network, made.windowing, made.detector).alarm
    numbers = np.arange(1, len(room) + 1)
    for number in lived.showers:
        assert not alarm[(numbers >= number - 30) & (numbers <= number + 60)].any()
    assert alarm[(numbers >= lived.heater[0] - 5) & (numbers <= lived.heater[0] + 60)].any()


def tried(store: Path, trained: Path) -> Any:
    """The labels of a store, with the network of a run."""
    from edge.detection.calibration import calibrate

    made = run.load(trained)
    network = KerasNetwork(made.model)
    detector = calibrate(made.history, made.habits, network, 1.0, made.fleet)
    feedback = feedback_of(read_store(store, None))
    assert feedback is not None
    return try_labels(feedback, detector, network, made.habits.windowing)


def test_no_level_rises_so_far_that_a_true_alarm_falls_silent(
    lived: Lived, trained: Path, tmp_path: Path
) -> None:
    store = keep(tmp_path / "m.db", lived.story)
    strength = {each["id"]: each["score"] for each in lived.story.named(*lived.showers)}
    flood = sorted(strength, key=strength.__getitem__)[len(strength) // 3]  # weaker than most
    for number in lived.showers:
        say(store, number, "true_alarm" if number == flood else "false_alarm")
    store.close()
    outcomes = tried(tmp_path / "m.db", trained).outcomes
    assert [each.now for each in outcomes if each.event.verdict == "true_alarm"] == ["still caught"]
    refused = [each for each in outcomes if each.event.verdict == "false_alarm" and each.rings]
    assert refused and all("would silence the true alarm of 20" in each.says for each in refused)


def test_an_alarm_as_strong_as_a_real_fault_is_not_helped_and_the_report_says_why(
    lived: Lived, trained: Path, tmp_path: Path
) -> None:
    store = keep(tmp_path / "m.db", lived.story)
    for number in lived.heater:
        say(store, number, "false_alarm")
    store.close()
    made = tried(tmp_path / "m.db", trained)
    assert all(each.rings and "4 times at most" in each.says for each in made.outcomes)
    assert made.heeded.raised == {}
    assert made.sentence.startswith(f"0 of {len(lived.heater)} labelled false alarm")


def test_a_broken_sensor_and_an_alarm_without_readings_are_not_tried(
    lived: Lived, trained: Path, tmp_path: Path
) -> None:
    events = [*alarm(101, 110, state="sensor_fault"), *alarm(10**6, 10**6 + 9)]
    store = keep(tmp_path / "m.db", Told(lived.story.records, [*lived.story.events, *events]))
    for number in (101, 10**6):
        say(store, number, "false_alarm")
    store.close()
    made = tried(tmp_path / "m.db", trained)
    assert [each.now for each in made.outcomes] == ["not tried", "not tried"]
    assert "fixed rules" in made.outcomes[0].says and "no longer kept" in made.outcomes[1].says
    assert made.sentence == "2 could not be tried"
