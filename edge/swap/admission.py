"""What a model must pass before it judges a reading: whole, signed, not older, fitting, and proven here."""

import platform
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from edge import __version__
from edge.bundle import bundle
from edge.bundle.bundle import Bundle
from edge.bundle.compatibility import check_fits
from edge.detection.network import runtime_version
from edge.errors import BundleError, ConfigError
from edge.reading import Channel
from edge.swap.store import ModelStore, digest_of


@dataclass(frozen=True, slots=True)
class Rules:
    """What this device asks of a model."""

    channels: tuple[Channel, ...]  # that the source has
    period_s: float  # between readings, in the room's own time
    source: str
    trusted: Sequence[Any] = ()  # ed25519 public keys; with any, a model must be signed by one
    allow_older: bool = False


def admit(content: bytes, where: str, rules: Rules, store: ModelStore, *, insist: bool = False) -> Bundle:
    """The model, if it may judge here. Raises BundleError, one sentence.

    `insist`: somebody has typed its name, so that an earlier failure here is forgiven.
    """
    found = bundle.unpack(content, where, rules.trusted)
    state = store.state
    digest = digest_of(content)
    newest = state.versions.get(found.name, 0)
    if found.version < newest and not rules.allow_older:
        raise BundleError(
            f"{where}: version {found.version} of {found.name} is older than {newest}, which was here; "
            "--allow-older (allow_older in [model]) takes it all the same"
        )
    if digest in state.rejected and not insist:
        raise BundleError(f"{where}: {found.label} was rolled back on this device; convert a better one")
    try:
        check_fits(found, rules.channels, rules.period_s, f"source {rules.source}")
    except ConfigError as error:
        raise BundleError(f"{where}: {error}") from error
    mark = f"{digest} {runtime_version()} {__version__} {platform.machine()}"
    if state.proven != mark:
        from edge.bundle import proof  # a model that has proven itself once needs none of it

        proof.check(content, where)
        store.note_proven(mark)
    return found
