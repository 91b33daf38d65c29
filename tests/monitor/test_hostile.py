"""Whoever may publish may publish anything: a real monitor keeps its memory, its page and its count."""

import json
import os
import sqlite3
import time
from collections.abc import Iterator
from contextlib import closing
from itertools import count
from pathlib import Path
from typing import Any

import pytest

from monitor.bounds import JOURNALS_EACH, RANGES_EACH
from monitor.message import TIME_MOST
from monitor.roster import DEVICES_MOST
from tests.brokers import Broker, mosquitto
from tests.monitor import messages
from tests.monitor.browser import chromium, expect, open_page
from tests.monitor.flood import ALL_OF_IT, Publisher, Running, publisher, running
from tests.monitor.messages import EPOCH, NOON, record
from tests.monitor.running import until
from tests.monitor.test_page import value as figure

# `PICANARY_FLOOD=1000000` sends a million of each.
DEVICES = int(os.environ.get("PICANARY_FLOOD", 20_000))
TOPICS = int(os.environ.get("PICANARY_FLOOD", 100_000))
PATIENCE_S = 60.0 + max(DEVICES, TOPICS) / 2000
RESIDENT_MB = 300.0
YEAR_MS = 31_556_952_000
_seconds = count(1)


@pytest.fixture
def broker() -> Iterator[Broker]:
    with mosquitto(ALL_OF_IT) as made:
        yield made


@pytest.fixture
def monitor(broker: Broker, tmp_path: Path) -> Iterator[Running]:
    with running(broker, tmp_path / "m.db") as made:
        yield made


@pytest.fixture
def anybody(broker: Broker, monitor: Running) -> Iterator[Publisher]:
    """Who is heard by that monitor, or could be."""
    with publisher(broker.port) as made:
        until(lambda: monitor.listens(made), PATIENCE_S)
        yield made


def told(monitor: Running, *names: str) -> int:
    """The sum of those figures of /healthz."""
    health = monitor.health()
    return sum(health[name] for name in names)


def say(anybody: Publisher, device: str, leaf: str, payload: bytes) -> None:
    anybody.publish(f"picanary/v1/{device}/{leaf}", payload)


def batch(*records: dict[str, Any]) -> bytes:
    """A `data` message, whether it keeps the contract or not."""
    return json.dumps({"v": 1, "records": list(records)}).encode()


def wait_for(monitor: Running, anybody: Publisher, device: str) -> None:
    """Until that device's records get in, as it sends one a second."""

    def heard() -> bool:
        say(anybody, device, "data", messages.data(record(next(_seconds))))
        anybody.settle()
        time.sleep(0.2)
        return device in monitor.devices()

    until(heard, PATIENCE_S)


def test_a_flood_of_devices_is_bounded_and_counted_and_a_real_one_gets_in(
    monitor: Running, anybody: Publisher
) -> None:
    online = messages.status("online")
    for number in range(DEVICES):
        say(anybody, f"fake-{number}", "status", online)
    anybody.settle()
    until(lambda: told(monitor, "devices", "refused") == DEVICES + 1, PATIENCE_S)
    assert told(monitor, "devices") == DEVICES_MOST
    wait_for(monitor, anybody, "cellar")
    assert told(monitor, "dismissed") >= 1 and told(monitor, "devices") == DEVICES_MOST
    assert monitor.resident_mb < RESIDENT_MB
    with closing(sqlite3.connect(monitor_store(monitor))) as file:
        assert file.execute("SELECT count(*) FROM devices").fetchone()[0] <= DEVICES_MOST


def monitor_store(monitor: Running) -> str:
    line = Path(f"/proc/{monitor.process.pid}/cmdline").read_bytes().decode().split("\0")
    return line[line.index("--store") + 1]


def test_a_flood_of_strange_topics_is_counted_and_costs_no_memory(
    monitor: Running, anybody: Publisher
) -> None:
    before = monitor.resident_mb
    names = ("<b>{}", "x" * 100 + "{}", "\u202e{}", "\N{SNOWMAN}{}", " {}")
    for number in range(TOPICS):
        say(anybody, names[number % len(names)].format(number), "data", b"[" * 100)
    for number in range(1000):
        anybody.publish(f"picanary/v{number}/{number}/more/{number}", b"x")
    anybody.settle()
    until(lambda: told(monitor, "malformed") == TOPICS, PATIENCE_S)
    assert told(monitor, "devices") == 1 and monitor.resident_mb < before + 60.0


def test_junk_on_many_devices_topics_makes_no_device(monitor: Running, anybody: Publisher) -> None:
    leaves = ("status", "info", "health", "state", "data", "event")
    for number in range(6000):
        say(anybody, f"junk-{number}", leaves[number % len(leaves)], b'{"v":1,"records":[{}]}')
    anybody.settle()
    until(lambda: told(monitor, "malformed") == 6000, PATIENCE_S)
    assert told(monitor, "devices") == 1


