"""Each channel against a real receiver: what arrives, and what is said when it does not."""

import hashlib
import hmac
import threading

import pytest

from edge.errors import MissingExtra
from edge.mqtt.broker import BrokerSettings
from edge.mqtt.connection import Connection
from monitor.alerts import post, telegraph
from monitor.alerts.channel import NotDelivered, Refused
from monitor.alerts.letter import Letter
from monitor.alerts.post import posts
from monitor.alerts.telegraph import Confirmations, Telegraph
from monitor.alerts.webhook import Webhook
from tests.brokers import free_port, mosquitto
from tests.monitor.alerts.receivers import mailbox, webhook_receiver
from tests.monitor.running import PATIENCE_S, until

# apprise's; not ours to mend
pytestmark = pytest.mark.filterwarnings("ignore:'imghdr' is deprecated:DeprecationWarning")

ANY = frozenset[str]()
TEXT = "cellar: humidity 81 %, expected 52 ± 4 (since 14:02)"


def letter(*devices: str, what: str = "onset") -> Letter:
    where = "http://monitor.example/#/device/cellar"
    return Letter("a1", what, "anomaly", "cellar: anomaly", TEXT, where, devices or ("cellar",), 1000, 2000)


def hook(url: str, secret: bytes = b"", timeout_s: float = 30.0) -> Webhook:
    return Webhook("webhook.ops", url, secret, timeout_s, ANY)


def test_a_webhook_gets_the_letter_as_signed_json():
    with webhook_receiver() as hooks:
        hook(hooks.url, b"our secret").send(letter())
    ((headers, body),) = hooks.requests
    assert hooks.letters == [
        {
            "v": 1,
            "id": "a1",
            "what": "onset",
            "kind": "anomaly",
            "title": "cellar: anomaly",
            "text": TEXT,
            "url": "http://monitor.example/#/device/cellar",
            "devices": ["cellar"],
            "since_ms": 1000,
            "at_ms": 2000,
        }
    ]
    assert headers["content-type"] == "application/json"
    assert headers["x-picanary-delivery"] == "a1"
    signature = hmac.new(b"our secret", body, hashlib.sha256).hexdigest()
    assert headers["x-picanary-signature"] == f"sha256={signature}"


def test_without_a_secret_nothing_is_signed():
    with webhook_receiver() as hooks:
        hook(hooks.url).send(letter())
    assert "x-picanary-signature" not in hooks.requests[0][0]


@pytest.mark.parametrize(
    ("status", "kind"), [(500, NotDelivered), (404, NotDelivered), (302, NotDelivered), (422, Refused)]
)
def test_a_webhook_that_does_not_take_it_is_tried_again_unless_it_says_never(status, kind):
    with webhook_receiver() as hooks:
        hooks.answers = [status]
        with pytest.raises(NotDelivered, match=f"the receiver answered {status}") as said:
            hook(hooks.url).send(letter())
    assert type(said.value) is kind
    assert "hunter2" not in str(said.value)


def test_a_webhook_that_does_not_answer_costs_no_more_than_its_time():
    with webhook_receiver() as hooks:
        hooks.hold = threading.Event()
        with pytest.raises(NotDelivered, match=r"no answer within 0\.2 s"):
            hook(hooks.url, timeout_s=0.2).send(letter())


def test_a_webhook_that_is_not_there_is_said():
    with pytest.raises(NotDelivered, match=r"cannot be reached: .*refused"):
        hook(f"http://127.0.0.1:{free_port()}/").send(letter())


def test_a_mail_says_it_in_its_subject_and_its_text():
    pytest.importorskip("apprise", reason="needs picanary[alerts]: apprise")
    with mailbox() as box:
        (channel,) = posts("apprise.people", f"# us\n\n{box.url}\n", ANY)
        channel.send(letter())
    assert box.subjects == ["cellar: anomaly"]
    assert TEXT in box.text(0)
    assert "http://monitor.example/#/device/cellar" in box.text(0)
    assert box.letters[0]["to"] == "ada@example.org"


def test_a_mail_that_is_turned_away_is_said_without_its_address():
    pytest.importorskip("apprise", reason="needs picanary[alerts]: apprise")
    with mailbox() as box:
        box.refuse = True
        (channel,) = posts("apprise.people", box.url, ANY)
        with pytest.raises(NotDelivered, match="did not take it") as said:
            channel.send(letter())
    assert "example.org" not in str(said.value)


def test_each_address_is_a_channel_of_its_own():
    pytest.importorskip("apprise", reason="needs picanary[alerts]: apprise")
    made = posts("apprise.people", "json://127.0.0.1/a\n# not this\njson://127.0.0.1/b\n", ANY)
    assert [each.name for each in made] == ["apprise.people line 1", "apprise.people line 3"]


def test_without_apprise_the_extra_is_named(monkeypatch):
    monkeypatch.setattr(post, "need", lambda *_: (_ for _ in ()).throw(MissingExtra("picanary[alerts]")))
    with pytest.raises(MissingExtra, match="alerts"):
        posts("apprise.people", "mailto://one.example", ANY)


@pytest.mark.parametrize(
    ("devices", "leaf"), [(("cellar",), "cellar"), (("attic", "cellar"), "_fleet"), ((), "_monitor")]
)
def test_mqtt_has_the_letter_once_the_broker_has_confirmed_it(devices, leaf):
    heard: list[tuple[str, bytes]] = []
    confirmations = Confirmations()
    with mosquitto() as broker:
        listener = Connection(
            BrokerSettings("127.0.0.1", broker.port, "listener"),
            on_message=lambda topic, payload, _: heard.append((topic, payload)),
        )
        listener.subscribe("house/alerts/#")
        sender = Connection(
            BrokerSettings("127.0.0.1", broker.port, "sender"), on_published=confirmations.confirmed
        )
        try:
            for each in (listener, sender):
                each.start()
                each.wait_connected(PATIENCE_S)
            made = letter(*devices) if devices else Letter("a1", "onset", "store", "t", TEXT, None, (), 1, 2)
            Telegraph("mqtt.home", "house/alerts/", True, ANY, sender, confirmations).send(made)
            topic, payload = until(lambda: heard and heard[0])
            assert topic == f"house/alerts/{leaf}"
            assert TEXT.encode() in payload
        finally:
            listener.stop()
            sender.stop()


def test_mqtt_without_a_connection_is_not_delivered():
    with mosquitto() as broker:
        idle = Connection(BrokerSettings("127.0.0.1", broker.port, "idle"))
        channel = Telegraph("mqtt.home", "alerts", False, ANY, idle, Confirmations())
        with pytest.raises(NotDelivered, match="no connection"):
            channel.send(letter())
        idle.stop()


def test_a_broker_that_never_confirms_is_not_delivered(monkeypatch):
    monkeypatch.setattr(telegraph, "CONFIRM_S", 0.05)
    with mosquitto() as broker:
        deaf = Connection(BrokerSettings("127.0.0.1", broker.port, "deaf"))  # tells nobody what was published
        deaf.start()
        try:
            deaf.wait_connected(PATIENCE_S)
            channel = Telegraph("mqtt.home", "alerts", False, ANY, deaf, Confirmations())
            with pytest.raises(NotDelivered, match="has not confirmed it"):
                channel.send(letter())
        finally:
            deaf.stop()
