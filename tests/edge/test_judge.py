"""Another model takes over between two readings: none is lost, and each verdict is one model's own."""

import pytest

from edge.detection.verdict import State, Verdict
from edge.judge import Judge, Model, Newcomer, Outcome
from edge.onlooker import Onlooker
from edge.reading import HUMIDITY, TEMPERATURE, Reading
from edge.swap.probation import Probation

CHANNELS = (TEMPERATURE, HUMIDITY)


def reading(number: int, temperature: float | None = 20.0) -> Reading:
    return Reading(number * 10_000, number * 10_000, {"temperature": temperature, "humidity": 50.0})


def named(label: str, state: State = "warming") -> Model:
    """A model that says in each verdict who it is."""
    return Model(label, CHANNELS, Onlooker(CHANNELS, state, f"I am {label}"))


class Says(Onlooker):
    """A watcher whose every verdict is the same, so that a trial can go either way."""

    def __init__(self, verdict: Verdict) -> None:
        super().__init__(CHANNELS, verdict.state, "")
        self.verdict = verdict
        self.seen: list[int] = []

    def see(self, reading: Reading) -> tuple[Reading, Verdict]:
        self.seen.append(reading.ts_ms)
        return reading, self.verdict


class Breaks(Onlooker):
    """A model that takes its interpreter down."""

    def __init__(self) -> None:
        super().__init__(CHANNELS, "normal", "")

    def see(self, reading: Reading) -> tuple[Reading, Verdict]:
        raise RuntimeError(f"tensor of the wrong shape for {reading}")


CALM = Verdict("normal", 0.1, False)
STRANGE = Verdict("anomalous", 2.0, True)
ERRS = Verdict("no_model", why="the model's answer was not a number")


def probation(readings: int = 20) -> Probation:
    return Probation(readings, period_s=10.0, calm_s=1800.0, false_alarms_per_week=1.0)


def judge_with(model: Model) -> tuple[Judge, list[Outcome]]:
    outcomes: list[Outcome] = []
    return Judge(model, outcomes.append), outcomes


def test_a_reading_is_judged_by_the_model_that_its_record_names() -> None:
    judge, outcomes = judge_with(named("old-1"))
    newcomer = Newcomer(named("new-2"))
    said = [judge.see(reading(0))]
    judge.expect(newcomer)
    said.append(judge.see(reading(1)))
    judge.offer(newcomer)
    said += [judge.see(reading(2)), judge.see(reading(3))]
    assert [each.model for each in said] == ["old-1", "old-1", "old-1", "new-2"]
    assert [each.verdict.why for each in said] == [f"I am {each.model}" for each in said]
    assert outcomes == [Outcome("taken", "new-2")]


def test_a_newcomer_is_shown_every_reading_that_it_missed_on_its_way() -> None:
    judge, _ = judge_with(named("old-1"))
    watcher = Says(CALM)
    newcomer = Newcomer(Model("new-2", CHANNELS, watcher))
    judge.expect(newcomer)
    for number in range(5):
        judge.see(reading(number))
    newcomer.catch_up()
    judge.see(reading(5))
    judge.offer(newcomer)
    for number in range(6, 9):
        judge.see(reading(number))
    assert watcher.seen == [number * 10_000 for number in range(9)]


def test_what_is_open_when_models_change_ends_with_the_model_that_began_it() -> None:
    judge, _ = judge_with(named("old-1"))
    for number in range(5):
        judge.see(reading(number, None))
    newcomer = Newcomer(named("new-2"))
    judge.expect(newcomer)
    judge.offer(newcomer)
    last = judge.see(reading(5, None))
    assert last.model == "old-1"
    assert [(change.phase, change.event.kind) for change in last.verdict.changes] == [("end", "sensor_fault")]
    judge.see(reading(6, None))
    after = [judge.see(reading(number, None)) for number in (7, 8)]
    assert [change.phase for each in after for change in each.verdict.changes] == ["start"]
    assert after[-1].model == "new-2"


def on_trial(verdict: Verdict, before: Verdict = CALM) -> tuple[Judge, list[Outcome]]:
    """A judge whose model has just been followed by one that always gives this verdict."""
    judge, outcomes = judge_with(Model("old-1", CHANNELS, Says(before)))
    newcomer = Newcomer(Model("new-2", CHANNELS, Says(verdict)), probation())
    judge.expect(newcomer)
    judge.offer(newcomer)
    judge.see(reading(0))
    return judge, outcomes


def test_a_model_that_behaves_passes_its_trial() -> None:
    judge, outcomes = on_trial(CALM)
    for number in range(1, 20):
        judge.see(reading(number))
    assert [outcome.kind for outcome in outcomes] == ["taken"]
    judge.see(reading(20))
    assert [outcome.kind for outcome in outcomes] == ["taken", "passed"]
    assert judge.readings_left is None


@pytest.mark.parametrize(("verdict", "why"), [(STRANGE, "strange"), (ERRS, "it erred")])
def test_a_model_that_cries_wolf_or_errs_is_rolled_back(verdict: Verdict, why: str) -> None:
    judge, outcomes = on_trial(verdict)
    labels = [judge.see(reading(number)).model for number in range(1, 30)]
    assert outcomes[-1].kind == "rolled_back"
    assert why in outcomes[-1].why
    assert labels[0] == "new-2"
    assert labels[-1] == "old-1"
    assert labels == sorted(labels)  # once back, it stays so


def test_an_event_that_both_models_see_is_no_reason_to_roll_back() -> None:
    _, outcomes = on_trial(STRANGE, before=STRANGE)
    assert [outcome.kind for outcome in outcomes] == ["taken"]
    judge, outcomes = on_trial(STRANGE, before=STRANGE)
    for number in range(1, 21):
        judge.see(reading(number))
    assert outcomes[-1].kind == "passed"


def test_the_predecessor_has_seen_every_reading_of_the_trial_when_it_takes_over_again() -> None:
    watcher = Says(CALM)
    judge, _ = judge_with(Model("old-1", CHANNELS, watcher))
    newcomer = Newcomer(Model("new-2", CHANNELS, Says(STRANGE)), probation())
    judge.expect(newcomer)
    judge.offer(newcomer)
    for number in range(40):
        judge.see(reading(number))
    assert watcher.seen == [number * 10_000 for number in range(40)]


def test_a_model_that_raises_costs_no_reading_and_is_rolled_back() -> None:
    judge, outcomes = judge_with(Model("old-1", CHANNELS, Says(CALM)))
    newcomer = Newcomer(Model("new-2", CHANNELS, Breaks()), probation())
    judge.expect(newcomer)
    judge.offer(newcomer)
    said = [judge.see(reading(number)) for number in range(5)]
    assert [each.reading.ts_ms for each in said] == [number * 10_000 for number in range(5)]
    assert outcomes[-1].kind == "rolled_back"
    assert said[-1].model == "old-1"
    assert judge.faults >= 1


def test_a_model_without_a_predecessor_that_raises_still_leaves_readings() -> None:
    judge, _ = judge_with(Model("only-1", CHANNELS, Breaks()))
    said = judge.see(reading(0))
    assert said.verdict.state == "no_model"
    assert said.verdict.anomaly is None
    assert judge.faults == 1


def test_one_that_is_withdrawn_never_takes_over() -> None:
    judge, outcomes = judge_with(named("old-1"))
    newcomer = Newcomer(named("new-2"))
    judge.expect(newcomer)
    judge.withdraw(newcomer)
    judge.offer(newcomer)
    assert [judge.see(reading(number)).model for number in range(3)] == ["old-1"] * 3
    assert outcomes == []
