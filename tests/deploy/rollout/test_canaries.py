"""What canaries can come to: they refuse it, roll it back, go away; or there is no control group."""

from edge.bundle.keys import generate
from edge.swap.succession import Trial
from tests.brokers import mosquitto
from tests.deploy.rollout.conducting import rollout
from tests.deploy.rollout.crowd import Habits, House, crowd
from tests.deploy.rollout.small import QUICK, SOME, first_ones, stages


def test_a_canary_that_refuses_it_stops_it(house: House) -> None:
    canaries = first_ones(house)
    stranger = min(canaries)
    others = {stranger.replace("-", "_"): generate()}
    with mosquitto() as broker, crowd(house, broker, SOME, **others) as people:
        with rollout(house.file(house.models.good), broker, *QUICK) as going:
            assert going.end() == 1
        people.have(house.models.good, set())
    assert set(going.devices("sent")) == canaries
    assert going.devices("refused") == [stranger]
    assert "signed by nobody whom this device trusts" in going.of("end")[0]["text"]


def test_what_the_devices_own_trial_rolls_back_stops_it(house: House) -> None:
    habits = Habits(trial=Trial(1000, 1e-6), wolf_share=1.0)
    with mosquitto() as broker, crowd(house, broker, SOME, habits) as people:
        with rollout(house.file(house.models.wolf), broker, *QUICK, "--watch", "60s") as going:
            assert going.end() == 1
        people.have(house.models.old, set(people.residents))
    assert "rolled back" in going.of("stop")[0]["reason"]


def test_a_canary_that_goes_away_stops_it_and_goes_back_when_it_returns(house: House) -> None:
    flags = (*QUICK, "--watch", "120s", "--offline", "2s")
    with mosquitto() as broker, crowd(house, broker, SOME) as people:
        file = house.file(house.models.good)
        with rollout(file, broker, *flags) as going:
            going.wait_for("has", 2)
            lost = people.residents[going.devices("has")[0]]
            people.have(house.models.good, first_ones(house))
            lost.end(will=True)
            assert going.end() == 1
        assert f"{lost.name}: offline" in going.of("stop")[0]["reason"]
        assert f"away before they could go back: {lost.name}" in going.of("end")[0]["text"]
        assert stages(house)[lost.name] == "recalled"
        lost.start()
        with rollout(file, broker, *flags) as again:
            assert again.end() == 1
        assert again.devices("withdrawn") == [lost.name]
        people.have(house.models.good, set())
        with rollout(file, broker, *flags) as once_more:
            assert once_more.end() == 1
        assert "--fresh tries it anew" in once_more.of("end")[0]["text"]


def test_with_nobody_left_to_compare_with_devices_are_compared_with_themselves(house: House) -> None:
    flags = ("--watch", "3s", "--min-records", 2, "--canary", "100%", "--waves", "100%", "--most-alarms", 1e9)
    with mosquitto() as broker, crowd(house, broker, 24, Habits(wolf_share=1.0)) as people:
        with rollout(house.file(house.models.wolf), broker, *flags) as going:
            assert going.end() == 1, going.lines[-5:]
        people.have(house.models.wolf, set())
    assert "too few" in going.of("before")[0]["text"]
    assert going.of("look")[-1]["others"] == "before"
    assert "devices before 0 in" in going.of("stop")[0]["reason"]
