"""What an agent says of itself to the broker: its birth, its model, and to Home Assistant what there is."""

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


class Presence:
    """Retained messages, kept up to date. Safe from any thread."""

    def __init__(self, device: str, birth: dict[str, Any], uplink: Uplink | None) -> None:
        """`birth` is the birth certificate; without an uplink all of it is for nobody."""
        self._device = device
        self._birth = birth
        self._uplink = uplink
        self._say("info", birth)

    def _say(self, leaf: str, message: dict[str, Any]) -> None:
        if self._uplink is not None:
            self._uplink.announce(topic(self._device, leaf), encode(message))

    def model(self, message: dict[str, Any]) -> None:
        """The story of the model goes on."""
        self._say("model", message)
        if message["installed"] != self._birth["model"]:
            self._birth = {**self._birth, "model": message["installed"]}
            self._say("info", self._birth)

    def again(self) -> None:
        """The birth certificate once more, for somebody who asks who this is."""
        self._say("info", self._birth)

    def listen_for_models(self, receive: Callable[[bytes], None]) -> None:
        """Models that come by MQTT go to `receive`, which must not block."""
        if self._uplink is not None:
            self._uplink.listen(
                topic(self._device, "model/set"), lambda _name, payload, _kept: receive(payload)
            )

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
