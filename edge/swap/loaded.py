"""A model in memory, with the bytes that it came from."""

from dataclasses import dataclass

from edge.bundle.bundle import Bundle


@dataclass(frozen=True, slots=True)
class Loaded:
    """What was proven is what is used, and what is handed on."""

    bundle: Bundle
    content: bytes
