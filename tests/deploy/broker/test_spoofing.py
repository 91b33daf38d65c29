"""Each device is only itself: what others try at a real mosquitto with the command's files."""

from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import paho.mqtt.client as mqtt
import pytest

from edge.message import BATCH_BYTES
from tests.deploy.broker.provisioned import Provisioned, deploy, provisioned

LEAVES = ("status", "info", "state", "data", "event", "health", "model", "res/7f3a-1")
COMMANDS = ("resend", "restart", "identify", "snooze", "recalibrate", "withdraw")


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Provisioned]:
    """A broker with two devices, one of them a mole; a monitor, a roll-out and Home Assistant."""
    folder = tmp_path_factory.mktemp("house") / "a broker"  # mosquitto's settings have to bear a space
    with provisioned(folder) as made:
        for role, name in (
            ("device", "cellar"),
            ("device", "mole"),
            ("monitor", "page"),
            ("rollout", "models"),
            ("home-assistant", "home"),
        ):
            assert deploy(folder, f"add-{role}", name) == 0
        made.reload()
        yield made


def picanary(device: str, *leaves: str) -> list[str]:
    return [f"picanary/v1/{device}/{leaf}" for leaf in leaves]


def test_a_device_may_say_all_that_an_agent_says(house: Provisioned) -> None:
    with house.guest("cellar") as cellar:
        for topic in [*picanary("cellar", *LEAVES), "homeassistant/device/cellar/picanary/config"]:
            assert cellar.say(topic, b"", retain=True), topic


FORBIDDEN = [
    *picanary("cellar", *LEAVES, "doctor", "model/set"),
    *picanary("cellar", *(f"cmd/{command}" for command in COMMANDS)),
    "homeassistant/device/cellar/picanary/config",
    # commands and models for itself are no more its business
    *picanary("mole", *(f"cmd/{command}" for command in COMMANDS), "model/set"),
    # what Home Assistant would believe of anybody
    "homeassistant/device/mole/config",
    "homeassistant/device/mole/other/config",
    "homeassistant/sensor/mole/config",
    "homeassistant/status",
    # what nobody has asked for, and tricks with levels
    *picanary("mole", "junk", "status/junk", "res", "res/a/b", "data/"),
    "picanary/v1/mole",
    "picanary/v1/molehill/status",
    "picanary/v1//status",
    "/picanary/v1/mole/status",
    "picanary/v1/MOLE/status",
    "picanary/v2/mole/status",
    "picanary/v1-alerts/mole",
    "$SYS/broker/version",
    "$share/group/picanary/v1/cellar/status",
    "junk",
]


@pytest.mark.parametrize("protocol", [mqtt.MQTTv5, mqtt.MQTTv311], ids=["5", "3.1.1"])
def test_what_a_device_may_not_say_reaches_nobody(house: Provisioned, protocol: int) -> None:
    before = house.log().count("Denied PUBLISH from mole")
    with ExitStack() as there:
        everybody = [there.enter_context(house.guest(name)) for name in ("cellar", "page", "models", "home")]
        for each in everybody:
            each.listen("#")
        with house.guest("mole", protocol=protocol) as mole:
            for topic in FORBIDDEN:
                taken = mole.say(topic, b"spoofed", retain=True)
                # MQTT 3.1.1 has no way to say no
                assert taken == (protocol == mqtt.MQTTv311), topic
            assert not mole.gone
        for each in everybody:
            each.listen("#", "+/+/+/+")  # what it may have left behind
        assert everybody[0].say("picanary/v1/cellar/status", b"fence")
        for each in everybody:
            each.hears("picanary/v1/cellar/status", b"fence")
            assert b"spoofed" not in {payload for _, payload in each.heard}
    # mosquitto looks no further at topics of its own
    assert house.log().count("Denied PUBLISH from mole") - before >= len(FORBIDDEN) - 2


def test_a_device_reads_nothing_of_others(house: Provisioned) -> None:
    with house.guest("cellar") as cellar, house.guest("page") as page, house.guest("models") as models:
        mine = house.guest("mole")
        secrets = picanary("cellar", *LEAVES)
        for topic in secrets:
            cellar.say(topic, b"retained", retain=True)
        with mine as mole:
            mole.listen("#", "picanary/#", "+/+/+/+", "picanary/v1/cellar/#", "homeassistant/#", "$SYS/#")
            mole.listen(*secrets, "$share/moles/picanary/v1/cellar/data", "picanary/v1/+/cmd/+")
            for topic in secrets:
                cellar.say(topic, b"live")
            assert page.say("picanary/v1/cellar/cmd/snooze")
            assert models.say("picanary/v1/cellar/model/set")
            assert page.say("picanary/v1/mole/cmd/snooze", b"fence")
            mole.hears("picanary/v1/mole/cmd/snooze", b"fence")
            assert mole.topics() == {"picanary/v1/mole/cmd/snooze"}
        for topic in secrets:
            cellar.say(topic, b"", retain=True)


def test_a_device_hears_what_is_meant_for_it(house: Provisioned) -> None:
    with house.guest("cellar") as cellar, house.guest("page") as page, house.guest("home") as home:
        cellar.listen(*picanary("cellar", "status", "cmd/+"), "homeassistant/status")
        assert cellar.say("picanary/v1/cellar/status")
        assert page.say("picanary/v1/cellar/cmd/resend")
        assert home.say("homeassistant/status", b"online")
        for topic in picanary("cellar", "status", "cmd/resend"):
            cellar.hears(topic)
        cellar.hears("homeassistant/status", b"online")


