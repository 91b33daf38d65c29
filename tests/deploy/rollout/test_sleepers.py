"""Who is asleep gets it later, who has it gets it not again, and a person may take it back."""

from collections.abc import Callable
from pathlib import Path

import paho.mqtt.publish

from deploy.rollout.cohort import in_turn
from edge.mqtt.broker import BrokerSettings
from edge.mqtt.connection import Connection
from edge.swap.store import digest_of
from tests.brokers import mosquitto
from tests.deploy.broker.provisioned import until
from tests.deploy.rollout.conducting import rollout
from tests.deploy.rollout.crowd import House, crowd
from tests.deploy.rollout.small import QUICK, SOME, first_ones


def test_who_is_asleep_gets_it_when_it_comes_back(house: House) -> None:
    with mosquitto() as broker, crowd(house, broker, SOME) as people:
        sleepers = [people.residents[name] for name in sorted(first_ones(house))]
        for each in sleepers:
            each.end(will=each is sleepers[0])
        file = house.file(house.models.good)
        with rollout(file, broker, *QUICK) as going:
            assert going.end() == 3
        assert going.of("begin")[0]["asleep"] == 2
        assert set(going.devices("sent")) == set(people.residents) - first_ones(house)
        text = going.of("end")[0]["text"]
        assert "asleep: " in text and all(each.name in text for each in sleepers)
        with rollout(file, broker, *QUICK, "--wait", "100s") as again:
            again.wait_for("begin")
            for each in sleepers:
                each.start()
            assert again.end() == 0, again.lines[-5:]
        assert set(again.devices("sent")) == first_ones(house)


def test_a_person_may_take_it_back(house: House) -> None:
    with mosquitto() as broker, crowd(house, broker, SOME) as people:
        file = house.file(house.models.good)
        with rollout(file, broker, *QUICK) as going:
            assert going.end() == 0
        with rollout(file, broker, "--withdraw") as back:
            assert back.end() == 1
        people.have(house.models.old, set(people.residents))
    assert sorted(back.devices("withdrawn")) == sorted(people.residents)


def test_what_devices_have_already_is_not_sent(house: House, tmp_path: Path) -> None:
    with mosquitto() as broker, crowd(house, broker, 6) as people:
        file = house.file(house.models.good)
        flags = (*QUICK, "--canary", 1)
        turn = in_turn(people.residents, digest_of(house.models.good))
        had = sorted((turn[0], turn[2], turn[4]))  # the first canary of all among them
        some_of_them = ("--devices", ",".join(had[:2]), "--only", f"*{had[2][4:]}")
        with rollout(file, broker, *flags, *some_of_them) as some:
            assert some.end() == 0, some.lines[-5:]
        assert sorted(some.devices("has")) == had
        with rollout(file, broker, *flags, "--state", tmp_path / "all") as rest:
            assert rest.end() == 0, rest.lines[-5:]
        people.have(house.models.good, set(people.residents))
    assert sorted(rest.devices("sent")) == sorted(set(people.residents) - set(had))


def test_what_somebody_has_left_at_the_broker_is_cleared(house: House) -> None:
    topic = "picanary/v1/room-001/model/set"
    with mosquitto() as broker, crowd(house, broker, 4) as people:
        paho.mqtt.publish.single(topic, house.models.old, qos=1, retain=True, port=broker.port)
        with rollout(house.file(house.models.good), broker, *QUICK, "--canary", "100%") as going:
            assert going.end() == 0, going.lines[-5:]
        people.have(house.models.good, set(people.residents))
        heard: list[bytes] = []
        looking = Connection(BrokerSettings("127.0.0.1", broker.port), on_message=note(heard))
        looking.subscribe(topic)
        looking.start()
        until(lambda: looking.try_publish(topic, b"a fence") and bool(heard), "the fence comes back")
        looking.stop()
        assert heard[0] == b"a fence"


def note(heard: list[bytes]) -> Callable[[str, bytes, bool], None]:
    return lambda _name, payload, _kept: heard.append(payload)
