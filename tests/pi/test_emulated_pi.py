"""picanary on an arm64 Debian that reads a DHT22 through the kernel's own driver: `make test-pi`.

The tests share one Pi, one agent and one broker, and run in the order in which they stand here.
"""

from typing import Any

import pytest

from tests.brokers import Broker
from tests.pi.agent import DEVICE, Agent, Pair, Record
from tests.pi.consumer import Consumer
from tests.pi.emulator import Pi

DRIVER = "/sys/bus/iio/devices/iio:device0"
# What the kernel's driver says to each fault, in the words of `cat`.
COMPLAINTS = {
    "silent": "Connection timed out",
    "checksum": "Input/output error",
    "truncated": "Connection timed out",
}
WRONG_BY = 12.8  # °C and %, when the highest bit of both low bytes flips


def ask(pi: Pi, temperature: float, humidity: float, fault: str = "none") -> tuple[int, str]:
    """Read one measurement from the driver, which repeats one for 2 s: exit status, and what it says."""
    pi.order(f"echo {round(10 * temperature)} >$sensor/temperature")
    pi.order(f"echo {round(10 * humidity)} >$sensor/humidity")
    pi.order(f"fault {fault} 1")
    return pi.attempt(
        f"pace leaping; sleep 2.1; pace even; cat {DRIVER}/in_temp_input {DRIVER}/in_humidityrelative_input"
    )


def pair(record: Record) -> tuple[Any, Any]:
    """°C and %; None when missing."""
    return record["temperature_c"], record["humidity_pct"]


def test_the_driver_is_the_kernels_own(pi: Pi) -> None:
    assert pi.order(f"cat {DRIVER}/name") == "dht11\n"
    # how the kernel marks what was not built with it (O) or not signed by its maker (E): ours is both
    assert pi.order("cat /sys/module/dht11/taint") == "\n"
    assert pi.order("cat /sys/module/dhtsim/taint") == "OE\n"


@pytest.mark.parametrize("measured", [(21.5, 48.7), (-7.3, 99.9), (0.1, 0.0), (80.0, 12.3)])
def test_the_driver_reads_what_the_sensor_measures(pi: Pi, measured: Pair) -> None:
    assert ask(pi, *measured) == (0, "".join(f"{round(1000 * value)}\n" for value in measured))


@pytest.mark.parametrize("fault", COMPLAINTS)
def test_a_broken_answer_is_an_error_of_the_drivers(pi: Pi, fault: str) -> None:
    status, said = ask(pi, 21.5, 48.7, fault)
    assert status == 1
    assert COMPLAINTS[fault] in said
    assert ask(pi, 21.5, 48.7) == (0, "21500\n48700\n")


def test_two_flipped_bits_pass_the_checksum_and_the_driver(pi: Pi) -> None:
    assert ask(pi, 21.5, 48.7, "flipped") == (0, "8700\n35900\n")


def test_readings_reach_the_broker_as_the_sensor_measured_them(agent: Agent) -> None:
    measured = [(19.2, 23.1), (19.3, 23.2), (19.2, 23.2), (19.4, 23.0), (19.3, 23.3)]
    records = agent.measure(*measured)
    assert [pair(record) for record in records] == measured
    assert {(record["q"], record["src"], record["sim"]) for record in records} == {("ok", "iio", False)}
    assert {record["state"] for record in records} == {"normal"}, agent.said()
    assert all(0.0 <= record["score"] < 1.0 for record in records)


@pytest.mark.parametrize("fault", COMPLAINTS)
def test_one_broken_answer_is_a_missing_reading_and_no_more(agent: Agent, fault: str) -> None:
    broken, whole = agent.live(2, fault, 1)
    assert pair(broken) == (None, None)
    assert broken["q"] == "missing"
    assert "in_temp_input" in broken["why"]
    assert (whole["q"], whole["state"]) == ("ok", "normal")


