"""What an agent says of itself to the broker: its birth, its model, and to Home Assistant what there is."""

import json
import random
from collections.abc import Callable
from typing import Any

from edge.message import encode, topic
from edge.reading import Channel
from edge.uplink.discovery import discovery, discovery_topic
from edge.uplink.uplink import Uplink

HOME_ASSISTANT_STATUS = "homeassistant/status"
# All devices of a house hear that Home Assistant is back, and should not answer at once.
SPREAD_S = 10.0
# Who floods our topic with wills gets one answer a second.
CONTRADICTION_S = 1.0


class Presence:
    """Retained messages, kept up to date. Safe from any thread."""

    def __init__(self, device: str, birth: dict[str, Any], uplink: Uplink | None) -> None:
        """`birth` is the birth certificate; without an uplink all of it is for nobody."""
        self._device = device
        self._birth = birth
        self._uplink = uplink
        self._say("info", birth)
        self._contradict_late_wills()

    def _say(self, leaf: str, message: dict[str, Any], *, chapter: bool = False) -> None:
        if self._uplink is not None:
            self._uplink.announce(topic(self._device, leaf), encode(message), chapter=chapter)

    def _contradict_late_wills(self) -> None:
        """The will of a session that is past may come after the birth, and would stay as the last word."""
        uplink, name = self._uplink, topic(self._device, "status")
        if uplink is None:
            return

        def heed(_name: str, payload: bytes, kept: bool) -> None:
            # what the broker had kept came before the birth, which is on its way
            if not kept and _says_offline(payload):
                uplink.announce_again(name, CONTRADICTION_S)

        uplink.listen(name, heed)

    def model(self, message: dict[str, Any]) -> None:
        """The story of the model goes on."""
        self._say("model", message, chapter=True)
        if message["installed"] != self._birth["model"]:
            self._birth = {**self._birth, "model": message["installed"]}
            self._say("info", self._birth)

    def level(self, level: float | None) -> None:
        """What the alarm levels are multiplied by has changed, or not."""
        if level != self._birth.get("level"):
            self._birth = {**self._birth, "level": level}
            self._say("info", self._birth)

    def again(self) -> None:
        """The birth certificate once more, for somebody who asks who this is."""
        self._say("info", self._birth)

    def listen_for_models(self, receive: Callable[[bytes], None]) -> None:
        """Models that come by MQTT go to `receive`, which must not block."""

        def heed(_name: str, payload: bytes, _kept: bool) -> None:
            if payload:  # without, a retained one was only cleared
                receive(payload)

        if self._uplink is not None:
            self._uplink.listen(topic(self._device, "model/set"), heed)

    def tell_home_assistant(self, channels: tuple[Channel, ...]) -> None:
        """Now, and whenever Home Assistant says that it has started."""
        uplink = self._uplink
        if uplink is None:
            return
        name = discovery_topic(self._device)
        uplink.announce(name, encode(discovery(self._device, self._birth, channels)))

        def heed(_name: str, payload: bytes, _kept: bool) -> None:
            if payload == b"online":
                uplink.announce_again(name, random.uniform(0.0, SPREAD_S))  # noqa: S311 - no secret

        uplink.listen(HOME_ASSISTANT_STATUS, heed)


def _says_offline(payload: bytes) -> bool:
    try:
        said = json.loads(payload)
    except (ValueError, RecursionError):
        return False
    return isinstance(said, dict) and said.get("state") == "offline"
