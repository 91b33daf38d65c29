"""Row 39: a broker of 500 agents is restarted, and they do not all come back at once."""

import resource
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from edge.config import BrokerSection, broker_settings
from edge.mqtt.connection import Connection
from tests.brokers import mosquitto

AGENTS = 500
FILES_EACH = 4
PATIENCE_S = 120.0


@contextmanager
def many_open_files() -> Iterator[None]:
    """Each connection takes three, and the broker one more; a usual limit is 1024."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = FILES_EACH * AGENTS + 500
    if hard != resource.RLIM_INFINITY and hard < wanted:
        pytest.skip(f"{AGENTS} connections need {wanted} open files, ulimit -Hn says {hard}")
    resource.setrlimit(resource.RLIMIT_NOFILE, (max(soft, wanted), hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


def wait_until(count: list[float], wanted: int) -> None:
    deadline = time.monotonic() + PATIENCE_S
    while len(count) < wanted:
        assert time.monotonic() < deadline, f"{len(count)} of {wanted}"
        time.sleep(0.05)


def test_row_39_the_connects_of_500_agents_spread_over_half_a_minute() -> None:
    connects: list[float] = []
    with many_open_files(), mosquitto() as broker:
        section = BrokerSection(address=f"127.0.0.1:{broker.port}")
        fleet = [
            Connection(
                broker_settings(section, f"agent-{number}"),
                on_connect=lambda _: connects.append(time.monotonic()),
            )
            for number in range(AGENTS)
        ]
        for each in fleet:
            each.start()
        wait_until(connects, AGENTS)
        broker.stop()
        broker.start()
        back = time.monotonic()
        wait_until(connects, 2 * AGENTS)
        for each in fleet:
            each.stop()
    again = [at - back for at in sorted(connects[AGENTS:])]
    assert again[-1] - again[0] >= 30.0
    a_second = Counter(int(at) for at in again)
    # evenly it would be 15 a second
    assert max(a_second.values()) <= 60, a_second
