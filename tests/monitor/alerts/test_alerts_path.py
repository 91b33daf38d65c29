"""The whole path: what an agent publishes reaches people once, also over a kill of the monitor."""

import json
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
import pytest

from monitor.__main__ import main
from tests.brokers import Broker, free_port, mosquitto
from tests.monitor import messages
from tests.monitor.alerts.receivers import Hooks, mailbox, webhook_receiver
from tests.monitor.messages import event, record
from tests.monitor.running import Agent, agent, until

QUICK = "[group]\ndevices = 3\nwithin_s = 2\n" + "".join(
    f"[rules.{kind}]\nafter_s = 0\ncalm_s = 1\ncooldown_min = 0\n"
    for kind in ("anomaly", "sensor_fault", "offline", "broker")
)


@contextmanager
def monitor(broker: Broker, folder: Path, alerts: str) -> Iterator[tuple[subprocess.Popen[str], str]]:
    """The command in a process of its own, and the address of its page; killed at the end."""
    file = folder / "alerts.toml"
    file.write_text(alerts)
    command = [sys.executable, "-m", "monitor", "--broker", f"127.0.0.1:{broker.port}", "--wait", "--json"]
    where = ["--listen", "127.0.0.1:0", "--store", str(folder / "m.db"), "--alerts", str(file)]
    process = subprocess.Popen([*command, *where], stdout=subprocess.PIPE, text=True)
    try:
        assert process.stdout is not None
        yield process, json.loads(process.stdout.readline())["page"]
    finally:
        process.kill()
        process.communicate(timeout=30)


def strange(room: Agent, seq: int = 2) -> None:
    values = {"observed": {"humidity_pct": 81.2}, "expected": {"humidity_pct": 52.1}}
    more = {"spread": {"humidity_pct": 4.2}, "channel": "humidity_pct"}
    room.send("event", event(seq, "start", seq, **values, **more))
    room.records(record(seq, state="anomalous", score=4.2))


def calm(room: Agent, seq: int = 3) -> None:
    room.send("event", event(seq - 1, "end", seq))
    room.records(record(seq))


def said(hooks: Hooks) -> list[tuple[str, str]]:
    """What and where, each letter once: a kill may repeat one, and its id tells."""
    once = {each["id"]: each for each in hooks.letters}
    return [(each["what"], ",".join(each["devices"])) for each in once.values()]


def test_what_an_agent_finds_strange_arrives_as_mail_and_by_webhook_and_mqtt(tmp_path):
    pytest.importorskip("apprise", reason="needs picanary[alerts]: apprise")
    with mosquitto() as broker, mailbox() as box, webhook_receiver() as hooks, agent(broker) as room:
        urls = tmp_path / "urls"
        urls.write_text(box.url)
        urls.chmod(0o600)
        toml = (
            f'page = "http://monitor.example/"\n{QUICK}[webhook.ops]\nurl = "{hooks.url}"\n'
            f'[apprise.people]\nurls_file = "{urls}"\n[mqtt.home]\n'
        )
        with (
            monitor(broker, tmp_path, toml),
            subprocess.Popen(
                ["mosquitto_sub", "-p", str(broker.port), "-t", "picanary/v1-alerts/#", "-v", "-C", "2"],
                stdout=subprocess.PIPE,
                text=True,
            ) as listener,
        ):
            room.born()
            room.records(record(1))
            strange(room)
            until(lambda: box.letters)
            calm(room)
            until(lambda: len(box.letters) == 2 and len(hooks.letters) == 2)
            assert listener.stdout is not None
            heard_lines = listener.stdout.read().splitlines()
    text = box.text(0)
    assert "cellar: humidity 81 %, expected 52 ± 4 (since " in text
    assert "http://monitor.example/#/device/cellar" in text
    assert box.subjects == ["cellar: anomaly", "cellar behaves as expected again"]
    assert said(hooks) == [("onset", "cellar"), ("recovery", "cellar")]
    assert [line.split(" ", 1)[0] for line in heard_lines] == ["picanary/v1-alerts/cellar"] * 2


