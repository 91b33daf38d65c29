"""A rollout that is killed, interrupted or loses its broker goes on, forward or back."""

import signal

import pytest

from tests.brokers import mosquitto
from tests.deploy.rollout.conducting import rollout
from tests.deploy.rollout.crowd import Habits, House, crowd
from tests.deploy.rollout.small import QUICK, SOME, first_ones, stages


@pytest.mark.parametrize("how", [signal.SIGKILL, signal.SIGINT])
def test_one_that_was_cut_off_goes_on_and_sends_nothing_twice(house: House, how: signal.Signals) -> None:
    with mosquitto() as broker, crowd(house, broker, SOME) as people:
        file = house.file(house.models.good)
        with rollout(file, broker, *QUICK) as going:
            going.wait_for("look", 2)
            going.process.send_signal(how)
            assert going.end() == (130 if how == signal.SIGINT else -9)
        had = {name for name, stage in stages(house).items() if stage == "has"}
        assert had == first_ones(house)
        with rollout(file, broker, *QUICK) as again:
            assert again.end() == 0, again.lines
        people.have(house.models.good, set(people.residents))
    assert again.of("begin")[0]["resumed"]
    assert set(again.devices("sent")) == set(people.residents) - had
    looks = [look["look"] for look in going.of("look") + again.of("look")]
    assert looks == sorted(set(looks)), "what a look has spent is spent"


def test_one_that_was_cut_off_while_it_went_back_goes_on_back(house: House) -> None:
    with mosquitto() as broker, crowd(house, broker, SOME, Habits(beat_s=1.0)) as people:
        file = house.file(house.models.wolf)
        with rollout(file, broker, *QUICK, "--watch", "4s", "--most-alarms", 1e-6) as going:
            going.wait_for("stop")
            going.process.kill()
            going.end()
        with rollout(file, broker, *QUICK, "--watch", "4s", "--most-alarms", 1e-6) as again:
            assert again.end() == 1
        people.have(house.models.wolf, set())
        assert not again.of("sent")
        assert going.of("stop")[0]["reason"] in again.of("end")[0]["text"]


def test_a_broker_that_is_gone_for_a_while_costs_nothing_but_the_time(house: House) -> None:
    with mosquitto() as broker, crowd(house, broker, SOME) as people:
        with rollout(house.file(house.models.good), broker, *QUICK, "--offline", "20s") as going:
            going.wait_for("has", 2)
            broker.kill()
            going.wait_for("broker")
            broker.start()
            assert going.end() == 0, going.lines[-5:]
        people.have(house.models.good, set(people.residents))
    assert [line["connected"] for line in going.of("broker")] == [False, True]
    assert not going.of("stop")
