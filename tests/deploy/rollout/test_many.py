"""200 agents on a real mosquitto: a good model reaches all of them, one that cries wolf hardly any."""

from typing import Any

from tests.brokers import mosquitto
from tests.deploy.rollout.conducting import rollout
from tests.deploy.rollout.crowd import Habits, House, crowd

MANY = 200
QUICK = ("--watch", "3s", "--min-records", 2, "--canary", "5%", "--waves", "25%,100%", "--most-alarms", 1e9)


def test_a_good_model_reaches_all_wave_by_wave(house: House) -> None:
    with mosquitto() as broker, crowd(house, broker, MANY, Habits(beat_s=1.0, calm_share=0.002)) as people:
        with rollout(house.file(house.models.good), broker, *QUICK) as going:
            assert going.end() == 0, going.lines[-5:]
        people.have(house.models.good, set(people.residents))
    assert [wave["devices"] for wave in going.of("wave")] == [10, 40, 150]
    assert sorted(going.devices("has")) == sorted(people.residents)
    assert sorted(going.devices("sent")) == sorted(people.residents)
    assert set(going.devices("has")[:10]) == set(going.devices("sent")[:10])
    assert going.of("end")[0]["text"].endswith(f"is on all {MANY} devices")
    assert {look["others"] for look in going.of("look")} >= {"control"}


def test_one_that_cries_wolf_stops_at_the_canaries_and_goes_back(house: House) -> None:
    with mosquitto() as broker, crowd(house, broker, MANY) as people:
        with rollout(house.file(house.models.wolf), broker, *QUICK) as going:
            assert going.end() == 1, going.lines[-5:]
        people.have(house.models.old, set(people.residents))
    assert len(going.devices("sent")) == 10
    assert sorted(going.devices("withdrawn")) == sorted(going.devices("has"))
    assert "the new model alarms more" in going.of("stop")[0]["reason"]
    look = going.of("look")[-1]
    assert (look["others"], look["others_alarms"]) == ("control", 0)
    least, most = (share(look, rounded) ** look["alarms"] for rounded in (-0.05, 0.05))
    assert least <= look["p"] <= most


def share(look: dict[str, Any], rounded: float) -> float:
    """Of the device time, what the new model's devices had, at one end of what the told seconds may be."""
    seconds, others = look["seconds"] + rounded, look["others_seconds"] - rounded
    return float(seconds / (seconds + others))