def test_over_kills_of_the_monitor_nothing_is_told_twice_and_no_recovery_is_lost(tmp_path):
    with mosquitto() as broker, webhook_receiver() as hooks, agent(broker) as room:
        toml = f'{QUICK}[webhook.ops]\nurl = "{hooks.url}"\n'
        room.born()
        with monitor(broker, tmp_path, toml) as (_, page):
            wait_for_rooms(page)
            room.records(record(1))
            strange(room)
            until(lambda: hooks.letters)
        with monitor(broker, tmp_path, toml) as (_, page):
            wait_for_rooms(page)
            wait_for_looks(page)
            alerts = httpx.get(f"{page}api/alerts").json()
            (alert,) = alerts["alerts"]
            assert alert["told"] is True
            url = f"{page}api/alerts/{alert['id']}/acknowledge"
            assert httpx.post(url, json={"by": "Ada", "note": "on my way"}).status_code == 200
            assert httpx.post(
                f"{page}api/alerts/snooze", json={"devices": ["attic"], "minutes": 60}
            ).is_success
        with monitor(broker, tmp_path, toml) as (_, page):
            alerts = httpx.get(f"{page}api/alerts").json()
            assert alerts["alerts"][0]["acknowledged"]["by"] == "Ada"
            assert [each["device"] for each in alerts["snoozes"]] == ["attic"]
            wait_for_rooms(page)
            calm(room)
            until(lambda: len(recovered(hooks)) == 1)
        with monitor(broker, tmp_path, toml) as (_, page):
            wait_for_looks(page)
            assert httpx.get(f"{page}api/alerts").json()["past"][0]["acknowledged"]["note"] == "on my way"
    told = [each for each in said(hooks) if each[0] != "test"]
    assert told == [("onset", "cellar"), ("recovery", "cellar")]
    assert (
        len([each for each in hooks.letters if each["what"] != "test"]) <= 4
    )  # at each kill one letter may come a second time, with the same id


def recovered(hooks: Hooks) -> list[str]:
    return [each["text"] for each in hooks.letters if each["what"] == "recovery"]


def wait_for_rooms(page: str, count: int = 1) -> None:
    """Until the monitor hears what is published: the births, which the broker keeps."""

    def rooms() -> list[dict[str, object]]:
        return list(httpx.get(f"{page}api/devices").json()["devices"])

    until(lambda: len(rooms()) == count and all(each["presence"] == "online" for each in rooms()))


def wait_for_looks(page: str, count: int = 5) -> None:
    """Until the monitor has judged so often: a second apart, which is longer than what must be calm."""
    until(lambda: httpx.get(f"{page}api/alerts").json()["looks"] >= count)


def test_a_kill_in_the_middle_of_a_delivery_repeats_that_letter_with_its_id(tmp_path):
    with mosquitto() as broker, webhook_receiver() as hooks, agent(broker) as room:
        toml = f'{QUICK}[webhook.ops]\nurl = "{hooks.url}"\n'
        room.born()
        hooks.hold = threading.Event()
        with monitor(broker, tmp_path, toml) as (_, page):
            wait_for_rooms(page)
            room.records(record(1))
            strange(room)
            until(lambda: hooks.letters)
        hooks.hold.set()
        with monitor(broker, tmp_path, toml) as (_, page):
            until(lambda: len(hooks.letters) == 2)
            wait_for_looks(page)
    assert [each["id"] for each in hooks.letters] == [hooks.letters[0]["id"]] * 2
    assert hooks.letters[0]["what"] == "onset"