def test_the_largest_model_and_the_largest_batch_go_through_and_nothing_larger(house: Provisioned) -> None:
    model, batch = b"m" * 1024 * 1024, b"b" * (BATCH_BYTES + 1024)
    with house.guest("cellar") as cellar, house.guest("models") as models, house.guest("page") as page:
        cellar.listen("picanary/v1/cellar/model/set")
        page.listen("picanary/v1/+/data")
        assert models.say("picanary/v1/cellar/model/set", model)
        cellar.hears("picanary/v1/cellar/model/set", model)
        assert cellar.say("picanary/v1/cellar/data", batch)
        page.hears("picanary/v1/cellar/data", batch)
        with house.guest("mole", protocol=mqtt.MQTTv311) as mole:
            assert not mole.say("picanary/v1/mole/data", b"d" * (2 * 1024 * 1024))
            assert mole.gone
        assert not cellar.gone and not page.gone


def test_the_monitor_may_ask_for_what_it_misses_and_stop_nobody(house: Provisioned) -> None:
    with house.guest("page") as page:
        for command in ("resend", "identify", "snooze", "recalibrate"):
            assert page.say(f"picanary/v1/cellar/cmd/{command}"), command
        assert page.say("picanary/v1-alerts/cellar")
        for topic in picanary("cellar", "cmd/restart", "cmd/withdraw", "model/set", *LEAVES):
            assert not page.say(topic), topic
        assert not page.say("homeassistant/device/cellar/picanary/config")


def test_a_roll_out_offers_models_and_takes_back_only_those(house: Provisioned) -> None:
    commands = [f"cmd/{command}" for command in COMMANDS if command != "withdraw"]
    with house.guest("models") as models:
        assert models.say("picanary/v1/cellar/model/set")
        assert models.say("picanary/v1/cellar/cmd/withdraw")
        for topic in picanary("cellar", *commands, *LEAVES):
            assert not models.say(topic), topic


def test_home_assistant_sees_what_it_shows_and_says_only_that_it_is_there(house: Provisioned) -> None:
    with house.guest("home") as home, house.guest("cellar") as cellar:
        home.listen("#")
        for topic in [
            *picanary("cellar", "data", "event", "info", *("status", "state", "health", "model")),
            "homeassistant/device/cellar/picanary/config",
        ]:
            assert cellar.say(topic)
        home.hears("homeassistant/device/cellar/picanary/config")
        assert home.topics() == {
            *picanary("cellar", "status", "state", "health", "model"),
            "homeassistant/device/cellar/picanary/config",
        }
        assert not home.say("picanary/v1/cellar/cmd/restart")


@pytest.mark.parametrize("protocol", [mqtt.MQTTv5, mqtt.MQTTv311], ids=["5", "3.1.1"])
def test_who_claims_a_neighbours_client_id_turns_nobody_out(house: Provisioned, protocol: int) -> None:
    with house.guest("cellar") as cellar, house.guest("page") as page:
        cellar.listen("picanary/v1/cellar/cmd/+")
        with house.guest("mole", "cellar", protocol=protocol, username="cellar") as mole:
            assert mole.let_in  # as itself
            mole.listen("picanary/v1/+/cmd/+")
            mole.say("picanary/v1/cellar/status", b"spoofed", retain=True)
            assert page.say("picanary/v1/cellar/cmd/snooze")
            cellar.hears("picanary/v1/cellar/cmd/snooze")
            assert page.say("picanary/v1/mole/cmd/snooze")
            mole.hears("picanary/v1/mole/cmd/snooze")
            assert mole.topics() == {"picanary/v1/mole/cmd/snooze"}
        assert cellar.say("picanary/v1/cellar/status") and not cellar.gone


def test_a_will_in_anothers_name_is_not_said(house: Provisioned) -> None:
    with house.guest("page") as page:
        page.listen("picanary/v1/+/status")
        with house.guest("mole", will="picanary/v1/cellar/status") as mole:
            mole.drop()
        with house.guest("cellar", will="picanary/v1/cellar/status") as cellar:
            cellar.drop()
        page.hears("picanary/v1/cellar/status", b"will")
        assert page.heard == [("picanary/v1/cellar/status", b"will")]
        with house.guest("cellar") as cellar:
            cellar.say("picanary/v1/cellar/status", b"", retain=True)


def test_two_with_one_certificate_turn_each_other_out(house: Provisioned) -> None:
    """What cannot be prevented: whoever has copied a device's key is that device."""
    with house.guest("cellar") as first, house.guest("cellar", "another-id") as second:
        second.listen("picanary/v1/cellar/status")
        assert not second.gone
        for _ in range(2000):
            if first.gone:
                break
            second.say("picanary/v1/cellar/status")
        assert first.gone


def test_what_is_handed_out_is_the_owners_alone(house: Provisioned) -> None:
    for path in [*(house.folder / "handout").glob("*/*.key"), house.folder / "authority/ca.key"]:
        assert path.stat().st_mode & 0o777 == 0o600, path
    assert not list(Path(house.folder / "mosquitto").glob("ca.key"))
