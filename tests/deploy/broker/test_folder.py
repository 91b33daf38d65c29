"""The command and its folder: what it makes, what it leaves alone, and what it says of what it cannot do."""

import json
import subprocess
import sys
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography import x509

from deploy.broker.authority import LIFE, Authority
from deploy.broker.place import Place
from edge.config import broker_settings, check, read_config
from edge.mqtt.broker import tls_context
from tests.deploy.broker.provisioned import deploy, provisioned

ROOT = Path(__file__).parents[3]
Snapshot = dict[str, tuple[int, bytes]]


def files(folder: Path) -> Snapshot:
    """Each file's time of writing and content."""
    every = (path for path in folder.rglob("*") if path.is_file() and path.name != "lock")
    return {str(path.relative_to(folder)): (path.stat().st_mtime_ns, path.read_bytes()) for path in every}


def changed(before: Snapshot, after: Snapshot) -> set[str]:
    return {name for name in before.keys() | after.keys() if before.get(name) != after.get(name)}


def certificate(path: Path) -> x509.Certificate:
    return x509.load_pem_x509_certificate(path.read_bytes())


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    made = tmp_path / "broker"
    assert deploy(made, "--host", "cellar.local") == 0
    return made


def test_twice_changes_nothing(folder: Path) -> None:
    assert deploy(folder, "add-device", "cellar") == 0
    before = files(folder)
    assert deploy(folder) == 0
    assert deploy(folder, "--host", "cellar.local") == 0
    assert deploy(folder, "add-device", "cellar") == 0
    assert deploy(folder, "renew") == 0
    assert deploy(folder, "list") == 0
    assert files(folder) == before


def test_another_host_is_another_certificate_of_the_broker_and_nothing_else(folder: Path) -> None:
    assert deploy(folder, "add-device", "cellar") == 0
    before = files(folder)
    assert deploy(folder, "--host", "192.168.1.10", "--host", "fd00::10") == 0
    assert changed(before, files(folder)) == {
        "authority/ledger.json",
        "mosquitto/server.crt",
        "mosquitto/server.key",
    }
    names = certificate(folder / "mosquitto/server.crt").extensions
    hosts = names.get_extension_for_class(x509.SubjectAlternativeName).value
    assert set(hosts.get_values_for_type(x509.DNSName)) == {"cellar.local", "localhost"}
    addresses = {str(each) for each in hosts.get_values_for_type(x509.IPAddress)}
    assert addresses == {"192.168.1.10", "fd00::10", "127.0.0.1", "::1"}


def test_what_is_lost_of_mosquittos_is_made_again(folder: Path) -> None:
    assert deploy(folder, "add-device", "cellar") == 0
    assert deploy(folder, "revoke", "cellar") == 0
    whole = {path.name for path in (folder / "mosquitto").iterdir()}
    for path in (folder / "mosquitto").iterdir():
        if path.is_file():
            path.write_bytes(b"damaged")
    (folder / "mosquitto/acl").unlink()
    assert deploy(folder) == 0
    assert {path.name for path in (folder / "mosquitto").iterdir()} == whole
    (revoked, _doctor) = x509.load_pem_x509_crl((folder / "mosquitto/revoked.crl").read_bytes())
    assert f"{revoked.serial_number:x}" in (folder / "authority/ledger.json").read_text()
    certificate(folder / "mosquitto/server.crt").verify_directly_issued_by(
        certificate(folder / "authority/ca.crt")
    )


def test_secrets_are_the_owners_and_mosquitto_gets_no_more_than_it_needs(folder: Path) -> None:
    assert deploy(folder, "add-device", "cellar") == 0
    for path in ("authority/ca.key", "authority/ledger.json", "handout/cellar/cellar.key"):
        assert (folder / path).stat().st_mode & 0o777 == 0o600, path
    assert (folder / "authority").stat().st_mode & 0o777 == 0o700
    assert (folder / "mosquitto").stat().st_mode & 0o777 == 0o750
    for path in (folder / "mosquitto").iterdir():
        assert path.stat().st_mode & 0o007 == 0, path
    secret = (folder / "authority/ca.key").read_bytes()
    copies = [name for name, (_, content) in files(folder).items() if secret in content]
    assert copies == ["authority/ca.key"]