def test_a_letter_that_no_receiver_took_is_delivered_after_a_kill(tmp_path):
    port = free_port()
    with mosquitto() as broker, agent(broker) as room:
        toml = f'{QUICK}[webhook.ops]\nurl = "http://127.0.0.1:{port}/"\n'
        room.born()
        with monitor(broker, tmp_path, toml) as (_, page):
            wait_for_rooms(page)
            room.records(record(1))
            strange(room)
            until(lambda: httpx.get(f"{page}api/alerts").json()["channels"][0]["waiting"])
            state = until(
                lambda: (found := httpx.get(f"{page}api/alerts").json()["channels"][0])["error"] and found
            )
            assert "refused" in state["error"].lower()
        with webhook_receiver(port) as hooks, monitor(broker, tmp_path, toml):
            until(lambda: hooks.letters)
            assert said(hooks) == [("onset", "cellar")]


def test_twenty_devices_that_fail_at_once_are_one_message_and_recover_as_one(tmp_path):
    names = [f"room-{number:02}" for number in range(20)]
    with mosquitto() as broker, webhook_receiver() as hooks, agent(broker) as room:
        toml = f'{QUICK}[webhook.ops]\nurl = "{hooks.url}"\n'

        def all_are(state: str, session: str) -> None:
            for room.device in names:
                room.send("status", messages.status(state, session), retain=True)

        all_are("online", "s1")
        with monitor(broker, tmp_path, toml) as (_, page):
            wait_for_rooms(page, 20)
            all_are("offline", "s1")
            until(lambda: hooks.letters)
            all_are("online", "s2")
            until(lambda: len(hooks.letters) == 2)
    assert [each["title"] for each in hooks.letters] == [
        "20 of 20 devices are offline",
        "20 devices are online again",
    ]
    assert said(hooks) == [("onset", ",".join(names)), ("recovery", ",".join(names))]


def test_a_broker_that_is_gone_is_one_message(tmp_path):
    names = [f"room-{number:02}" for number in range(5)]
    with mosquitto() as broker, webhook_receiver() as hooks:
        with agent(broker) as room:
            for room.device in names:
                room.born()
                room.records(record(1))
        toml = f'{QUICK}[webhook.ops]\nurl = "{hooks.url}"\n'
        with monitor(broker, tmp_path, toml) as (_, page):
            wait_for_rooms(page, 5)
            broker.stop()
            until(lambda: hooks.letters)
            broker.start()
            until(lambda: len(hooks.letters) == 2, 180.0)  # the next try may be a minute away
    assert [(each["what"], each["kind"]) for each in hooks.letters] == [
        ("onset", "broker"),
        ("recovery", "broker"),
    ]
    assert str(broker.port) in hooks.letters[0]["text"]


def test_a_file_of_alerts_that_is_wrong_stops_the_start_with_one_sentence(tmp_path, capsys):
    file = tmp_path / "alerts.toml"
    file.write_text("[webhook.ops]\nurll = 'http://h'\n")
    store = str(tmp_path / "m.db")
    assert (
        main(["--broker", "127.0.0.1:1", "--listen", "127.0.0.1:0", "--store", store, "--alerts", str(file)])
        == 2
    )
    said = capsys.readouterr()
    assert "[webhook.ops] unknown key: urll" in said.err
    assert said.err.startswith("python -m monitor: ") and said.err.count("\n") == 1


@pytest.mark.parametrize(
    ("path", "body", "status", "sentence"),
    [
        ("test", {"channel": "no.such"}, 404, "there is no channel 'no.such'"),
        ("9/acknowledge", {}, 404, "no alert 9 is open"),
        ("snooze", {"minutes": -1}, 400, "minutes"),
        ("snooze", {"devices": ["a/b"], "minutes": 1}, 400, "device id 'a/b'"),
        ("snooze", {"minuts": 1}, 400, "minuts"),
    ],
)
def test_a_request_that_cannot_be_met_is_refused_with_a_sentence(tmp_path, path, body, status, sentence):
    with mosquitto() as broker, monitor(broker, tmp_path, "") as (_, page):
        answer = httpx.post(f"{page}api/alerts/{path}", json=body)
        assert answer.status_code == status
        assert sentence in answer.json()["error"]