def test_two_flipped_bits_are_held_back_by_the_agent(agent: Agent) -> None:
    before, *_ = agent.live(1)
    flipped, whole = agent.live(2, "flipped", 1)
    assert abs(flipped["temperature_c"] - before["temperature_c"]) > WRONG_BY - 1.0
    assert flipped["q"] == "rejected"
    assert "faster than air can" in flipped["why"]
    assert not flipped["anomaly"]
    assert (whole["q"], whole["state"]) == ("ok", "normal")


def test_a_sensor_that_stays_silent_is_a_broken_sensor_and_no_anomaly(agent: Agent) -> None:
    *silent, whole = agent.live(4, "silent", 3)
    assert [record["q"] for record in silent] == ["missing"] * 3
    assert silent[-1]["state"] == "sensor_fault"
    assert (whole["q"], whole["state"]) == ("ok", "normal")
    started = agent.consumer.wait_for_event("sensor_fault", "start")
    assert "does not answer" in started["why"]
    assert not agent.consumer.events("anomalous", "start")


def test_what_was_measured_while_the_broker_was_away_comes_when_it_is_back(
    agent: Agent, broker: Broker, consumer: Consumer
) -> None:
    agent.live(1)
    consumer.leave()
    broker.stop()
    numbers = agent.let_pass(*[(19.0 + 0.1 * (i % 3), 23.0) for i in range(6)])
    assert consumer.last() < numbers[0]
    with agent.pi.held():
        broker.start()
        consumer.come_back()
    records = consumer.take(numbers)
    assert [pair(record)[0] for record in records] == [19.0, 19.1, 19.2, 19.0, 19.1, 19.2]
    assert consumer.missing() == []


def test_who_was_away_finds_the_gap_and_has_it_filled(agent: Agent, broker: Broker) -> None:
    present = agent.live(1)[0]["seq"]
    neighbour = Consumer(broker, DEVICE)
    agent.consumer.leave()
    numbers = agent.let_pass(*[(19.2, 23.0 + 0.1 * (i % 3)) for i in range(4)])
    neighbour.take(numbers)  # the broker has had them all before we are back
    neighbour.leave()
    agent.consumer.come_back()
    agent.live(1)
    assert set(numbers) <= set(agent.consumer.missing())
    assert min(agent.consumer.missing()) > present
    answer = agent.consumer.ask_for_what_is_missing()
    assert (answer["ok"], answer["gone"]) == (True, [])
    records = agent.consumer.take(numbers)
    assert agent.consumer.missing() == []
    assert [pair(record)[1] for record in records] == [23.0, 23.1, 23.2, 23.0]


def test_a_room_that_gets_hot_is_an_event(agent: Agent) -> None:
    (before,) = agent.live(1)
    assert before["state"] == "normal"
    temperature, humidity = pair(before)
    *_, last = agent.measure(*[(round(temperature + 3.0 * (i + 1), 1), humidity) for i in range(6)])
    assert last["state"] == "anomalous"
    assert last["score"] > 1.0
    event = agent.consumer.wait_for_event("anomalous", "start")
    assert event["channel"] == "temperature_c"
    assert event["observed"]["temperature_c"] > event["expected"]["temperature_c"] + 1.0
    assert before["ts_ms"] < event["onset_ms"] <= last["ts_ms"]


def test_bits_that_stay_flipped_are_taken_for_the_room_and_are_an_anomaly(agent: Agent) -> None:
    """Plausibility gives way when a second reading says the same; the model does not."""
    *_, before = agent.live(2)
    first, second, *_, last = agent.live(4, "flipped")
    assert (first["q"], second["q"]) == ("rejected", "ok")
    assert second["score"] > before["score"]
    assert last["anomaly"]


def test_the_agent_ends_cleanly(agent: Agent) -> None:
    assert agent.pi.order("kill $agent; wait $agent; echo $?") == "0\n", agent.said()
    assert agent.consumer.wait_for_status("disconnected")
    assert "Traceback" not in agent.said()