def test_payloads_of_megabytes_are_counted_or_never_sent_to_us(monitor: Running, anybody: Publisher) -> None:
    large = b'{"v":1,"records":[' + b"9" * 1_100_000 + b"]}"
    for _ in range(50):
        say(anybody, "cellar", "data", large)
    deep = b'{"v":1,"records":[' + b"[" * 100_000 + b"]" * 100_000 + b"]}"
    many = b'{"v":1,"records":[' + b"1," * 500_000 + b"1]}"
    for payload in (deep, many, b"[" * 100_000, b'{"a":' * 100_000):
        say(anybody, "cellar", "data", payload)
    for _ in range(5):
        say(anybody, "cellar", "data", b"x" * 20_000_000)
    say(anybody, "cellar", "data", messages.data(record(1)))
    anybody.settle()
    until(lambda: "cellar" in monitor.devices(), PATIENCE_S)
    assert told(monitor, "malformed") == 54, "those of 20 MB were not sent to us at all"
    assert monitor.resident_mb < RESIDENT_MB


def test_journals_and_gaps_without_number_are_bounded(monitor: Running, anybody: Publisher) -> None:
    say(anybody, "cellar", "info", messages.info())
    for number in range(3000):
        other = {"epoch": f"{number:016x}", "boot": f"boot {number}", "clk": "unsynced"}
        say(anybody, "cellar", "data", batch(record(1, **other)))
    for number in range(1, 8000):
        say(anybody, "cellar", "data", batch(record(2 * number, boot=f"boot {number}", clk="unsynced")))
        say(anybody, "cellar", "event", messages.event(number, "start", number))
    anybody.settle()
    wait_for(monitor, anybody, "attic")

    def account() -> dict[str, Any]:
        return monitor.device("cellar")

    until(lambda: account()["journals"][EPOCH]["last"] == 2 * 7999, PATIENCE_S)
    until(lambda: told(monitor, "dropped") >= 3000 - JOURNALS_EACH + 1000, PATIENCE_S)
    assert len(account()["journals"]) <= 20 and monitor.resident_mb < RESIDENT_MB

    def rows(query: str) -> int:
        with closing(sqlite3.connect(monitor_store(monitor))) as file:
            found: int = file.execute(query).fetchone()[0]
        return found

    until(lambda: rows("SELECT count(*) FROM journals") <= JOURNALS_EACH + 1, PATIENCE_S)
    gaps = "SELECT max(json_array_length(gaps)) FROM journals"
    until(lambda: rows(gaps) <= RANGES_EACH, PATIENCE_S)  # what is too many is looked for now and then


BIDI = "\u202e<img src=x onerror=alert(1)>\u0000\u0007\u2066\ufeff&lt;\n</script>"
TEXTS = [BIDI, "x" * 1000, "\u0000", "", "constructor", "__proto__"]
NUMBERS = [0, -1, 1e308, -1e308, 5e-324, 10**30, -(10**30), 2**53, -0.0, 1e15]
WRONG = [None, True, [], {}, [[]], {"a": {"b": []}}, "NaN", *TEXTS, *NUMBERS]
TIMES = [0, -1, NOON + 974 * YEAR_MS, 253_369_000_000_000, TIME_MOST, 8_640_000_000_000_000, -(2**62)]


def hostile(message: dict[str, Any], inner: bool = True) -> Iterator[bytes]:
    """That message with something else in each of its fields, and in those of its fields."""
    for key in [*message, "unknown", BIDI]:
        for value in [*WRONG, *TIMES]:
            yield json.dumps(message | {key: value}).encode()
        if inner and isinstance(message.get(key), dict):
            for value in [*WRONG, *TIMES]:
                yield json.dumps(message | {key: {BIDI: value, "humidity_pct": value}}).encode()
    bare = json.dumps(message)
    for literal in ("NaN", "Infinity", "-Infinity", "1e400", '"\\ud800"', '"\\udfff\\ud800"', "0x10"):
        yield bare.replace("1", literal, 1).encode()
        yield bare.replace(': "', f": {literal}, " + '"x": "', 1).encode()
    yield bare.encode().replace(b'"', b'\xff"')
    yield bare.encode()[:-1]


