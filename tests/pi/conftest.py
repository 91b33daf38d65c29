"""One emulated Pi for all of its tests, since its start takes longest, and one agent on it."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.brokers import Broker, mosquitto
from tests.pi.agent import DEVICE, EDGE_TOML, Agent
from tests.pi.consumer import Consumer
from tests.pi.emulator import Pi, running
from tests.pi.image import install, lacking, provide


@pytest.fixture(scope="session", autouse=True)
def programs() -> None:
    """Before all else: are they there?"""
    if sentence := lacking():
        pytest.skip(sentence)


@pytest.fixture(scope="session")
def broker() -> Iterator[Broker]:
    with mosquitto() as started:
        yield started


@pytest.fixture(scope="session")
def pi(broker: Broker, room_bundle: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Pi]:
    """Started, with picanary installed, and nothing of it running."""
    folder = tmp_path_factory.mktemp("pi")
    files: dict[str, Path | bytes] = {
        "edge.toml": EDGE_TOML.format(port=broker.port).encode(),
        "room.canary": room_bundle,
    }
    image = provide(lambda sentence: print(f"\n{sentence}", flush=True))
    with running(image, install(folder, files), folder) as started:
        yield started


@pytest.fixture(scope="session")
def consumer(broker: Broker) -> Iterator[Consumer]:
    made = Consumer(broker, DEVICE)
    yield made
    made.leave()


@pytest.fixture(scope="session")
def agent(pi: Pi, consumer: Consumer) -> Agent:
    """Started, warmed up, and fine."""
    made = Agent(pi, consumer)
    made.start()
    return made
