"""Home Assistant itself with its MQTT integration, told what to do by lines of JSON; runs in its own Python.

    python home_assistant_child.py PORT FOLDER

`{"check": PAYLOAD}` answers what its schemas say of a discovery payload. `{"render": TEMPLATE,
"with": MESSAGE}` renders one as for an update entity, and holds the result against that schema.
`{"publish": [[TOPIC, PAYLOAD], ...], "until": {ENTITY: STATE}}` answers with all states and with
what was logged as a warning or worse, once the messages have come back from the broker.
"""

import asyncio
import json
import logging
import sys
import time
from pathlib import Path
from typing import Any

import voluptuous
from homeassistant import bootstrap, config_entries, core, loader
from homeassistant.components import mqtt
from homeassistant.components.mqtt import binary_sensor, sensor, update
from homeassistant.components.mqtt.models import MqttValueTemplate
from homeassistant.components.mqtt.schemas import DEVICE_DISCOVERY_SCHEMA
from homeassistant.helpers import device_registry, entity_registry
from homeassistant.helpers.template import Template
from homeassistant.setup import async_setup_component

DEADLINE_S = 30.0
MARKER = "marker"
PLATFORMS = {"sensor": sensor, "binary_sensor": binary_sensor, "update": update}


class Complaints(logging.Handler):
    """What Home Assistant logged as a warning or worse."""

    def __init__(self) -> None:
        super().__init__(logging.WARNING)
        self.lines: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        # that logger is about how Home Assistant's own code is written, not about us
        if record.name != "homeassistant.helpers.frame":
            self.lines.append(f"{record.name}: {record.getMessage()}")


def check(payload: dict[str, Any]) -> list[str]:
    """What is wrong with a discovery payload; DISCOVERY_SCHEMA drops unknown keys, the other refuses them."""
    wrong = []
    try:
        DEVICE_DISCOVERY_SCHEMA(payload)
    except voluptuous.Invalid as error:
        wrong.append(f"device: {error}")
    for key, component in payload["components"].items():
        if component.keys() == {"platform"}:  # to be removed
            continue
        config = {name: value for name, value in component.items() if name != "platform"}
        config |= {"availability": payload["availability"], "device": payload["device"]}
        platform = PLATFORMS[component["platform"]]
        for schema in (platform.DISCOVERY_SCHEMA, platform.PLATFORM_SCHEMA_MODERN):
            try:
                schema(config)
            except voluptuous.Invalid as error:
                wrong.append(f"{key}: {error}")
    return wrong


def render(hass: core.HomeAssistant, template: str, message: str) -> dict[str, Any]:
    """The message as the update entity takes it."""
    value = MqttValueTemplate(Template(template, hass)).async_render_with_possible_json_value(message)
    return update.MQTT_JSON_UPDATE_SCHEMA(json.loads(value))


async def start(port: int, folder: Path) -> core.HomeAssistant:
    """Home Assistant without its web server, connected to the broker."""
    (folder / "configuration.yaml").write_text("")
    hass = core.HomeAssistant(str(folder))
    loader.async_setup(hass)
    hass.config.skip_pip = True
    hass.config_entries = config_entries.ConfigEntries(hass, {})
    await loader.async_get_custom_components(hass)
    await bootstrap.async_load_base_functionality(hass)
    assert await async_setup_component(hass, "homeassistant", {})
    # MQTT asks for them to upload certificates; a web server has no business here
    hass.config.components |= {"http", "file_upload"}
    await hass.async_start()
    entry = config_entries.ConfigEntry(
        data={"broker": "127.0.0.1", "port": port}, domain="mqtt", title="broker", version=1, minor_version=2,
        options={}, source="user", unique_id=None, discovery_keys={},
    )  # fmt: skip
    await hass.config_entries.async_add(entry)
    assert entry.state is config_entries.ConfigEntryState.LOADED, entry.state
    assert await mqtt.async_wait_for_mqtt_client(hass)
    return hass


def seen(hass: core.HomeAssistant) -> dict[str, Any]:
    """All states, and the registries' view of them."""
    entities = entity_registry.async_get(hass).entities
    devices = device_registry.async_get(hass).devices
    return {
        "states": {
            each.entity_id: {
                "state": each.state,
                "attributes": dict(each.attributes),
                "unique_id": entities[each.entity_id].unique_id,
                "precision": entities[each.entity_id].options,
            }
            for each in hass.states.async_all()
            if each.entity_id in entities
        },
        "devices": {
            each.name: {"model": each.model, "sw_version": each.sw_version, "maker": each.manufacturer}
            for each in devices.values()
        },
    }


async def publish(hass: core.HomeAssistant, messages: list[list[str]], until: dict[str, str]) -> None:
    """Publish, and wait until all of it has come back and the states are those, or a deadline has passed."""
    back = asyncio.Event()
    unsubscribe = await mqtt.async_subscribe(hass, MARKER, lambda _: back.set(), qos=1)
    for topic, payload in messages:
        await mqtt.async_publish(hass, topic, payload, 1, True)
    deadline = time.monotonic() + DEADLINE_S
    while not back.is_set() and time.monotonic() < deadline:
        # again, since the subscription may not have reached the broker when the first was published
        await mqtt.async_publish(hass, MARKER, "", 1, False)
        await asyncio.sleep(0.05)
    unsubscribe()
    while time.monotonic() < deadline and any(
        (state := hass.states.get(entity)) is None or state.state != wanted
        for entity, wanted in until.items()
    ):
        await asyncio.sleep(0.05)


async def main(port: int, folder: Path) -> None:
    """Do what the lines say until they end."""
    complaints = Complaints()
    logging.getLogger().addHandler(complaints)
    hass = await start(port, folder)
    loop = asyncio.get_running_loop()
    while line := await loop.run_in_executor(None, sys.stdin.readline):
        asked = json.loads(line)
        answer: dict[str, Any] = {}
        try:
            if "check" in asked:
                answer = {"wrong": check(asked["check"])}
            elif "render" in asked:
                answer = {"rendered": render(hass, asked["render"], asked["with"])}
            else:
                await publish(hass, asked["publish"], asked["until"])
                answer = seen(hass)
        except Exception as error:  # the test shall say what it was
            answer = {"error": f"{type(error).__name__}: {error}"}
        answer["complaints"], complaints.lines = complaints.lines, []
        print(json.dumps(answer, default=str), flush=True)
    await hass.async_stop(force=True)


if __name__ == "__main__":
    asyncio.run(main(int(sys.argv[1]), Path(sys.argv[2])))
