"""Who is let in at all: certificates that are missing, of one's own making, of others, past or revoked."""

import socket
import ssl
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import paho.mqtt.client as mqtt
import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import load_pem_private_key
from cryptography.x509 import load_pem_x509_certificate

from deploy.broker.authority import LIFE, Authority, Pair
from edge.errors import BrokerError
from edge.mqtt.broker import BrokerSettings
from edge.mqtt.connection import Connection
from tests.brokers import mosquitto
from tests.deploy.broker.provisioned import Guest, Provisioned, deploy, provisioned

Pairs = Callable[[str], Path]
NOW = datetime.now(UTC)


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Provisioned]:
    """A broker with one device."""
    folder = tmp_path_factory.mktemp("house")
    with provisioned(folder) as made:
        made.let_in("add-device", "cellar")
        made.let_in("add-monitor", "page")
        yield made


def on_disk(folder: Path, pair: Pair) -> Pairs:
    (folder / "pair.crt").write_bytes(pair.certificate)
    (folder / "pair.key").write_bytes(pair.key)
    return lambda suffix: folder / f"pair{suffix}"


def ours(house: Provisioned) -> Authority:
    return Authority.load(house.folder / "authority/ca.key", house.folder / "authority/ca.crt")


def self_signed(_: Provisioned, folder: Path) -> Pairs:
    """A certificate that says of itself that it is the cellar's."""
    authority = Authority.create(NOW)
    return on_disk(folder, Pair(authority.certificate_pem(), authority.key_pem(), 1, NOW))


def of_another_authority(_: Provisioned, folder: Path) -> Pairs:
    return on_disk(folder, Authority.create(NOW).client("cellar", NOW))


def of_an_authority_that_calls_itself_ours(house: Provisioned, folder: Path) -> Pairs:
    forged = Authority.create(NOW)
    forged.certificate = ours(house).certificate
    return on_disk(folder, forged.client("cellar", NOW))


def past(house: Provisioned, folder: Path) -> Pairs:
    return on_disk(folder, ours(house).client("cellar", NOW - LIFE - timedelta(minutes=1)))


def signed_by_a_device(house: Provisioned, folder: Path) -> Pairs:
    """A device is no authority: what its key signs counts for nothing, with the chain sent along."""
    device = house.folder / "handout/cellar"
    key = load_pem_private_key((device / "cellar.key").read_bytes(), None)
    assert isinstance(key, ec.EllipticCurvePrivateKey)
    signer = Authority(key, load_pem_x509_certificate((device / "cellar.crt").read_bytes()))
    pair = signer.client("page", NOW)
    chain = pair.certificate + (device / "cellar.crt").read_bytes()
    return on_disk(folder, Pair(chain, pair.key, pair.serial, pair.until))


def of_the_broker_itself(house: Provisioned, _: Path) -> Pairs:
    return lambda suffix: house.folder / f"mosquitto/server{suffix}"


STRANGERS = [
    self_signed,
    of_another_authority,
    of_an_authority_that_calls_itself_ours,
    past,
    signed_by_a_device,
    of_the_broker_itself,
]


@pytest.mark.parametrize("protocol", [mqtt.MQTTv5, mqtt.MQTTv311], ids=["5", "3.1.1"])
def test_without_a_certificate_nobody_is_let_in_whatever_name_they_give(
    house: Provisioned, protocol: int
) -> None:
    with Guest(house, "cellar", pair=None, username="cellar", protocol=protocol) as guest:
        assert guest.gone and not guest.let_in


@pytest.mark.parametrize("stranger", STRANGERS, ids=lambda each: each.__name__)
def test_a_certificate_that_does_not_count_lets_nobody_in(
    house: Provisioned, tmp_path: Path, stranger: Callable[[Provisioned, Path], Pairs]
) -> None:
    with Guest(house, "cellar", pair=stranger(house, tmp_path)) as guest:
        assert guest.gone and not guest.let_in
    with house.guest("cellar") as cellar:  # the lock has not simply jammed
        assert cellar.let_in


def test_nobody_is_heard_who_does_not_speak_tls(house: Provisioned) -> None:
    plain = Connection(BrokerSettings("127.0.0.1", house.port, "cellar"))
    plain.start()
    with pytest.raises(BrokerError):
        plain.wait_connected(1.0)
    plain.stop()


def test_a_name_that_was_signed_and_never_let_in_may_do_nothing(house: Provisioned, tmp_path: Path) -> None:
    """As after the loss of a ledger: the certificate counts, and there is no line for it in the list."""
    with Guest(house, "x", pair=on_disk(tmp_path, ours(house).client("unknown", NOW))) as guest:
        assert guest.let_in
        assert not guest.say("picanary/v1/unknown/status")


@pytest.mark.parametrize("name", ["#", "+", "cellar/../page", "%u", "cel lar", "", "user page"])
def test_a_name_that_could_be_read_as_a_topic_is_none(house: Provisioned, tmp_path: Path, name: str) -> None:
    if name:  # even if somebody had it signed
        with Guest(house, "x", pair=on_disk(tmp_path, ours(house).client(name, NOW))) as guest:
            for topic in ("picanary/v1/cellar/status", f"picanary/v1/{name}/status"):
                assert not guest.let_in or topic != mqtt_topic(topic) or not guest.say(topic)
    assert deploy(house.folder, "add-device", name) == 2


