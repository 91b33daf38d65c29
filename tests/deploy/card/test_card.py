"""`python -m deploy card` on the boot partitions that the real tools leave."""

import shutil
import tomllib
from collections.abc import Callable
from pathlib import Path

import pytest

from deploy.__main__ import main
from deploy.card import firstrun
from deploy.card.cloud_config import parsed
from edge.bundle.default import default_content
from tests.deploy.card import cards
from tests.deploy.card.cards import CARDS

Card = Callable[..., int]


@pytest.fixture
def card(wheel: Path, house: Path) -> Card:
    def run(folder: Path, *more: str) -> int:
        return main(["card", str(folder), "--wheel", str(wheel), "--wheelhouse", str(house), *more])

    return run


def _content(folder: Path) -> dict[str, bytes]:
    return {
        str(path.relative_to(folder)): path.read_bytes()
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }


def _refused(capsys: pytest.CaptureFixture[str]) -> str:
    told = capsys.readouterr().err
    assert told.startswith("python -m deploy: ")
    assert told.count("\n") == 1
    return told


@pytest.mark.parametrize("kind", CARDS)
def test_a_card_gets_our_line_and_keeps_all_of_its_own(kind: str, tmp_path: Path, card: Card) -> None:
    folder = CARDS[kind](tmp_path / "bootfs")
    before = _content(folder)
    assert card(folder, "--dht", "4") == 0
    after = _content(folder)
    hooked = [
        name for name in after if "/" not in name and b"/boot/firmware/picanary/begin.sh" in after[name]
    ]
    assert len(hooked) == 1
    for name, content in before.items():
        kept = [line for line in content.splitlines() if line.strip()]
        if name == "cmdline.txt":
            assert after[name].split()[: len(content.split())] == content.split()
        elif name == "rpi-preseed.toml" or not name.startswith("kernel"):
            assert [line for line in kept if line not in after[name].splitlines()] == []
    assert b"[all]\n# picanary: the room's sensor\ndtoverlay=dht11,gpiopin=4\n" in after["config.txt"]
    assert {"picanary/first-boot.sh", "picanary/settings", "picanary/edge.toml"} <= after.keys()


