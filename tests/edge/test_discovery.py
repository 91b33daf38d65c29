"""What Home Assistant is told of a device, and the contract of the `model` topic that it reads."""

import json
from typing import Any

import jsonschema
import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge.message import topic
from edge.reading import CHANNELS, Channel, channel
from edge.uplink.discovery import discovery, discovery_topic, expire_after_s
from tests.monitor.messages import NOON, health, info, record, valid, validator

FROM_STATE = {"temperature", "humidity", "pressure", "anomaly", "sensor_fault", "score"}
OLD, NEW = "cellar-1-85deefc6", "cellar-2-0b7f3c19"
# installed, latest, progress, why, source
MODELS: dict[str, tuple[str | None, str | None, float | None, str | None, str | None]] = {
    "none": (None, None, None, None, None),
    "idle": (OLD, OLD, None, None, "default"),
    "verifying": (OLD, NEW, 0, None, "mqtt"),
    "warming": (OLD, NEW, 37.5, "getting to know the room", "file"),
    "trial": (NEW, NEW, 100, "watched for 60 more readings", "mqtt"),
    "refused": (OLD, NEW, None, "cellar-2: signed by nobody whom this device trusts", "mqtt"),
    "rolled_back": (OLD, NEW, 60, "7 alarms in 100 readings, where 1 was allowed", "file"),
}


def model(state: str, **other: Any) -> bytes:
    """A `model` message of that state."""
    names = ("installed", "latest", "progress", "why", "source")
    table = dict(zip(names, MODELS[state], strict=True))
    return valid("model", {"v": 1, "ts_ms": NOON, "state": state, **table, **other})


def birth(**other: Any) -> dict[str, Any]:
    """The birth certificate of a device."""
    made: dict[str, Any] = json.loads(info(versions={"picanary": "0.1.0"}, **other))
    return made


def payload(channels: tuple[Channel, ...] = tuple(CHANNELS.values()), **other: Any) -> dict[str, Any]:
    return discovery("cellar", birth(**other), channels)


def render(template: str, message: bytes) -> str:
    """A template as Home Assistant renders it, with plain Jinja."""
    jinja2 = pytest.importorskip("jinja2", reason="needs picanary[train]")
    text: str = (
        jinja2.Environment(autoescape=False).from_string(template).render(value_json=json.loads(message))
    )
    return text


def test_it_goes_to_the_topic_where_home_assistant_looks_for_devices():
    assert discovery_topic("cellar") == "homeassistant/device/cellar/picanary/config"


def test_every_entity_has_a_stable_id_of_its_device():
    components = payload()["components"]
    assert {key: each["unique_id"] for key, each in components.items()} == {
        key: f"picanary_cellar_{key}"
        for key in (*FROM_STATE, "records_waiting", "board_temperature", "model")
    }


def test_a_channel_that_the_source_has_not_is_to_be_removed():
    components = payload((channel("temperature"), channel("humidity")))["components"]
    assert components["pressure"] == {"platform": "sensor"}
    assert all("unique_id" in each for key, each in components.items() if key != "pressure")


def test_it_names_the_device_and_who_speaks_for_it():
    told = payload(sim=False, board="Raspberry Pi 4 Model B Rev 1.4")
    assert told["origin"] == {"name": "picanary", "sw_version": "0.1.0"}
    assert told["device"]["identifiers"] == ["picanary_cellar"]
    assert told["device"]["model"] == "Raspberry Pi 4 Model B Rev 1.4"


def test_a_simulated_room_is_not_taken_for_a_real_one():
    assert payload(sim=True)["device"]["model"] == "a laptop, simulated room"


def test_everything_is_read_from_topics_of_the_device():
    told = payload()
    leaves = {topic("cellar", leaf) for leaf in ("state", "health", "model")}
    for each in told["components"].values():
        assert {value for key, value in each.items() if key.endswith("_topic")} <= leaves
        assert "command_topic" not in each
    assert [each["topic"] for each in told["availability"]] == [topic("cellar", "status")]


def test_what_comes_from_the_live_record_expires_and_nothing_else_does():
    components = payload(period_s=60.0)["components"]
    expiring = {key for key, each in components.items() if "expire_after" in each}
    assert expiring == FROM_STATE
    assert {components[key]["expire_after"] for key in expiring} == {180}


