"""What is the case, out of what the ingest knows, in the sentences that people get."""

import json
import time
from dataclasses import dataclass, field
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from monitor.alerts import words
from monitor.alerts.alert import Alert
from monitor.alerts.condition import MONITOR, Observation
from monitor.alerts.letter import Letter, write
from monitor.alerts.notice import Notice
from monitor.alerts.watch import Watch
from monitor.fleet import Fleet, News
from tests.monitor import messages

WALL = messages.NOON + 3_600_000


@dataclass
class Bench:
    """A fleet that is told by messages, and a watch that looks at it."""

    fleet: Fleet = field(default_factory=Fleet)
    broker: str | None = None
    store: str | None = None

    def __post_init__(self) -> None:
        self.watch = Watch(self.summaries, lambda: self.broker, lambda: self.store)

    def summaries(self) -> dict[str, dict[str, Any]]:
        return {name: device.summary() for name, device in self.fleet.devices.items()}

    def hear(self, leaf: str, payload: bytes, device: str = "cellar") -> None:
        news = News()
        self.fleet.take(f"picanary/v1/{device}/{leaf}", payload, news)
        self.watch.hear(news.events)

    def born(self, device: str = "cellar", period_s: float = 10.0) -> None:
        self.hear("status", messages.status("online"), device)
        self.hear("info", messages.info(device=device, period_s=period_s), device)

    def records(self, *records: dict[str, Any], device: str = "cellar") -> None:
        time.sleep(0.002)  # when it was heard is told apart by milliseconds
        self.hear("data", messages.data(*records), device)

    def look(self, now: float = 0.0) -> Observation:
        return self.watch.look(now, WALL)


@pytest.fixture
def bench() -> Bench:
    made = Bench()
    made.born()
    made.records(messages.record(1))
    return made


def kinds(seen: Observation) -> list[str]:
    return sorted(kind for _, kind in seen.conditions)


def test_all_is_well(bench: Bench) -> None:
    assert kinds(bench.look()) == []


def test_an_anomaly_is_said_with_what_was_expected_since_its_onset(bench: Bench) -> None:
    values = {
        "observed": {"humidity_pct": 81.2, "temperature_c": 21.0},
        "expected": {"humidity_pct": 52.1, "temperature_c": 21.0},
        "spread": {"humidity_pct": 4.2, "temperature_c": 0.2},
    }
    bench.hear("event", messages.event(5, "start", 5, channel="humidity_pct", score=3.0, **values))
    bench.records(messages.record(5, state="anomalous", score=2.0))
    condition = bench.look().conditions["cellar", "anomaly"]
    assert condition.sentence == "humidity 81 %, expected 52 ± 4"
    assert condition.since_ms == messages.NOON + 50_000
    assert condition.level == 3.0


def test_an_anomaly_without_its_event_is_said_by_the_record(bench: Bench) -> None:
    bench.records(messages.record(5, state="anomalous", temperature_c=17.0, score=4.0))
    condition = bench.look().conditions["cellar", "anomaly"]
    assert condition.sentence == "temperature 17.0 °C, expected 21.4 ± 0.2"
    assert condition.level == 4.0


def test_what_is_strange_by_how_it_moves_is_said_by_the_agent(bench: Bench) -> None:
    why = "temperature has been 4.0 times as restless as usual for a while"
    inside = {"observed": {"temperature_c": 21.5}, "why": why}
    bench.hear("event", messages.event(5, "start", 5, **inside))
    bench.records(messages.record(5, state="anomalous"))
    assert bench.look().conditions["cellar", "anomaly"].sentence == why


def test_a_clock_that_was_never_set_dates_nothing(bench: Bench) -> None:
    bench.hear("event", messages.event(5, "start", 5, onset_ms=1000))
    bench.records(messages.record(5, state="anomalous"))
    assert bench.look().conditions["cellar", "anomaly"].since_ms == WALL


def test_a_sensor_fault_is_no_anomaly(bench: Bench) -> None:
    bench.records(messages.record(2, state="sensor_fault", why="no answer", score=None))
    assert kinds(bench.look()) == ["sensor_fault"]


def test_a_device_that_is_offline_says_nothing_of_its_room(bench: Bench) -> None:
    bench.records(messages.record(5, state="anomalous"))
    bench.hear("status", messages.status("offline"))
    seen = bench.look()
    assert kinds(seen) == ["offline"]
    assert seen.is_unseen(("cellar", "anomaly"))
    assert not seen.is_unseen(("cellar", "offline"))


def test_a_device_that_was_stopped_is_no_trouble(bench: Bench) -> None:
    bench.records(messages.record(5, state="anomalous"))
    bench.hear("status", messages.status("disconnected"))
    seen = bench.look()
    assert kinds(seen) == []
    assert seen.stopped == {"cellar"}


def test_silence_is_five_periods_by_our_own_clock(bench: Bench) -> None:
    bench.look(0.0)
    bench.records(messages.record(2))
    assert kinds(bench.look(10.0)) == []
    assert kinds(bench.look(60.0)) == []
    seen = bench.look(61.0)
    assert kinds(seen) == ["silent"]
    assert seen.conditions["cellar", "silent"].since_ms == WALL - 51_000
    bench.records(messages.record(3))
    assert kinds(bench.look(62.0)) == []


def test_after_a_restart_nobody_knows_yet_who_is_silent(bench: Bench) -> None:
    assert bench.look(0.0).is_unseen(("cellar", "silent"))
    bench.records(messages.record(2))
    assert not bench.look(1.0).is_unseen(("cellar", "silent"))


