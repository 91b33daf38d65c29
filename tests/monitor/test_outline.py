"""What a list knows of a device: its news, put together, are the whole of it; and a frame is small."""

import copy
import json
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from monitor.fleet import Fleet, News
from monitor.frame import make_frame
from monitor.outline import hear, outline, outline_news, summary_news
from tests.monitor import messages
from tests.monitor.messages import record

STEPS = {
    "birth": ("status", lambda n: messages.status("online", f"s{n}")),
    "will": ("status", lambda n: messages.status("offline", f"s{n}")),
    "info": ("info", lambda n: messages.info(f"s{n}", model=f"room {n}")),
    "health": ("health", lambda _: messages.health()),
    "record": ("data", lambda n: messages.data(record(n, score=n / 10, temperature_c=20.0 + n))),
    "gap": ("data", lambda n: messages.data(record(n + 20, state="anomalous"))),
    "other channels": ("data", lambda n: messages.data(record(n + 40, pressure_hpa=1000.0))),
    "rubbish": ("data", lambda _: b"rubbish"),
}


def summaries(fleet: Fleet) -> dict[str, dict[str, Any]]:
    return {each: device.summary() for each, device in fleet.devices.items()}


@settings(deadline=None)  # the machine may have other work
@given(st.lists(st.tuples(st.sampled_from(sorted(STEPS)), st.integers(1, 9))))
def test_the_news_of_every_commit_put_together_are_what_a_page_would_load(
    steps: list[tuple[str, int]],
) -> None:
    fleet, listed, opened = Fleet(), {}, {}
    before: dict[str, dict[str, Any]] = {}
    for name, number in steps:
        leaf, make = STEPS[name]
        fleet.take(f"picanary/v1/cellar/{leaf}", make(number), News())
        after = json.loads(json.dumps(summaries(fleet)))
        for device in after:
            news = json.loads(json.dumps(outline_news(before.get(device), after[device])))
            assert hear(listed, news)
            opened |= summary_news(before.get(device), after[device])
        before = copy.deepcopy(after)
        assert listed == {each: outline(whole) for each, whole in after.items()}
        if after:
            whole = dict(after["cellar"])
            ends = [
                {k: (v["missing"], v["gone"]) for k, v in one.pop("journals").items()}
                for one in (whole, dict(opened))
            ]
            assert ends[0] == ends[1]
            assert whole == {key: value for key, value in opened.items() if key != "journals"}


def test_news_of_a_device_that_was_never_listed_are_not_enough() -> None:
    known: dict[str, Any] = {}
    assert not hear(known, {"id": "cellar", "heard_ms": 1, "newest": {"score": 1.0}})
    assert known == {}


def test_a_thousand_busy_devices_are_a_small_frame() -> None:
    fleet = Fleet()
    for device in range(1000):
        for leaf, payload in (
            ("info", messages.info()),
            ("health", messages.health()),
            ("data", messages.data(record(1))),
        ):
            fleet.take(f"picanary/v1/device-{device:04d}/{leaf}", payload, News())
    before, news = summaries(fleet), News()
    for device in range(1000):
        fleet.take(
            f"picanary/v1/device-{device:04d}/data",
            messages.data(record(2, score=0.4, why="as expected, still")),
            news,
        )
    frame = make_frame(news, before, summaries(fleet))
    assert len(frame.seen_by(None)) < 200_000
    assert len(frame.seen_by("device-0007")) - len(frame.seen_by(None)) < 2000
    told = json.loads(frame.seen_by("device-0007"))
    assert len(told["devices"]) == 1000
    assert told["open"]["device"]["id"] == "device-0007"
    assert told["open"]["device"]["newest"]["why"] == "as expected, still"
    assert "why" not in told["devices"][0]["newest"]
    assert "health" not in told["open"]["device"]
    assert [one["seq"] for one in told["open"]["records"]] == [2]
