"""Keys for an all-in-one Pi: made on the workstation, of which the Pi gets its own and no more."""

import tomllib
from pathlib import Path
from typing import Any

import pytest

from deploy.__main__ import main
from deploy.all_in_one import delivery, settings
from deploy.all_in_one.household import move_in
from deploy.broker.ledger import read_ledger
from edge.errors import ConfigError
from monitor.access.token import read


def test_the_pi_gets_its_own_keys_and_never_the_authoritys(tmp_path: Path) -> None:
    household = move_in(tmp_path / "house", "cellar", "cellar")
    files = delivery.files(household)
    authority = (tmp_path / "house/authority/ca.key").read_bytes()
    assert not any(authority in content for content in files.values())
    keys = {name for name, content in files.items() if b"PRIVATE KEY" in content}
    assert keys == {"all-in-one/mosquitto/server.key", "all-in-one/page/page.key"}
    ledger = read_ledger(tmp_path / "house/authority/ledger.json")
    assert {entry.name for entry in ledger.entries} == {"cellar", "cellar.doctor", "cellar-page"}
    assert ledger.hosts == ("cellar.local", "cellar")


def test_the_token_is_shown_once_and_only_its_hash_goes_along(tmp_path: Path) -> None:
    first = move_in(tmp_path / "house", "cellar", "cellar")
    again = move_in(tmp_path / "house", "cellar", "cellar")
    assert first.token is not None and again.token is None
    files = delivery.files(again)
    assert not any(first.token.encode() in content for content in files.values())
    assert read(again.page / "monitor.token").matches(first.token)
    other = move_in(tmp_path / "house", "cellar", "cellar", new_token=True)
    assert other.token is not None and not read(other.page / "monitor.token").matches(first.token)


def test_made_again_nothing_is_new_and_what_was_lost_is_replaced(tmp_path: Path) -> None:
    before = delivery.files(move_in(tmp_path / "house", "cellar", "cellar"))
    assert delivery.files(move_in(tmp_path / "house", "cellar", "cellar")) == before
    (tmp_path / "house/handout/cellar-page/cellar-page.key").unlink()
    after = delivery.files(move_in(tmp_path / "house", "cellar", "cellar"))
    changed = {name for name in before if before[name] != after[name]}
    assert changed == {"all-in-one/page/page.key", "all-in-one/page/page.crt"}


def test_a_house_of_another_broker_is_refused_and_left_as_it_is(tmp_path: Path) -> None:
    move_in(tmp_path / "house", "cellar", "cellar")
    before = (tmp_path / "house/authority/ledger.json").read_text()
    with pytest.raises(ConfigError, match=r"give attic\.local a --house of its own"):
        move_in(tmp_path / "house", "attic", "attic")
    assert (tmp_path / "house/authority/ledger.json").read_text() == before
    assert main(["broker", str(tmp_path / "server"), "--host", "attic.local"]) == 0
    with pytest.raises(ConfigError, match="whose files stand elsewhere"):
        move_in(tmp_path / "server", "attic", "attic")


def test_another_port_of_the_house_is_everybodys(tmp_path: Path) -> None:
    house = str(tmp_path / "house")
    at = ["--at", "/etc/mosquitto/picanary"]
    assert main(["broker", house, "--host", "cellar.local", "--port", "9883", *at]) == 0
    household = move_in(tmp_path / "house", "cellar", "cellar")
    files = delivery.files(household)
    assert b"listener 9883\n" in files["all-in-one/mosquitto/picanary.conf"]
    assert b"--broker localhost:9883 " in files["all-in-one/picanary-monitor.service"]
    assert b"<port>9883</port>" in files["all-in-one/announcement.xml"]
    assert 'address = "localhost:9883"' in settings.handout(household, None, False).configuration


@pytest.mark.parametrize(
    ("given", "device"),
    [
        ("", "cellar"),
        ("[agent]  # mine\nperiod_s = 5.0\n", "cellar"),
        ('[source]\nkind = "dht"\n\n[agent]\ndevice = "shelf"', "shelf"),
        ('[source]\nkind = "dht"', "cellar"),
    ],
)
def test_a_configuration_keeps_what_it_says_and_gets_the_broker(
    tmp_path: Path, given: str, device: str
) -> None:
    config = tmp_path / "edge.toml"
    config.write_text(given)
    assert settings.device_of(config, "cellar") == device
    household = move_in(tmp_path / "house", "cellar", device)
    made = settings.handout(household, config, True)
    table = tomllib.loads(made.configuration)
    said: dict[str, Any] = tomllib.loads(given)
    assert table["agent"] == {
        **said.get("agent", {}),
        "device": device,
        "bundle": "/opt/picanary/current/room.canary",
    }
    assert table.get("source") == said.get("source")
    assert table["broker"] == {
        "address": "localhost",
        "cafile": "/run/credentials/picanary-edge.service/ca.crt",
        "certfile": f"/run/credentials/picanary-edge.service/{device}.crt",
        "keyfile": f"/run/credentials/picanary-edge.service/{device}.key",
    }
    assert f"{device}.key" in made.secrets and "ca.key" not in made.secrets


def test_a_configuration_with_a_broker_of_its_own_is_refused(tmp_path: Path) -> None:
    config = tmp_path / "edge.toml"
    config.write_text('[broker]\naddress = "shed.local"\n')
    with pytest.raises(ConfigError, match=r"leave its \[broker\] section out"):
        settings.device_of(config, "cellar")
