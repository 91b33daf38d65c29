"""Three whole agents with certificates of their own: what the crowd plays is what they do."""

import json
import shlex
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

from deploy.broker.introduction import flags
from deploy.broker.ledger import read_ledger
from deploy.broker.place import Place
from edge.bundle.keys import write_pair
from edge.swap.store import digest_of
from tests.brokers import mosquitto
from tests.deploy.broker.provisioned import Provisioned, provisioned, until
from tests.deploy.rollout.conducting import ROOT, Rollout, rollout
from tests.deploy.rollout.crowd import House, crowd
from tests.edge.test_agent import schema, subscriber

DEVICES = ("attic", "cellar", "shed")
QUICK = ("--watch", "2s", "--min-records", 0, "--canary", 1, "--waves", "100%", "--most-alarms", 1e9)

MORE = """
[source]
kind = "simulator"
speed = 300.0
[journal]
path = "{folder}/journal.db"
commit_s = 0.2
[model]
trusted_keys = ["{maker}"]
trial_readings = 60
"""


@contextmanager
def device(house: House, place: Provisioned, name: str) -> Iterator[Path]:
    """A real agent; its folder."""
    folder = place.folder / "handout" / name
    place.let_in("add-device", name, "--files-at", folder)
    config, bundle = folder / "edge.toml", folder / "room.canary"
    bundle.write_bytes(house.models.old)
    given = config.read_text().replace("[agent]\n", f'[agent]\nbundle = "{bundle}"\n')
    config.write_text(given + MORE.format(folder=folder, maker=house.folder / "maker.pub"))
    command = [sys.executable, "-m", "edge", "--config", str(config)]
    process = subprocess.Popen(command, cwd=ROOT, stderr=subprocess.DEVNULL)
    try:
        yield folder
    finally:
        process.kill()
        process.wait()


@contextmanager
def rolled_out(place: Provisioned, house: House, content: bytes, *more: object) -> Iterator[Rollout]:
    """With the certificate and the flags that `deploy broker` gives."""
    ledger = read_ledger(Place(place.folder).ledger)
    words = shlex.split(flags("models", ledger, place.folder / "handout/models"))
    file = house.folder / f"{digest_of(content)[:8]}.canary"
    file.write_bytes(content)
    with rollout(file, None, *words, *QUICK, "--trusted", house.folder / "maker.pub", *more) as going:
        yield going


def current(folder: Path) -> str:
    try:
        return str(json.loads((folder / "journal.models/state.json").read_text())["current"])
    except FileNotFoundError:
        return ""


def test_real_agents_take_a_good_model_and_turn_out_a_wolf_and_go_back(house: House) -> None:
    write_pair(house.folder / "maker", house.key)
    with provisioned(house.folder / "house") as place, ExitStack() as rooms:
        place.let_in("add-rollout", "models")
        folders = [rooms.enter_context(device(house, place, name)) for name in DEVICES]
        until(lambda: all(current(folder) for folder in folders), "all have begun")
        with place.guest("models") as looking:  # the certificate is one connection: this one ends first
            looking.listen("picanary/v1/+/model")
            until(lambda: len(looking.topics()) == len(DEVICES), "all are there")
        with rolled_out(place, house, house.models.good) as good:
            assert good.end() == 0, (good.lines[-3:], good.complaint)
        assert sorted(good.devices("has")) == sorted(DEVICES)
        assert {current(folder) for folder in folders} == {digest_of(house.models.good)}
        with rolled_out(place, house, house.models.wolf) as wolf:
            assert wolf.end() == 1, (wolf.lines[-3:], wolf.complaint)
        assert "rolled back: it called" in wolf.of("stop")[0]["reason"]
        assert {current(folder) for folder in folders} == {digest_of(house.models.good)}
        with rolled_out(place, house, house.models.good, "--withdraw") as back:
            assert back.end() == 1, (back.lines[-3:], back.complaint)
        # the one that tried the wolf in between has taken its last step back with that
        tried = wolf.devices("sent")
        assert sorted(back.devices("withdrawn")) == sorted(set(DEVICES) - set(tried))
        assert back.devices("keeps") == tried
        assert "did not come by MQTT, or there is no way back" in back.of("keeps")[0]["text"]
        for name, folder in zip(DEVICES, folders, strict=True):
            left = house.models.good if name in tried else house.models.old
            assert current(folder) == digest_of(left), name


def test_the_crowd_says_only_what_agents_say(house: House) -> None:
    leaves = ("status", "info", "model", "health", "event")
    with mosquitto() as broker, subscriber(broker) as heard, crowd(house, broker, 3):
        with rollout(house.file(house.models.wolf), broker, *QUICK) as going:
            going.wait_for("has")
            heard.wait(lambda: all(heard.of(leaf) for leaf in leaves))
        for leaf in leaves:
            for message in heard.of(leaf):
                schema(leaf).validate(message)
