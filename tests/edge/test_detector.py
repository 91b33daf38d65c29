"""Verdicts on a simulated room, through the real bundle: what is strange, what is broken, what is neither."""

import math
from dataclasses import replace
from pathlib import Path
from random import Random

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge.bundle.bundle import load
from edge.detection.detector import Detector
from edge.detection.judgement import Judgement
from edge.detection.observation import Strange
from edge.detection.replay import judge
from edge.detection.signals import shares
from edge.detection.verdict import Verdict
from edge.reading import Reading
from edge.recording import Recording
from edge.sources.fault import Fault
from edge.sources.simulator import simulate

HOUR_S = 3600.0


def stretch(*faults: Fault, hours: float = 4.0) -> Recording:
    return simulate(hours * HOUR_S, 10.0, 7, faults)


def see_all(detector: Detector, recording: Recording) -> list[Verdict]:
    return [detector.see(recording.reading(row))[1] for row in range(len(recording))]


def judged(bundle: Path, recording: Recording) -> Judgement:
    model = load(bundle)
    return judge(recording, model.network(), model.windowing, model.detector)


def events(judgement: Judgement) -> list[tuple[str, str | None]]:
    return [
        (change.event.kind, change.event.signal)
        for verdict in judgement.verdicts
        for change in verdict.changes
        if change.phase == "start"
    ]


def test_all_at_once_says_the_same_as_one_by_one(room_bundle: Path) -> None:
    recording = stretch(
        Fault("spike", 1.5 * HOUR_S, 20.0, 9.0, "temperature"),
        Fault("dropout", 2.0 * HOUR_S, 600.0),
        Fault("noise_burst", 2.6 * HOUR_S, 1200.0, 6.0, "humidity"),
        Fault("zero", 3.3 * HOUR_S, 300.0),
    )
    streamed = see_all(load(room_bundle).open_detector(), recording)
    assert streamed == list(judged(room_bundle, recording).verdicts)


def test_a_calm_room_is_normal_once_the_window_is_warm(room_bundle: Path) -> None:
    judgement = judged(room_bundle, stretch())
    states = [verdict.state for verdict in judgement.verdicts]
    warm_up = load(room_bundle).windowing.warm_up
    assert set(states[:warm_up]) == {"warming"}
    assert set(states[warm_up:]) == {"normal"}
    assert events(judgement) == []


@pytest.mark.parametrize(
    ("fault", "kind"),
    [
        (Fault("spike", 2 * HOUR_S, 20.0, 8.0, "temperature"), "anomalous"),
        (Fault("level_shift", 2 * HOUR_S, HOUR_S, 5.0, "temperature"), "anomalous"),
        (Fault("noise_burst", 2 * HOUR_S, 1200.0, 6.0, "humidity"), "anomalous"),
        (Fault("zero", 2 * HOUR_S, 300.0), "sensor_fault"),
        (Fault("dropout", 2 * HOUR_S, 300.0), "sensor_fault"),
    ],
)
def test_a_fault_is_found_and_said_for_what_it_is(room_bundle: Path, fault: Fault, kind: str) -> None:
    recording = stretch(fault)
    judgement = judged(room_bundle, recording)
    during = np.array([k is not None for k in recording.kinds or ()])
    assert (judgement.alarm & during).any()
    assert events(judgement)[0][0] == kind


def test_the_sentence_names_the_channel_and_what_was_expected(room_bundle: Path) -> None:
    recording = stretch(Fault("spike", 2 * HOUR_S, 20.0, 8.0, "temperature"))
    sentences = [v.why for v in judged(room_bundle, recording).verdicts if v.state == "anomalous"]
    assert any(s and "temperature" in s and "expected" in s and "±" in s and "°C" in s for s in sentences)


def test_of_values_that_stand_still_the_one_to_blame_has_the_largest_share(room_bundle: Path) -> None:
    nothing_moves = stretch(Fault("frozen", 2 * HOUR_S, 1.9 * HOUR_S))
    one_stands = stretch()
    one_stands.values[720:, 1] = one_stands.values[720, 1]
    for signal, recording in (("frozen", nothing_moves), ("stuck", one_stands)):
        found = [change.event for v in judged(room_bundle, recording).verdicts for change in v.changes]
        strange = [event for event in found if event.kind == "anomalous"]
        assert signal in {event.signal for event in strange}
        for event in strange:
            assert event.why.startswith("humidity") and event.channel == "humidity"
            assert event.share is not None
            assert sum(event.share) == pytest.approx(1.0)
            assert event.share[1] == max(event.share), event.why