@pytest.mark.parametrize("kind", CARDS)
def test_a_second_time_nothing_changes(
    kind: str, tmp_path: Path, card: Card, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = CARDS[kind](tmp_path / "bootfs")
    words = ("--i2c", "bme280", "--dht", "4", "--wifi", "shed", "--country", "DE")
    assert card(folder, *words) == 0
    once = _content(folder)
    capsys.readouterr()
    assert card(folder, *words) == 0
    assert _content(folder) == once
    assert "nothing to change" in capsys.readouterr().out


@pytest.mark.parametrize("kind", CARDS)
def test_a_dry_run_shows_the_edits_and_writes_nothing(
    kind: str, tmp_path: Path, card: Card, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = CARDS[kind](tmp_path / "bootfs")
    before = _content(folder)
    assert card(folder, "--dht", "4", "--dry-run") == 0
    assert _content(folder) == before
    told = capsys.readouterr().out.splitlines()
    assert "+dtoverlay=dht11,gpiopin=4" in told
    assert any(line.startswith("+") and "picanary/begin.sh" in line for line in told)


def test_our_line_stands_before_the_place_where_bookworm_cuts_the_script_off(
    tmp_path: Path, card: Card
) -> None:
    folder = cards.bookworm_imager(tmp_path / "bootfs")
    assert card(folder) == 0
    lines = (folder / "firstrun.sh").read_text().splitlines()
    assert (
        lines.index("sh /boot/firmware/picanary/begin.sh later") == lines.index("rm -f /boot/firstrun.sh") - 1
    )
    assert (folder / "cmdline.txt").read_text() == cards.BOOKWORM_LINE + cards.IMAGER_WORDS


def test_a_run_that_was_interrupted_before_the_kernels_line_can_be_finished(
    tmp_path: Path, card: Card
) -> None:
    folder = cards.bookworm(tmp_path / "bootfs")
    assert card(folder) == 0
    whole = _content(folder)
    (folder / "cmdline.txt").write_text(cards.BOOKWORM_LINE + "\n")
    assert card(folder) == 0
    assert _content(folder) == whole


def test_imagers_user_keys_and_network_are_what_they_were(tmp_path: Path, card: Card) -> None:
    folder = cards.trixie_imager(tmp_path / "bootfs")
    assert card(folder, "--wifi", "shed", "--country", "DE") == 0
    before, after = parsed(cards.USER_DATA), parsed((folder / "user-data").read_text())
    ours = ["sh", "/boot/firmware/picanary/begin.sh", "now"]
    assert after == {**before, "runcmd": [*before["runcmd"], ours]}
    assert (folder / "network-config").read_text() == cards.NETWORK
    assert (folder / "meta-data").read_text() == f"instance-id: {cards.INSTANCE}\n"


def test_a_preseed_runs_us_before_its_own_commands(tmp_path: Path, card: Card) -> None:
    folder = cards.trixie_preseed(tmp_path / "bootfs")
    with (folder / "rpi-preseed.toml").open("a") as file:
        file.write('\n[runcmd]\nearly = [\n  "true",  # a comment\n]\n')
    assert card(folder) == 0
    table = tomllib.loads((folder / "rpi-preseed.toml").read_text())
    assert table["runcmd"]["early"] == ["sh /boot/firmware/picanary/begin.sh now", "true"]
    assert {**table, "runcmd": None} == {**tomllib.loads(cards.PRESEED), "runcmd": None}


def test_a_handout_goes_along_and_systemd_hands_its_secrets_over(tmp_path: Path, card: Card) -> None:
    house, folder = tmp_path / "house", cards.trixie(tmp_path / "bootfs")
    assert main(["broker", str(house), "--host", "broker.local"]) == 0
    assert main(["broker", str(house), "add-device", "cellar"]) == 0
    assert card(folder, "--handout", str(house / "handout" / "cellar")) == 0
    broker = tomllib.loads((folder / "picanary/edge.toml").read_text())["broker"]
    place = "/run/credentials/picanary-edge.service"
    assert broker == {
        "address": "broker.local",
        "cafile": f"{place}/ca.crt",
        "certfile": f"{place}/cellar.crt",
        "keyfile": f"{place}/cellar.key",
    }
    assert (
        "LoadCredential=cellar.key:/etc/picanary/cellar.key"
        in (folder / "picanary/credentials.conf").read_text()
    )
    key = (house / "handout/cellar/cellar.key").read_bytes()
    assert [name for name, content in _content(folder).items() if key in content] == [
        "picanary/secret/cellar.key"
    ]


def test_a_secret_that_another_takes_the_place_of_is_overwritten(tmp_path: Path, card: Card) -> None:
    folder, handout = cards.trixie(tmp_path / "bootfs"), tmp_path / "handout"
    handout.mkdir()
    (handout / "edge.toml").write_text('[agent]\ndevice = "cellar"\n[broker]\naddress = "b"\n')
    for name in ("cellar.key", "old.key"):
        (handout / name).write_text("secret of before\n")
    assert card(folder, "--handout", str(handout)) == 0
    for name in ("cellar.key", "old.key"):  # the same blocks, for whoever looks at the card as a whole
        (tmp_path / name).hardlink_to(folder / "picanary/secret" / name)
    (handout / "cellar.key").write_text("secret of now\n")
    (handout / "old.key").unlink()
    assert card(folder, "--handout", str(handout)) == 0
    assert (folder / "picanary/secret/cellar.key").read_text() == "secret of now\n"
    assert not (folder / "picanary/secret/old.key").exists()
    for name in ("cellar.key", "old.key"):
        assert (tmp_path / name).read_bytes() == bytes(len("secret of before\n"))


def test_a_password_file_of_a_configuration_goes_along(tmp_path: Path, card: Card) -> None:
    folder, handout = cards.trixie(tmp_path / "bootfs"), tmp_path / "handout"
    handout.mkdir()
    (handout / "password").write_text("0123456789")
    (handout / "notes.txt").write_text("not for the card")
    file = '[broker]\naddress = "b"\nusername = "u"\npassword_file = "/etc/picanary/password"\n'
    (handout / "edge.toml").write_text(file)
    assert card(folder, "--handout", str(handout)) == 0
    assert [path.name for path in (folder / "picanary/secret").iterdir()] == ["password"]
    broker = tomllib.loads((folder / "picanary/edge.toml").read_text())["broker"]
    assert broker["password_file"] == "/run/credentials/picanary-edge.service/password"


def test_a_passphrase_is_never_on_the_card(tmp_path: Path, card: Card) -> None:
    folder, secret = cards.trixie(tmp_path / "bootfs"), tmp_path / "secret"
    secret.write_text("correct horse battery\n")
    assert card(folder, "--wifi", "shed", "--country", "DE", "--wifi-password-file", str(secret)) == 0
    assert not any(b"correct horse" in content for content in _content(folder).values())
    assert "cfg80211.ieee80211_regdom=DE" in (folder / "cmdline.txt").read_text().split()


def test_the_wheels_are_those_of_the_systems_python(tmp_path: Path, card: Card) -> None:
    pythons = {"bookworm": {"cp311"}, "trixie": {"cp313"}, "plain cloud-init": {"cp311", "cp313"}}
    for kind, wanted in pythons.items():
        folder = CARDS[kind](tmp_path / kind)
        assert card(folder) == 0
        brought = [path.name for path in (folder / "picanary/wheels").glob("numpy-*.whl")]
        assert {name.split("-")[2] for name in brought} == wanted
        assert all(name.endswith("aarch64.whl") for name in brought)


def test_a_32_bit_bookworm_gets_the_interpreter_that_it_can_run(tmp_path: Path, card: Card) -> None:
    folder = cards.bookworm(tmp_path / "bootfs")
    (folder / "kernel7l.img").touch()
    assert card(folder) == 0
    names = {path.name.split("-")[0] for path in (folder / "picanary/wheels").glob("*.whl")}
    assert "tflite_runtime" in names
    assert "ai_edge_litert" not in names


def _booted_bookworm(folder: Path) -> None:
    cards.bookworm(folder)
    (folder / "cmdline.txt").write_text(cards.ROOT + "\n")


def _booted_with_us(folder: Path) -> None:
    cards.trixie(folder)
    (folder / "picanary").mkdir()
    (folder / "picanary/installed.txt").write_text("0-card-0.1.0-01234567\n")


def _booted_preseed(folder: Path) -> None:
    cards.trixie_preseed(folder)
    text = cards.PRESEED.replace(cards.PSK, "<redacted by rpi-preseed>")
    (folder / "rpi-preseed.toml").write_text(text)


def _root_file_system(folder: Path) -> None:
    (folder / "etc").mkdir(parents=True)
    (folder / "etc/os-release").touch()


def _old_imager_on_trixie(folder: Path) -> None:
    cards.trixie(folder)
    (folder / "firstrun.sh").write_text(cards.FIRSTRUN)
    (folder / "cmdline.txt").write_text(cards.TRIXIE_LINE + cards.IMAGER_WORDS)


def _trixie_32_bit(folder: Path) -> None:
    cards.trixie(folder)
    (folder / "kernel7.img").touch()


def _script_as_user_data(folder: Path) -> None:
    cards.trixie(folder)
    (folder / "user-data").write_text("#!/bin/sh\necho hello\n")


def _two_instances(folder: Path) -> None:
    cards.trixie_imager(folder)
    (folder / "meta-data").write_text("instance-id: another\n")


def _custom_on_trixie(folder: Path) -> None:
    cards.trixie(folder)
    (folder / "custom.toml").write_text("config_version = 1\n")


def _seed_from_elsewhere(folder: Path) -> None:
    cards.trixie(folder)
    (folder / "cmdline.txt").write_text(f"{cards.TRIXIE_LINE} ds=nocloud;s=http://127.0.0.1/seed/\n")


def _no_venv(folder: Path) -> None:
    cards.bookworm(folder)
    (folder / "issue.txt").write_text(cards.ISSUE.format(date="2023-10-10"))


REFUSED: dict[str, tuple[Callable[[Path], object], str]] = {
    "an empty folder": (lambda folder: folder.mkdir(), "no cmdline.txt and no config.txt"),
    "nothing": (lambda _: None, "no such folder"),
    "a root file system": (_root_file_system, "is a root file system"),
    "a booted bookworm": (_booted_bookworm, "has booted already"),
    "a booted card of ours": (_booted_with_us, "has booted already"),
    "a booted preseed": (_booted_preseed, "has booted already"),
    "Imager 1 on trixie": (_old_imager_on_trixie, "Imager 2"),
    "a 32-bit trixie": (_trixie_32_bit, "flash the 64-bit one"),
    "a script": (_script_as_user_data, "does not begin with #cloud-config"),
    "two instances": (_two_instances, "different instances"),
    "a custom.toml on trixie": (_custom_on_trixie, "does not read custom.toml"),
    "a seed from elsewhere": (_seed_from_elsewhere, "not from the card"),
    "an image without venv": (_no_venv, "lacks python3-venv"),
}


@pytest.mark.parametrize("what", REFUSED)
def test_what_is_no_fresh_card_is_refused_in_a_sentence(
    what: str, tmp_path: Path, card: Card, capsys: pytest.CaptureFixture[str]
) -> None:
    prepare, reason = REFUSED[what]
    folder = tmp_path / "bootfs"
    prepare(folder)
    before = _content(folder)
    assert card(folder) == 2
    assert reason in _refused(capsys)
    assert _content(folder) == before


@pytest.mark.parametrize(
    ("words", "reason"),
    [
        (["--dht", "99"], "GPIO 2 to 27"),
        (["--dht", "2", "--i2c", "bme280"], "I2C bus"),
        (["--i2c", "bme281"], "bme280"),
        (["--i2c", "bme280,addr=0x75"], "only addr=0x76 or addr=0x77 can stand"),
        (["--i2c", "bme280,addr=119"], "only addr=0x76 or addr=0x77 can stand"),
        (["--i2c", "htu21,addr=0x41"], "cannot be chosen"),
        (["--i2c", "bme280", "--i2c", "bmp280"], "at the same address"),
        (["--wifi", "shed"], "--country"),
        (["--country", "DE"], "--wifi"),
        (["--broker", 'a"b'], "without quotes"),
        (["--ssh-key", "/bin/sh"], "no UTF-8 text"),
        (["--wifi", "shed", "--country", "DE", "--wifi-password-file", "/bin/sh"], "no UTF-8 text"),
        (["--hostname", "a_b"], "--hostname"),
        (["--hostname", "other"], "hostname: attic already"),
    ],
)
def test_a_wrong_flag_is_refused_in_a_sentence(
    words: list[str], reason: str, tmp_path: Path, card: Card, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = cards.trixie_imager(tmp_path / "bootfs")
    assert card(folder, *words) == 2
    assert reason in _refused(capsys)


def test_a_damaged_bundle_is_refused_before_it_is_on_the_card(
    tmp_path: Path, card: Card, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = cards.trixie_imager(tmp_path / "bootfs")
    before = _content(folder)
    damaged = tmp_path / "room.canary"
    content = bytearray(default_content())
    content[len(content) // 2] ^= 1
    damaged.write_bytes(content)
    assert card(folder, "--bundle", str(damaged)) == 2
    assert str(damaged) in _refused(capsys)
    assert _content(folder) == before


def test_an_i2c_sensor_may_have_another_address(tmp_path: Path, card: Card) -> None:
    folder = cards.trixie_imager(tmp_path / "bootfs")
    assert card(folder, "--i2c", "bme280,addr=0x77", "--i2c", "bmp280", "--i2c", "bmp280") == 0
    lines = (folder / "config.txt").read_text().splitlines()
    assert lines[-3:] == [
        "dtparam=i2c_arm=on",
        "dtoverlay=i2c-sensor,bme280,addr=0x77",
        "dtoverlay=i2c-sensor,bmp280",
    ]


@pytest.mark.parametrize("kind", ["bookworm, Imager", "trixie, Imager", "trixie, preseed"])
def test_imagers_hostname_is_not_overruled(
    kind: str, tmp_path: Path, card: Card, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = CARDS[kind](tmp_path / "bootfs")
    assert card(folder, "--hostname", "cellar", "--dry-run") == 2
    assert "attic already, which is kept" in _refused(capsys)
    assert card(folder, "--hostname", "attic", "--dry-run") == 0


def test_a_custom_toml_stays_beside_our_script(tmp_path: Path, card: Card) -> None:
    folder = cards.bookworm(tmp_path / "bootfs")
    (folder / "custom.toml").write_text("config_version = 1\n")
    assert card(folder) == 0
    assert (folder / "custom.toml").read_text() == "config_version = 1\n"
    words = (folder / "cmdline.txt").read_text().split()
    assert words == [*cards.BOOKWORM_LINE.split(), *firstrun.WORDS]


def test_a_full_card_is_left_as_it_was(
    tmp_path: Path, card: Card, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = cards.trixie(tmp_path / "bootfs")
    before = _content(folder)
    monkeypatch.setattr(shutil, "disk_usage", lambda _: shutil._ntuple_diskusage(2**29, 2**29 - 1000, 1000))
    assert card(folder) == 2
    assert "MiB free" in _refused(capsys)
    assert _content(folder) == before


def test_a_missing_wheel_is_named_before_anything_is_written(
    tmp_path: Path, wheel: Path, house: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    poor = tmp_path / "poor"
    shutil.copytree(house, poor)
    for path in poor.glob("numpy-*"):
        path.unlink()
    folder = cards.trixie(tmp_path / "bootfs")
    before = _content(folder)
    assert main(["card", str(folder), "--wheel", str(wheel), "--wheelhouse", str(poor)]) == 2
    assert "numpy" in _refused(capsys)
    assert _content(folder) == before


def test_what_needs_the_network_is_said_before_the_card_is_written(
    tmp_path: Path, card: Card, capsys: pytest.CaptureFixture[str]
) -> None:
    assert card(cards.trixie_imager(tmp_path / "bootfs")) == 0
    lines = capsys.readouterr().out.splitlines()
    said = next(at for at, line in enumerate(lines) if "packages" in line)
    assert said < next(at for at, line in enumerate(lines) if line.startswith(("changed", "wrote")))
