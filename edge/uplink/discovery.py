"""How Home Assistant finds a device: one retained payload with all its entities (device discovery, 2024.11).

Everything is read from topics that are published anyway, so that Home Assistant sees what every
other consumer sees. A null in a message becomes `unknown` there: its sensors take the word None so.
"""

import json
import math
import re
import zlib
from collections.abc import Mapping, Sequence
from typing import Any

from edge.message import topic
from edge.reading import HUMIDITY, PRESSURE, TEMPERATURE, Channel

# A retained record outlives its agent; after so many periods without a new one it is not news.
PERIODS_TO_EXPIRE = 3
LEAST_EXPIRY_S = 30

# Home Assistant's device classes; they choose the icon, the units on offer and the statistics.
DEVICE_CLASSES = {
    TEMPERATURE.name: "temperature",
    HUMIDITY.name: "humidity",
    PRESSURE.name: "atmospheric_pressure",
}

# What a person reads in a release summary; Home Assistant keeps no more of it.
_SUMMARY_CHARACTERS = 255
_STATUS = "{{ 'online' if value_json.state == 'online' else 'offline' }}"
_ANOMALY = "{{ none if value_json.anomaly is none else 'ON' if value_json.anomaly else 'OFF' }}"
_SENSOR_FAULT = "{{ 'ON' if value_json.state == 'sensor_fault' else 'OFF' }}"
# Home Assistant refuses null for a version, and keeps the old one where the key is missing.
_UPDATE = (
    "{% set under_way = value_json.state in ('verifying', 'warming', 'trial') %}"
    "{{ {'installed_version': value_json.installed or 'no model',"
    " 'latest_version': value_json.latest or value_json.installed or 'no model',"
    " 'title': 'picanary model',"
    " 'in_progress': under_way,"
    " 'update_percentage': value_json.progress if under_way else none,"
    f" 'release_summary': (value_json.why or '')[:{_SUMMARY_CHARACTERS}]}} | tojson }}}}"
)


def discovery_topic(device: str) -> str:
    """Where Home Assistant looks for the payload of that device."""
    return f"homeassistant/device/{device}/picanary/config"


def discovery(device: str, info: Mapping[str, Any], channels: Sequence[Channel]) -> dict[str, Any]:
    """The payload of one device, to be published retained at `discovery_topic(device)`.

    `info` is the birth certificate of `edge.health.info`; `channels` are the source's.
    """
    sw_version = info["versions"]["picanary"]
    board = info["board"]
    components = {
        **_channels(device, channels, expire_after_s(info["period_s"])),
        **_verdict(device, expire_after_s(info["period_s"])),
        **_health(device),
        **_model(device),
    }
    for key, component in components.items():
        component["unique_id"] = f"picanary_{device}_{key}"
    # Home Assistant keeps what a payload no longer names; a platform alone tells it to let go
    gone = {name: {"platform": "sensor"} for name in DEVICE_CLASSES if name not in components}
    return {
        "origin": {"name": "picanary", "sw_version": sw_version},
        "device": {
            "identifiers": [f"picanary_{device}"],
            "name": device,
            "manufacturer": "picanary",
            "model": f"{board}, simulated room" if info["sim"] else board,
            "sw_version": sw_version,
        },
        "availability": [{"topic": topic(device, "status"), "value_template": _STATUS}],
        "components": {**components, **gone},
    }


def expire_after_s(period_s: float) -> int:
    """Whole seconds after which a value of the `state` topic is no longer known."""
    return max(LEAST_EXPIRY_S, math.ceil(PERIODS_TO_EXPIRE * period_s))


def _channels(device: str, channels: Sequence[Channel], expiry_s: int) -> dict[str, dict[str, Any]]:
    """A sensor for each channel; one that picanary does not know has no device class."""
    sensors: dict[str, dict[str, Any]] = {}
    for each in channels:
        sensor: dict[str, Any] = {
            "platform": "sensor",
            "name": each.name.capitalize(),
            "state_class": "measurement",
            "state_topic": topic(device, "state"),
            # a retained record may be of a time when the source had other channels
            "value_template": f"{{{{ value_json.get({json.dumps(each.key, ensure_ascii=False)}) }}}}",
            "expire_after": expiry_s,
        }
        if each.unit:
            sensor["unit_of_measurement"] = each.unit
        if each.name in DEVICE_CLASSES:
            sensor["device_class"] = DEVICE_CLASSES[each.name]
            sensor["suggested_display_precision"] = 1
        sensors[_key(each)] = sensor
    return sensors


def _key(channel: Channel) -> str:
    """A name for the entity; two columns of a recording may differ in a character that no id can hold."""
    if channel.name in DEVICE_CLASSES:
        return channel.name
    plain = re.sub(r"[^a-z0-9]+", "_", channel.name.lower()).strip("_")
    return f"channel_{plain}_{zlib.crc32(channel.name.encode()):08x}"


def _verdict(device: str, expiry_s: int) -> dict[str, dict[str, Any]]:
    """What the detector says of the newest record."""
    state = {"state_topic": topic(device, "state"), "expire_after": expiry_s}
    return {
        "anomaly": {
            "platform": "binary_sensor",
            "name": "Anomaly",
            "device_class": "problem",
            "value_template": _ANOMALY,
            "json_attributes_topic": topic(device, "state"),
            "json_attributes_template": _attributes("score", "why", "expected", "spread", "model"),
            **state,
        },
        "sensor_fault": {
            "platform": "binary_sensor",
            "name": "Sensor fault",
            "device_class": "problem",
            "value_template": _SENSOR_FAULT,
            "json_attributes_topic": topic(device, "state"),
            "json_attributes_template": _attributes("q", "why"),
            **state,
        },
        "score": {
            "platform": "sensor",
            "name": "Anomaly score",
            "icon": "mdi:chart-bell-curve",
            "state_class": "measurement",
            "entity_category": "diagnostic",
            "suggested_display_precision": 2,
            "value_template": "{{ value_json.score }}",
            **state,
        },
    }


def _health(device: str) -> dict[str, dict[str, Any]]:
    """How the agent is, every minute."""
    health = {
        "platform": "sensor",
        "state_class": "measurement",
        "entity_category": "diagnostic",
        "state_topic": topic(device, "health"),
    }
    return {
        "records_waiting": {
            "name": "Records waiting",
            "icon": "mdi:tray-full",
            "value_template": "{{ value_json.journal.unsent }}",
            **health,
        },
        "board_temperature": {
            "name": "Board temperature",
            "device_class": "temperature",
            "unit_of_measurement": TEMPERATURE.unit,
            "suggested_display_precision": 1,
            "value_template": "{{ value_json.host.get('temperature_c') }}",
            **health,
        },
    }


def _model(device: str) -> dict[str, dict[str, Any]]:
    """The model as an update entity. It tells and does not ask: a bundle is offered, never fetched."""
    return {
        "model": {
            "platform": "update",
            "name": "Model",
            "icon": "mdi:brain",
            "entity_category": "diagnostic",
            "state_topic": topic(device, "model"),
            "value_template": _UPDATE,
            "json_attributes_topic": topic(device, "model"),
            "json_attributes_template": _attributes("source", "why", stage="state"),
        }
    }


def _attributes(*keys: str, **renamed: str) -> str:
    """A template that passes on keys of a message; `state` needs another name, it is an entity's own."""
    names = {**{key: key for key in keys}, **renamed}
    pairs = ", ".join(f"'{name}': value_json.{key}" for name, key in names.items())
    return f"{{{{ {{{pairs}}} | tojson }}}}"