@given(st.lists(st.floats(0.0, 1e300), min_size=1, max_size=5), st.randoms(use_true_random=False))
def test_the_channel_to_blame_has_the_largest_share_of_all(most: list[float], random: Random) -> None:
    channels = random.sample(range(6), len(most))
    strange = Strange(1.0, most, channels)
    parts = shares(strange, 6)
    assert sum(parts) == pytest.approx(1.0)
    assert parts[strange.channel] == max(parts)
    assert all(parts[other] == 0.0 for other in set(range(6)) - set(channels))


def test_a_broken_sensor_is_never_an_anomalous_room(room_bundle: Path) -> None:
    recording = stretch(Fault("dropout", 2 * HOUR_S, 1800.0))
    judgement = judged(room_bundle, recording)
    verdicts = judgement.verdicts
    failed = [v for v, row in zip(verdicts, recording.values, strict=True) if np.isnan(row).any()]
    assert failed
    assert all(v.anomaly is None and v.score is None for v in failed)
    assert {kind for kind, _ in events(judgement)} == {"sensor_fault"}


def test_one_missing_reading_is_no_fault(room_bundle: Path) -> None:
    recording = stretch()
    values = recording.values.copy()
    values[1000] = np.nan
    assert events(judged(room_bundle, replace(recording, values=values))) == []


def test_after_a_long_gap_the_window_warms_up_again(room_bundle: Path) -> None:
    recording = stretch()
    ts_ms = recording.ts_ms.copy()
    ts_ms[700:] += 3_600_000
    verdicts = judged(room_bundle, replace(recording, ts_ms=ts_ms)).verdicts
    warm_up = load(room_bundle).windowing.warm_up
    assert [v.state for v in verdicts[700 : 700 + warm_up]] == ["warming"] * warm_up
    assert verdicts[700 + warm_up].state == "normal"


def test_an_event_has_one_start_and_one_end(room_bundle: Path) -> None:
    recording = stretch(Fault("level_shift", 1.5 * HOUR_S, 600.0, 5.0, "temperature"))
    changes = [change for v in judged(room_bundle, recording).verdicts for change in v.changes]
    phases = [change.phase for change in changes]
    assert phases[0] == "start" and phases[-1] == "end"
    assert set(phases[1:-1]) <= {"update"}
    ended = changes[-1].event
    assert ended.end_ms is not None and ended.end_ms >= ended.onset_ms
    assert ended.share is not None and math.isclose(sum(ended.share), 1.0)


def test_the_band_holds_about_ninety_percent_of_a_calm_room(room_bundle: Path) -> None:
    recording = stretch(hours=12.0)
    judgement = judged(room_bundle, recording)
    inside = abs(recording.values - judgement.expected) <= judgement.spread
    covered = inside[np.isfinite(judgement.score)].mean(axis=0)
    assert ((covered > 0.8) & (covered < 0.98)).all(), covered


def test_a_fast_room_is_judged_in_its_own_time(room_bundle: Path) -> None:
    # the same room, read a hundred times as often, is no gap and no difference
    recording = stretch(Fault("spike", 2 * HOUR_S, 20.0, 8.0, "temperature"))
    slow, fast = load(room_bundle).open_detector(), load(room_bundle).open_detector(speed=100.0)
    for row in range(len(recording)):
        reading = recording.reading(row)
        quick: Reading = replace(reading, mono_ms=reading.mono_ms // 100)
        assert slow.see(reading)[1] == fast.see(quick)[1]


def test_a_missing_reading_long_after_an_event_is_normal(room_bundle: Path) -> None:
    recording = stretch(Fault("spike", HOUR_S, 20.0, 8.0, "temperature"))
    values = recording.values.copy()
    values[1300] = np.nan
    verdicts = judged(room_bundle, replace(recording, values=values)).verdicts
    assert verdicts[1300].state == "normal"
    assert verdicts[1300].anomaly is None


def test_a_long_gap_ends_an_open_event(room_bundle: Path) -> None:
    recording = stretch(Fault("level_shift", 2 * HOUR_S, HOUR_S, 5.0, "temperature"))
    ts_ms = recording.ts_ms.copy()
    ts_ms[725:] += 14 * 86_400_000
    changes = [
        [c.phase for c in v.changes] for v in judged(room_bundle, replace(recording, ts_ms=ts_ms)).verdicts
    ]
    assert "end" in changes[725]


def test_the_end_of_watching_ends_an_open_event(room_bundle: Path) -> None:
    recording = stretch(Fault("level_shift", 2 * HOUR_S, HOUR_S, 5.0, "temperature"))
    detector = load(room_bundle).open_detector()
    see_all(detector, recording.between(0, 722))
    assert [change.phase for change in detector.close()] == ["end"]
    assert detector.close() == ()