@pytest.mark.parametrize(
    ("period_s", "seconds"), [(0.1, 30), (2.0, 30), (10.0, 30), (10.1, 31), (33.4, 101), (60.0, 180)]
)
def test_three_periods_pass_before_a_value_expires_but_at_least_half_a_minute(period_s: float, seconds: int):
    assert expire_after_s(period_s) == seconds


@given(st.floats(1e-3, 1e7))
def test_a_value_never_expires_before_its_third_period_has_passed(period_s: float):
    seconds = expire_after_s(period_s)
    assert isinstance(seconds, int)
    assert max(30.0, 3 * period_s) <= seconds < max(31.0, 3 * period_s + 1)


@given(
    st.text(min_size=1).filter(lambda name: name not in CHANNELS),
    st.floats(allow_nan=False, allow_infinity=False),
)
def test_a_column_of_any_name_is_read_from_the_record(name: str, value: float):
    (key,) = payload((channel(name),))["components"].keys() - payload(())["components"].keys()
    component = payload((channel(name),))["components"][key]
    assert float(render(component["value_template"], json.dumps({name: value}).encode())) == value
    assert component["unique_id"].isascii()
    assert "device_class" not in component


def test_columns_that_differ_in_their_case_only_are_two_sensors():
    before, after = payload(()), payload((channel("co2"), channel("CO2")))
    assert len(after["components"]) == len(before["components"]) + 2


def test_a_value_that_could_not_be_had_is_none_and_never_zero():
    nothing = dict.fromkeys(("temperature_c", "humidity_pct", "pressure_hpa", "score", "anomaly", "why"))
    message = valid("record", record(1, state="warming", **nothing))
    components = payload()["components"]
    shown = {key: render(components[key]["value_template"], message) for key in FROM_STATE}
    assert shown.pop("sensor_fault") == "OFF"
    assert set(shown.values()) == {"None"}
    assert render(components["board_temperature"]["value_template"], health()) == "None"


@pytest.mark.parametrize("state", MODELS)
def test_the_update_of_every_state_has_versions_and_no_null_in_them(state: str):
    template = payload()["components"]["model"]["value_template"]
    update = json.loads(render(template, model(state)))
    installed, latest, progress, why, _ = MODELS[state]
    under_way = state in ("verifying", "warming", "trial")
    assert update == {
        "installed_version": installed or "no model",
        "latest_version": latest or "no model",
        "title": "picanary model",
        "in_progress": under_way,
        "update_percentage": progress if under_way else None,
        "release_summary": why or "",
    }


def test_a_long_reason_is_cut_to_what_home_assistant_keeps():
    template = payload()["components"]["model"]["value_template"]
    update = json.loads(render(template, model("refused", why="é" * 400)))
    assert update["release_summary"] == "é" * 255


def test_an_installed_model_with_none_offered_is_up_to_date():
    template = payload()["components"]["model"]["value_template"]
    update = json.loads(render(template, model("idle", latest=None)))
    assert update["latest_version"] == update["installed_version"] == OLD


def test_the_examples_of_the_model_topic_keep_to_its_schema():
    schema = validator("model").schema
    jsonschema.Draft202012Validator.check_schema(schema)
    assert schema["examples"]
    for example in schema["examples"]:
        validator("model").validate(example)


@pytest.mark.parametrize(
    "wrong",
    [
        {"state": "busy"},
        {"progress": 101},
        {"progress": -1},
        {"installed": 3},
        {"latest": ""},
        {"source": "url"},
        {"ts_ms": None},
        {"v": 2},
        {"why": ["no"]},
    ],
    ids=str,
)
def test_the_schema_refuses_what_the_model_topic_must_not_say(wrong: dict[str, Any]):
    with pytest.raises(jsonschema.ValidationError):
        valid("model", json.loads(model("trial")) | wrong)


@pytest.mark.parametrize(
    "missing", ["v", "ts_ms", "installed", "latest", "state", "progress", "why", "source"]
)
def test_the_schema_wants_every_key_of_the_model_topic(missing: str):
    message = json.loads(model("idle"))
    del message[missing]
    with pytest.raises(jsonschema.ValidationError):
        validator("model").validate(message)


def test_the_payload_is_small_and_plain_json():
    text = json.dumps(payload(), allow_nan=False)
    assert len(text.encode()) < 8192
    assert json.loads(text) == payload()