def test_while_the_broker_is_away_only_that_is_the_case(bench: Bench) -> None:
    bench.records(messages.record(2, state="anomalous"))
    assert kinds(bench.look(0.0)) == ["anomaly"]
    bench.broker = "the broker at h:1883 refused the connection"
    seen = bench.look(500.0)
    assert kinds(seen) == ["broker"]
    assert seen.is_unseen(("cellar", "silent")) and not seen.is_unseen((MONITOR, "store"))
    bench.broker = None
    assert kinds(bench.look(501.0)) == ["anomaly"]  # silence is counted from here
    assert kinds(bench.look(552.0)) == ["anomaly", "silent"]


def test_a_store_that_cannot_be_written_is_the_case(bench: Bench) -> None:
    bench.store = "cannot write m.db: disk full"
    assert bench.look().conditions[MONITOR, "store"].sentence == "cannot write m.db: disk full"


def test_records_that_are_missing_are_counted(bench: Bench) -> None:
    bench.records(messages.record(5))
    assert bench.look().conditions["cellar", "missing"].sentence == "3 records are missing"


def test_a_namesake_and_a_long_shift_are_the_case_until_their_end(bench: Bench) -> None:
    bench.hear("event", messages.advisory(2, "start", 2, state="namesake", why="another cellar"))
    bench.hear("event", messages.advisory(3, "start", 3))
    assert kinds(bench.look()) == ["advisory", "namesake"]
    assert bench.look().conditions["cellar", "namesake"].sentence == "another cellar"
    bench.hear("event", messages.advisory(3, "end", 4))
    assert kinds(bench.look()) == ["namesake"]


def test_a_device_that_was_told_to_be_quiet_is_quiet_at_once_and_as_long_as_it_says(bench: Bench) -> None:
    assert bench.look(0.0).quiet == set()
    bench.hear("event", messages.event(5, "start", 5, snoozed=True))
    bench.records(messages.record(5, state="anomalous"))
    assert bench.look(1.0).quiet == {"cellar"}
    report = json.loads(messages.health()) | {"ts_ms": messages.NOON + 60_000, "snoozed_s": 600}
    bench.hear("health", json.dumps(report).encode())
    assert bench.look(2.0).quiet == {"cellar"}
    assert bench.look(601.0).quiet == {"cellar"}
    assert bench.look(602.0).quiet == set()


def letter(what: str = "onset", *alerts: Alert, kind: str = "anomaly", **other: Any) -> Letter:
    some = alerts or (alert(),)
    return write(Notice(what, kind, some, 20, WALL, **other), "1", "http://monitor.example/")  # type: ignore[arg-type]


def alert(device: str = "cellar", kind: str = "anomaly", **other: Any) -> Alert:
    made = {"sentence": "humidity 81 %, expected 52 ± 4", "level": 1.0, "onset": 0.0, "fresh": 0.0, **other}
    return Alert(1, device, kind, WALL - 1_500_000, **made)


def local(at_ms: int) -> str:
    return time.strftime("%H:%M", time.localtime(at_ms / 1000))


SINCE = local(WALL - 1_500_000)
OFFLINE = tuple(alert(f"room-{number:02}", "offline", sentence="offline") for number in range(17))


@pytest.mark.parametrize(
    ("made", "title", "text"),
    [
        (letter(), "cellar: anomaly", f"cellar: humidity 81 %, expected 52 ± 4 (since {SINCE})"),
        (
            letter("reminder"),
            "cellar: anomaly, still",
            f"Still: cellar: humidity 81 %, expected 52 ± 4 (since {SINCE})",
        ),
        (
            letter("recovery"),
            "cellar behaves as expected again",
            f"cellar behaves as expected again, after 25 minutes (since {SINCE})",
        ),
        (
            letter("recovery", unwatched=frozenset({"cellar"})),
            "cellar: no longer watched",
            "cellar was stopped or is no longer known; it had: humidity 81 %, expected 52 ± 4 "
            f"(since {SINCE})",
        ),
        (
            letter("onset", alert(MONITOR, "broker", sentence="the broker at h refused"), kind="broker"),
            "picanary: no connection to the broker",
            f"picanary: the broker at h refused (since {SINCE})",
        ),
        (
            letter("onset", *OFFLINE, kind="offline"),
            "17 of 20 devices are offline",
            f"17 of 20 devices are offline since {SINCE}: room-00, room-01, room-02, room-03 and 13 more",
        ),
        (
            letter("recovery", *OFFLINE[:15], kind="offline", remaining=("attic", "barn")),
            "15 of 17 devices are online again",
            f"15 of 17 devices are online again (since {SINCE}); not yet: attic, barn",
        ),
    ],
)
def test_a_letter_is_what_a_person_would_say(made: Letter, title: str, text: str) -> None:
    assert (made.title, made.text) == (title, text)


def test_a_letter_links_to_the_room_or_to_all_alerts() -> None:
    assert letter().url == "http://monitor.example/#/device/cellar"
    assert letter("onset", *OFFLINE, kind="offline").url == "http://monitor.example/#/alerts"


def test_a_letter_comes_back_from_the_outbox_as_it_was() -> None:
    made = letter("onset", *OFFLINE, kind="offline")
    assert Letter.from_json(json.loads(json.dumps(made.to_json()))) == made


@given(st.text(max_size=3000))
def test_text_from_elsewhere_is_one_line_of_bounded_length(text: str) -> None:
    line = words.clean(text)
    assert len(line) <= words.TEXT_MOST
    assert line.isprintable()


@pytest.mark.parametrize(
    ("seconds", "said"),
    [
        (1, "1 second"),
        (59, "59 seconds"),
        (60, "1 minute"),
        (7100, "118 minutes"),
        (7200, "2 hours"),
        (200_000, "2 days"),
    ],
)
def test_a_duration_is_said_in_its_largest_unit(seconds: float, said: str) -> None:
    assert words.duration(seconds) == said