def mqtt_topic(topic: str) -> str:
    """The topic, if one may publish to it."""
    return topic if not set(topic) & set("+#") else ""


def test_a_devices_certificate_does_not_make_it_the_broker(house: Provisioned) -> None:
    handout = house.folder / "handout/cellar"
    listener = f"certfile {handout / 'cellar.crt'}\nkeyfile {handout / 'cellar.key'}"
    with mosquitto(listener=listener) as impostor:
        for context in (ssl.create_default_context, _careless):
            made = context(cafile=str(handout / "ca.crt"))
            with pytest.raises(ssl.SSLCertVerificationError):
                made.wrap_socket(_connected(impostor.port), server_hostname="localhost")
    made = ssl.create_default_context(cafile=str(handout / "ca.crt"))
    with made.wrap_socket(_connected(house.port), server_hostname="localhost"):
        pass


def _careless(cafile: str) -> ssl.SSLContext:
    """One that does not look at the host's name: the purpose alone has to do."""
    made = ssl.create_default_context(cafile=cafile)
    made.check_hostname = False
    return made


def _connected(port: int) -> socket.socket:
    return socket.create_connection(("127.0.0.1", port), 10.0)


def test_who_is_revoked_is_out_at_the_next_reload_also_with_a_connection_that_is_open(tmp_path: Path) -> None:
    with provisioned(tmp_path) as house:
        for name in ("cellar", "attic", "shed"):
            assert deploy(house.folder, "add-device", name) == 0
        house.let_in("add-monitor", "page")
        with house.guest("page") as page, house.guest("cellar", will="picanary/v1/cellar/status") as cellar:
            cellar.listen("picanary/v1/cellar/cmd/+")
            assert cellar.say("picanary/v1/cellar/info", b"junk", retain=True)
            house.let_in("revoke", "cellar")
            # the connection stays, and is good for nothing, not even a last will
            assert not cellar.say("picanary/v1/cellar/data")
            assert page.say("picanary/v1/cellar/cmd/snooze")
            page.listen("picanary/v1/#")
            cellar.drop()
            with house.guest("cellar") as again:
                assert not again.let_in
            with house.guest("cellar.doctor", pair=_doctor(house)) as doctor:
                assert not doctor.let_in
            # others come and go as before; and a second one, and a third, can be revoked without a restart
            with house.guest("attic") as attic, house.guest("shed") as shed:
                assert attic.let_in and shed.let_in
                assert attic.say("picanary/v1/attic/status", b"fence")
                page.hears("picanary/v1/attic/status", b"fence")
            assert page.topics() == {"picanary/v1/attic/status"}  # what the revoked had retained is kept back
            assert cellar.topics() == set()
        for name in ("attic", "shed"):
            house.let_in("revoke", name)
            with house.guest(name) as guest:
                assert not guest.let_in, name
        house.let_in("add-device", "loft")
        house.broker.stop()
        house.broker.start()
        with house.guest("attic") as guest, house.guest("page") as page, house.guest("loft") as loft:
            assert page.let_in and loft.let_in and not guest.let_in
            page.listen("picanary/v1/#")
            assert loft.say("picanary/v1/loft/status", b"fence")
            page.hears("picanary/v1/loft/status", b"fence")
            assert page.topics() == {"picanary/v1/loft/status"}


def _doctor(house: Provisioned) -> Pairs:
    return lambda suffix: house.folder / f"handout/cellar/cellar.doctor{suffix}"


def test_a_device_that_comes_back_has_another_certificate_and_the_old_one_stays_out(tmp_path: Path) -> None:
    with provisioned(tmp_path) as house:
        handed = house.let_in("add-device", "cellar")
        stolen = tmp_path / "stolen"
        handed.rename(stolen)
        house.let_in("revoke", "cellar")
        house.let_in("add-device", "cellar")
        with house.guest("cellar") as cellar:
            assert cellar.let_in and cellar.say("picanary/v1/cellar/status")
            with Guest(house, "cellar", pair=lambda suffix: stolen / f"cellar{suffix}") as thief:
                assert not thief.let_in
            assert cellar.say("picanary/v1/cellar/status")


def test_a_renewed_certificate_and_the_one_before_it_both_count(tmp_path: Path) -> None:
    with provisioned(tmp_path) as house:
        handed = house.let_in("add-device", "cellar")
        before = tmp_path / "before"
        handed.rename(before)
        house.let_in("renew", "cellar")
        for pair in (None, lambda suffix: before / f"cellar{suffix}"):
            with house.guest("cellar", **({"pair": pair} if pair else {})) as cellar:
                assert cellar.let_in and cellar.say("picanary/v1/cellar/status")


def test_the_brokers_own_certificate_is_taken_up_without_a_restart(tmp_path: Path) -> None:
    with provisioned(tmp_path) as house:
        house.let_in("add-device", "cellar")
        with house.guest("cellar") as cellar:
            assert deploy(house.folder, "--host", "cellar.local") == 0
            house.reload()
            assert cellar.say("picanary/v1/cellar/status")
            made = ssl.create_default_context(cafile=str(house.folder / "mosquitto/ca.crt"))
            with made.wrap_socket(_connected(house.port), server_hostname="cellar.local") as secure:
                assert secure.version() == "TLSv1.3"