def all_hostile() -> Iterator[tuple[str, bytes]]:
    """For every leaf, whatever may be wrong with it."""
    for seq, payload in enumerate(hostile(record(5)), 10):
        yield "data", b'{"v":1,"records":[%s]}' % payload
        yield "state", payload
        strange = {"temperature_c": NUMBERS[seq % len(NUMBERS)], "humidity_pct": NUMBERS[seq % 7]}
        expected = {"expected": strange, "spread": strange, "ts_ms": abs(TIMES[seq % 5])}
        yield "data", batch(record(seq, why=TEXTS[seq % 6], src=BIDI, model=BIDI, **strange, **expected))
    for leaf, made in {
        "status": messages.status("online"),
        "info": messages.info(),
        "health": messages.health(),
        "event": messages.event(2, "end", 3),
    }.items():
        for payload in hostile(json.loads(made)):
            yield leaf, payload
    nested: Any = 1
    for _ in range(400):
        nested = [nested]
    health = json.loads(messages.health())
    yield "health", json.dumps(health | {"journal": {**health["journal"], "deep": nested}}).encode()
    yield "health", json.dumps(health | {"sensor": {str(n): BIDI for n in range(3000)}}).encode()
    for number, text in enumerate(TEXTS, 20):
        at = {"ts_ms": abs(TIMES[number % 5]), "onset_ms": 0, "end_ms": abs(TIMES[number % 5])}
        yield "event", messages.event(number, "end", number + 1, why=text, channel=text, **at)
    yield "info", messages.info(board=BIDI, source=BIDI, model=BIDI, versions={BIDI: BIDI})


def test_whatever_stands_in_a_field_the_page_stays_whole_and_shows_it_as_text(
    monitor: Running, anybody: Publisher
) -> None:
    sent = 0
    for leaf, payload in all_hostile():
        say(anybody, "cellar", leaf, payload)
        sent += 1
    say(anybody, "cellar", "data", batch(record(9000, why=BIDI, state="anomalous", ts_ms=NOON)))
    wait_for(monitor, anybody, "attic")
    until(lambda: monitor.device("cellar")["counts"]["received"] > 100, PATIENCE_S)
    malformed = told(monitor, "malformed")
    assert sent // 3 < malformed < sent and told(monitor, "faults") == 0
    wrong: list[str] = []
    with chromium() as browser:
        for width, scheme in ((1440, "light"), (360, "dark")):
            page = open_page(browser, monitor.url, wrong, width=width, scheme=scheme)
            expect(page.get_by_text("attic").first).to_be_visible()
            expect(page.get_by_text("cellar").first).to_be_visible()
            page.goto(f"{monitor.url}#/device/cellar")
            expect(page.locator('[data-testid="chart"] canvas').first).to_be_visible()
            for button in page.locator("[data-range]:visible").all():
                button.click()
                expect(button).to_have_attribute("aria-pressed", "true")
            expect(page.locator('[data-testid="chart"] canvas').first).to_be_visible()
            assert page.locator("img[src=x]").count() == 0
            expect(page.get_by_text("<img src=x onerror=alert(1)>").first).to_be_attached()
            page.goto(f"{monitor.url}#/device/attic")
            seq = next(_seconds)
            say(anybody, "attic", "data", batch(record(seq, temperature_c=float(width))))
            anybody.settle()
            expect(figure(page, "temperature_c")).to_have_text(f"{width}.0")
            page.context.close()
    assert not wrong, wrong


def test_a_clock_of_the_year_3000_hides_nothing_of_now(monitor: Running, anybody: Publisher) -> None:
    now_ms = int(time.time() * 1000)
    say(anybody, "cellar", "info", messages.info(period_s=1.0))
    for first in (0, now_ms + 974 * YEAR_MS, TIME_MOST - 1_000_000):
        other = [record(next(_seconds), ts_ms=first + 1000 * n) for n in range(900)]
        for at in range(0, 900, 50):
            say(anybody, "cellar", "data", batch(*other[at : at + 50]))
    for at in range(0, 2000, 50):
        own = [
            record(next(_seconds), ts_ms=now_ms - 2_000_000 + 1000 * n, temperature_c=n / 100)
            for n in range(at, at + 50)
        ]
        say(anybody, "cellar", "data", batch(*own))
    anybody.settle()
    until(lambda: monitor.device("cellar").get("counts", {}).get("received") == 4700, PATIENCE_S)
    assert abs(monitor.device("cellar")["newest"]["ts_ms"] - now_ms) < 10_000
    where = f"/api/devices/cellar/series?from_ms={now_ms - 3_600_000}&to_ms={now_ms}"
    for points in (300, 5000):
        found = monitor.pages.get(f"{where}&points={points}").json()
        values = [each for each in found["channels"]["temperature_c"]["value"] if each is not None]
        assert found["count"] == 2000 and (min(values), max(values)) == (0.0, 19.99)
    began = time.perf_counter()
    assert monitor.pages.get("/api/devices/cellar/series").json()["count"] == 4700
    assert time.perf_counter() - began < 5.0
