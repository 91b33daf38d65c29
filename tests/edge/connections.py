"""A started connection and what it called back, and a certificate for its broker, for tests."""

import subprocess
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from edge.mqtt.broker import BrokerSettings
from edge.mqtt.connection import Connection
from tests.brokers import free_port

PATIENCE_S = 60.0


@dataclass
class Log:
    """What a connection called back, and a way to wait for more of it."""

    messages: list[tuple[str, bytes, bool]] = field(default_factory=list)
    connects: list[bool] = field(default_factory=list)
    disconnects: list[str] = field(default_factory=list)
    published: dict[int, str | None] = field(default_factory=dict)
    changed: threading.Condition = field(default_factory=threading.Condition)

    def on_message(self, topic: str, payload: bytes, retained: bool) -> None:
        with self.changed:
            self.messages.append((topic, payload, retained))
            self.changed.notify_all()

    def on_connect(self, session_present: bool) -> None:
        with self.changed:
            self.connects.append(session_present)
            self.changed.notify_all()

    def on_disconnect(self, sentence: str) -> None:
        with self.changed:
            self.disconnects.append(sentence)
            self.changed.notify_all()

    def on_published(self, number: int, error: str | None) -> None:
        with self.changed:
            assert number not in self.published, "answered twice"
            self.published[number] = error
            self.changed.notify_all()

    def topics(self) -> set[str]:
        """Of the messages so far."""
        return {topic for topic, *_ in list(self.messages)}

    def wait(self, condition: Callable[[], Any], timeout_s: float = PATIENCE_S) -> None:
        """Until that is so."""
        with self.changed:
            assert self.changed.wait_for(condition, timeout_s), f"still waiting; so far: {self}"


@contextmanager
def connection(
    port: int, log: Log | None = None, *, wait: bool = True, **options: Any
) -> Iterator[Connection]:
    """A started connection, stopped at the end, whose thread is gone then."""
    log = log or Log()
    will = options.pop("will", None)
    callbacks = {
        name: options.pop(name, getattr(log, name))
        for name in ("on_message", "on_connect", "on_disconnect", "on_published")
    }
    callbacks["on_messages"] = options.pop("on_messages", None)
    options.setdefault("host", "127.0.0.1")
    options.setdefault("client_id", f"test-{id(log)}-{free_port()}")
    made = Connection(BrokerSettings(port=port, **options), will=will, **callbacks)
    made.start()
    try:
        if wait:
            made.wait_connected(PATIENCE_S)
        yield made
    finally:
        made.stop()
        assert not [thread for thread in threading.enumerate() if thread is made._thread]


def self_signed(folder: Path) -> tuple[Path, Path]:
    """A certificate for localhost that is its own authority, and its key."""
    certificate, key = folder / "certificate.pem", folder / "key.pem"
    subprocess.run(
        [
            *(
                "openssl",
                "req",
                "-x509",
                "-newkey",
                "ec",
                "-pkeyopt",
                "ec_paramgen_curve:prime256v1",
                "-nodes",
            ),
            *("-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost", "-days", "2"),
            *("-keyout", str(key), "-out", str(certificate)),
        ],
        check=True,
        capture_output=True,
    )
    return certificate, key
