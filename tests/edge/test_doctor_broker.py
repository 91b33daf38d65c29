"""What the doctor finds at brokers: real ones, that are away, forbid, or have certificates."""

import datetime
import ipaddress
import signal
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from edge.config import BrokerSection
from edge.doctor.broker import broker as look_at_broker
from edge.doctor.report import Finding
from tests.brokers import amqtt_broker, free_port, mosquitto
from tests.edge.test_agent import DEADLINE_S, agent, subscriber
from tests.edge.test_doctor import doctor


def broker_findings(port: int, **more: object) -> list[Finding]:
    section = BrokerSection(address=f"127.0.0.1:{port}", **more)  # type: ignore[arg-type]
    return list(look_at_broker(section, "cellar", answer_s=3.0))


@pytest.mark.parametrize("kind", [mosquitto, amqtt_broker])
def test_a_broker_is_followed_to_the_first_message_that_comes_back(kind: object) -> None:
    with kind() as running:  # type: ignore[operator]
        found = broker_findings(running.port)
    assert {finding.level for finding in found} == {"ok"}
    assert "came back" in " ".join(finding.found for finding in found)


def test_nobody_at_the_port_and_no_such_host_are_told_apart() -> None:
    *_, last = broker_findings(free_port())
    assert last.level == "fail" and "nobody listens" in last.found
    (only,) = look_at_broker(BrokerSection(address="broker.invalid"), "cellar")
    assert only.level == "fail" and ("no such host" in only.found or "name server" in only.found)


def test_a_broker_that_lets_nobody_in_is_told_in_its_words() -> None:
    with mosquitto("allow_anonymous false") as running:
        *_, last = broker_findings(running.port)
    assert last.level == "fail" and "not authorized" in last.found


@pytest.mark.parametrize(
    "rights, says",
    [("topic read #", "not authorized"), ("topic write picanary/v1/cellar/#", "did not come back")],
)
def test_an_access_list_that_forbids_too_much_fails(tmp_path: Path, rights: str, says: str) -> None:
    (tmp_path / "acl").write_text(f"{rights}\n")
    with mosquitto(f"allow_anonymous true\nacl_file {tmp_path / 'acl'}") as running:
        found = broker_findings(running.port)
    (failed,) = [finding for finding in found if finding.level == "fail"]
    assert says in failed.found and "access list" in failed.do


def test_the_doctor_turns_no_running_agent_out(tmp_path: Path) -> None:
    with mosquitto() as running, subscriber(running) as heard:
        where = f"127.0.0.1:{running.port}"
        flags = ["--source", "simulator", "--bundle", "none", "--period", 0.2, "--commit-s", 0.2]
        with agent(tmp_path, *flags, "--broker", where) as process:
            heard.wait(lambda: len(heard.records()) > 3)
            done = doctor(
                *flags, "--broker", where, "--device", "cellar", "--journal", tmp_path / "journal.db"
            )
            assert done.returncode == 0, done.stdout
            assert "a running agent has it" in done.stdout
            seen = max(heard.records())
            heard.wait(lambda: max(heard.records()) > seen + 3)
            assert [message["state"] for message in heard.of("status")] == ["online"]
            process.send_signal(signal.SIGTERM)
            assert process.wait(DEADLINE_S) == 0


@pytest.mark.parametrize("days, level", [(365, "ok"), (5, "warn")])
def test_a_certificate_is_read_for_how_long_it_holds(tmp_path: Path, days: int, level: str) -> None:
    lines = certificate(tmp_path, days)
    with mosquitto("allow_anonymous true", lines) as running:
        found = broker_findings(running.port, cafile=tmp_path / "cert.pem")
        untrusted = broker_findings(running.port, tls=True)
    (tls,) = [finding for finding in found if "TLSv1" in finding.found]
    assert tls.level == level and "came back" in found[-2].found
    assert untrusted[-1].level == "fail" and "not trusted" in untrusted[-1].found


@pytest.mark.parametrize("days, level", [(365, "ok"), (59, "warn"), (-1, "fail")])
def test_our_own_certificate_is_read_for_how_long_it_holds(tmp_path: Path, days: int, level: str) -> None:
    lines = certificate(tmp_path, 365)
    ours = tmp_path / "ours"
    ours.mkdir()
    certificate(ours, days)
    with mosquitto("allow_anonymous true", lines) as running:
        found = broker_findings(
            running.port, cafile=tmp_path / "cert.pem", certfile=ours / "cert.pem", keyfile=ours / "key.pem"
        )
    (own,) = [finding for finding in found if "our certificate" in finding.found]
    assert own.level == level and bool(own.do) == (level != "ok")


def test_a_broker_that_does_not_take_our_certificate_is_told_in_its_words(tmp_path: Path) -> None:
    lines = certificate(tmp_path, 365)
    ours = tmp_path / "ours"
    ours.mkdir()
    certificate(ours, 365)
    with mosquitto("", f"{lines}\ncafile {tmp_path / 'cert.pem'}\nrequire_certificate true") as running:
        *_, last = broker_findings(
            running.port, cafile=tmp_path / "cert.pem", certfile=ours / "cert.pem", keyfile=ours / "key.pem"
        )
    assert last.level == "fail" and "alert" in last.found


def test_the_agents_files_have_to_be_whole_where_the_doctor_has_its_own(tmp_path: Path) -> None:
    lines = certificate(tmp_path, 365)
    for suffix in ("cert", "key"):
        whole = tmp_path / f"{suffix}.pem"
        (tmp_path / f"{suffix}.doctor.pem").write_bytes(whole.read_bytes())
    damaged = tmp_path / "damaged"
    damaged.mkdir()
    for path in tmp_path.glob("*.doctor.pem"):
        (damaged / path.name).write_bytes(path.read_bytes())
        (damaged / path.name.replace(".doctor", "")).write_bytes(b"junk")
    with mosquitto("allow_anonymous true", lines) as running:
        *_, last = broker_findings(
            running.port,
            cafile=tmp_path / "cert.pem",
            certfile=damaged / "cert.pem",
            keyfile=damaged / "key.pem",
        )
    assert last.level == "fail" and "must be unencrypted PEM" in last.found


def certificate(folder: Path, days: int) -> str:
    """A certificate for 127.0.0.1 that signs itself; lines for mosquitto."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "broker")])
    now = datetime.datetime.now(datetime.UTC)
    made = (
        x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(days=2))
        .not_valid_after(now + datetime.timedelta(days=days))
        .add_extension(
            x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]), False
        )
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), True)
        .sign(key, hashes.SHA256())
    )
    pem = serialization.Encoding.PEM
    (folder / "cert.pem").write_bytes(made.public_bytes(pem))
    (folder / "key.pem").write_bytes(
        key.private_bytes(pem, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    )
    return f"certfile {folder / 'cert.pem'}\nkeyfile {folder / 'key.pem'}"