def test_what_a_device_is_handed_is_a_configuration_that_an_agent_takes(folder: Path, tmp_path: Path) -> None:
    out = tmp_path / "for the cellar"
    assert deploy(folder, "add-device", "cellar", "--out", out, "--files-at", out) == 0
    config = check(read_config(out / "edge.toml"))
    assert config.agent.device == "cellar"
    settings = broker_settings(config.broker, "cellar")
    assert settings.address == "cellar.local:8883" and tls_context(settings) is not None
    assert not (folder / "handout").exists()


def test_another_port_and_an_address_of_ipv6_are_written_as_an_agent_reads_them(tmp_path: Path) -> None:
    assert deploy(tmp_path, "--host", "fd00::10", "--port", 8884) == 0
    assert deploy(tmp_path, "add-device", "cellar") == 0
    config = read_config(tmp_path / "handout/cellar/edge.toml")
    assert broker_settings(config.broker, "cellar").address == "[fd00::10]:8884"
    assert "listener 8884\n" in (tmp_path / "mosquitto/picanary.conf").read_text()


def test_the_files_may_stand_elsewhere_on_the_brokers_machine(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert deploy(tmp_path, "--host", "cellar.local", "--at", "/etc/mosquitto/picanary/") == 0
    said = capsys.readouterr().out
    assert f"sudo cp -rT {tmp_path / 'mosquitto'} /etc/mosquitto/picanary " in said
    assert "ln -sf /etc/mosquitto/picanary/picanary.conf /etc/mosquitto/conf.d/picanary.conf" in said
    text = (tmp_path / "mosquitto/picanary.conf").read_text()
    assert "acl_file /etc/mosquitto/picanary/acl\n" in text and str(tmp_path) not in text
    assert deploy(tmp_path, "add-device", "cellar") == 0  # it is remembered
    assert f"sudo cp -t /etc/mosquitto/picanary {tmp_path / 'mosquitto/acl'} " in capsys.readouterr().out
    assert text == (tmp_path / "mosquitto/picanary.conf").read_text()


def test_it_goes_with_debians_own_configuration(tmp_path: Path) -> None:
    with provisioned(tmp_path / "broker") as house:
        house.let_in("add-device", "cellar")
        house.let_in("add-rollout", "models")
        own = tmp_path / "conf.d"
        own.mkdir()
        (own / "picanary.conf").symlink_to(house.folder / "mosquitto/picanary.conf")
        (tmp_path / "lib").mkdir()
        user = (house.folder / "as-a-test.conf").read_text().splitlines()[0]
        (house.folder / "as-a-test.conf").write_text(
            f"{user}\npid_file {tmp_path}/mosquitto.pid\npersistence true\n"
            f"persistence_location {tmp_path}/lib/\nlog_dest stderr\nlog_type all\ninclude_dir {own}\n"
        )
        house.broker.stop()
        house.broker.start()
        with house.guest("models") as models:
            assert models.say("picanary/v1/cellar/model/set", b"model", retain=True)
        house.broker.stop()
        house.broker.start()  # what is on offer outlives a restart
        with house.guest("cellar") as cellar:
            cellar.listen("picanary/v1/cellar/model/set")
            cellar.hears("picanary/v1/cellar/model/set", b"model")


def ages(folder: Path, name: str, left: timedelta) -> None:
    """The ledger says of that name's certificate that it ends so soon."""
    ledger = json.loads((folder / "authority/ledger.json").read_text())
    for entry in ledger["entries"]:
        if entry["name"] == name:
            entry["until"] = (datetime.now(UTC) + left).isoformat()
    (folder / "authority/ledger.json").write_text(json.dumps(ledger))


def test_files_that_mosquitto_could_not_reach_are_said(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    home = tmp_path / "home"
    home.mkdir(mode=0o700)
    assert deploy(home / "house", "--host", "localhost") == 0
    assert f"cannot look into {home}, " in capsys.readouterr().out
    assert deploy(home / "barn", "--host", "localhost", "--at", "/etc/mosquitto/picanary") == 0
    assert "cannot look into" not in capsys.readouterr().out


def test_who_is_in_already_is_told_how_to_get_new_files(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert deploy(folder, "add-device", "cellar") == 0
    capsys.readouterr()
    assert deploy(folder, "add-device", "cellar") == 0
    said = capsys.readouterr().out
    assert f"python -m deploy broker {folder} renew cellar" in said


def test_what_runs_out_soon_is_said_and_renewed(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for name in ("attic", "cellar", "shed"):
        assert deploy(folder, "add-device", name) == 0
    ages(folder, "cellar", timedelta(days=59))
    ages(folder, "shed", timedelta(days=-1))
    capsys.readouterr()
    assert deploy(folder, "list") == 0
    lines = {line.split()[0]: line for line in capsys.readouterr().out.splitlines()}
    assert "runs out soon: renew" in lines["cellar"] and "has run out" in lines["shed"]
    assert lines["attic"].endswith(f"until {datetime.now(UTC) + LIFE:%Y-%m-%d}")
    before = files(folder / "handout")
    assert deploy(folder, "renew") == 0
    renewed = {name.split("/")[0] for name in changed(before, files(folder / "handout"))}
    assert renewed == {"cellar", "shed"}
    capsys.readouterr()
    assert deploy(folder, "list") == 0
    said = capsys.readouterr().out
    assert "soon" not in said and "has run out" not in said and said.count("cellar ") == 1


def test_the_brokers_own_certificate_is_renewed_by_any_command_before_it_runs_out(folder: Path) -> None:
    authority = Authority.load(folder / "authority/ca.key", folder / "authority/ca.crt")
    hosts = ("cellar.local", "localhost", "127.0.0.1", "::1")
    for days, stands in ((61, True), (59, False)):
        old = authority.server(hosts, datetime.now(UTC) - LIFE + timedelta(days=days))
        (folder / "mosquitto/server.crt").write_bytes(old.certificate)
        assert deploy(folder, "add-device", f"d{days}") == 0
        assert ((folder / "mosquitto/server.crt").read_bytes() == old.certificate) == stands


def test_the_list_for_programs_has_every_certificate(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert deploy(folder, "add-device", "cellar") == 0
    assert deploy(folder, "revoke", "cellar") == 0
    assert deploy(folder, "add-monitor", "page") == 0
    capsys.readouterr()
    assert deploy(folder, "list", "--json") == 0
    told = json.loads(capsys.readouterr().out)
    assert told["hosts"] == ["cellar.local"]
    assert [(each["name"], each["role"], each["revoked"]) for each in told["certificates"]] == [
        ("cellar", "device", True),
        ("cellar.doctor", "doctor", True),
        ("page", "monitor", False),
    ]
    assert datetime.fromisoformat(told["broker"]) > datetime.now(UTC)


REFUSED: list[tuple[list[object], str]] = [
    (["add-device", "a/b"], "device id 'a/b' must be"),
    (["add-device", "+"], "device id '+' must be"),
    (["add-device", "cellar.doctor"], "device id 'cellar.doctor' must be"),
    (["add-device", "x" * 58], "at most 57 characters"),
    (["add-monitor", "attic"], "attic is a device already"),
    (["revoke", "nobody"], "nobody is not let in here; there is attic"),
    (["renew", "nobody"], "nobody is not let in here; there is attic"),
    (["--host", "cellar.local:8883"], "without a port"),
    (["--host", "999.1.1.1"], "must be a name such as cellar.local or an address"),
    (["--host", "*"], "must be a name"),
    (["--host", "böse.local"], "must be a name"),
    (["--port", 0], "--port 0 must be from 1 to 65535"),
    (["--at", "etc/mosquitto"], "must be a whole path"),
    (["--at", "/etc/x\nallow_anonymous true"], "control characters"),
    (["--bind", "::1\nallow_anonymous true"], "--bind"),
    (["add-device", "new", "--files-at", '/etc/"'], "without quotes"),
]


@pytest.mark.parametrize("words, says", REFUSED, ids=lambda each: str(each)[:40])
def test_what_cannot_be_is_one_sentence_and_changes_nothing(
    folder: Path, capsys: pytest.CaptureFixture[str], words: list[object], says: str
) -> None:
    assert deploy(folder, "add-device", "attic") == 0
    before = files(folder)
    capsys.readouterr()
    assert deploy(folder, *words) == 2
    said = capsys.readouterr().err
    assert says in said and said.count("\n") == 1
    assert files(folder) == before


@pytest.mark.parametrize("words", [["add-device", "cellar"], ["list"], ["revoke", "x"], []])
def test_without_an_authority_nothing_is_made(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], words: list[str]
) -> None:
    assert deploy(tmp_path / "new", *words) == 2
    assert "--host NAME" in capsys.readouterr().err
    assert not files(tmp_path)


def spoil(path: str, content: bytes | None) -> Callable[[Path], None]:
    def act(folder: Path) -> None:
        (folder / path).unlink() if content is None else (folder / path).write_bytes(content)

    return act


def another_authoritys_key(folder: Path) -> None:
    (folder / "authority/ca.key").write_bytes(Authority.create(datetime.now(UTC)).key_pem())


@pytest.mark.parametrize(
    "harm, says",
    [
        (spoil("authority/ca.key", None), "has lost its key"),
        (spoil("authority/ca.key", b"junk"), "the authority is damaged"),
        (spoil("authority/ca.crt", b"junk"), "the authority is damaged"),
        (another_authoritys_key, "is not the key of"),
        (spoil("authority/ledger.json", None), "ledger.json is gone"),
        (spoil("authority/ledger.json", b"{"), "is damaged"),
        (spoil("authority/ledger.json", b"[]"), "is damaged"),
        (spoil("authority/ledger.json", b'{"format": 2}'), "written by another version"),
        (spoil("authority/ledger.json", b'{"format": 1, "entries": [{"name": 1}]}'), "is damaged"),
    ],
)
def test_a_damaged_authority_is_never_replaced(
    folder: Path, capsys: pytest.CaptureFixture[str], harm: Callable[[Path], None], says: str
) -> None:
    harm(folder)
    before = files(folder)
    for words in (["--host", "cellar.local"], ["add-device", "cellar"], ["list"]):
        capsys.readouterr()
        assert deploy(folder, *words) == 2
        said = capsys.readouterr().err
        assert says in said and said.count("\n") == 1
    assert files(folder) == before


def test_two_commands_do_not_write_at_once(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with Place(folder).claimed():
        assert deploy(folder, "add-device", "cellar") == 2
        assert "another command is at work here" in capsys.readouterr().err
    assert deploy(folder, "add-device", "cellar") == 0


@pytest.mark.parametrize("place", range(14))
def test_a_command_that_ends_half_way_can_be_made_good(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, place: int
) -> None:
    folder = tmp_path / "broker"
    put, puts = Place.put, iter(range(1000))

    def dying(self: Place, path: Path, content: bytes, mode: int) -> bool:
        if next(puts) == place:
            raise KeyboardInterrupt  # the power, rather
        return put(self, path, content, mode)

    with monkeypatch.context() as patched:
        patched.setattr(Place, "put", dying)
        for words in (["--host", "cellar.local"], ["add-device", "cellar"]):
            if deploy(folder, *words) != 0:
                break
        else:
            pytest.fail("it did not die")
    assert deploy(folder, "--host", "cellar.local") == 0
    assert deploy(folder, "add-device", "cellar") == 0
    if len(list((folder / "handout/cellar").iterdir())) < 6:
        assert deploy(folder, "renew", "cellar") == 0
    ledger = (folder / "authority/ledger.json").read_text()
    handed = sorted((folder / "handout/cellar").glob("cellar*.crt"))
    assert [path.name for path in handed] == ["cellar.crt", "cellar.doctor.crt"]
    for path in handed:  # there is no certificate that could not be revoked
        assert f'"{certificate(path).serial_number:x}"' in ledger
        certificate(path).verify_directly_issued_by(certificate(folder / "authority/ca.crt"))
    assert "user cellar\n" in (folder / "mosquitto/acl").read_text()
    assert not list(folder.rglob(".*")), "no half-written file is left"


def test_it_runs_as_the_command_that_the_documents_name(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "deploy", "broker", str(tmp_path / "broker"), "--host", "cellar.local"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0 and "has an authority now" in done.stdout and not done.stderr
