"""Files that several tests of the edge write, and a device that several judge."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from edge.bundle.keys import generate, write_pair
from tests.brokers import mosquitto
from tests.edge.devices import Device, configure, read_key, running, version
from tests.edge.test_agent import subscriber


@pytest.fixture
def csv_file(tmp_path: Path) -> Callable[[str | bytes], Path]:
    """Writes a file and gives its path: `csv_file("text")`, or bytes."""

    def write(content: str | bytes) -> Path:
        path = tmp_path / "series.csv"
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
        return path

    return write


@pytest.fixture
def device(room_bundle: Path, tmp_path: Path) -> Iterator[Device]:
    """A device that has published a reading judged by version 1 of its model."""
    write_pair(tmp_path / "maker", generate())
    (tmp_path / "room.canary").write_bytes(version(room_bundle, 1, read_key(tmp_path)))
    with mosquitto() as broker, subscriber(broker) as listening:
        configure(tmp_path, broker.port)
        with running(tmp_path, broker, listening) as made:
            listening.wait(lambda: bool(listening.of("data")))
            yield made
