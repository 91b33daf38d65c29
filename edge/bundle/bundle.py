"""The bundle: one file that the Pi can load. A zip of manifest, model and golden windows.

The manifest names the SHA-256 and size of the other members, and a detached ed25519
signature covers the manifest: so one signature vouches for all of it. Hash first, then
signature, then the numbers; then the proof in a child process (`edge/bundle/proof.py`): a damaged
TFLite file usually loads and runs, and sometimes takes the interpreter down with it.
"""

import hashlib
import os
import stat
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from edge import __version__
from edge.bundle.archive import (
    GOLDEN,
    LARGEST_BYTES,
    MANIFEST,
    MODEL,
    SIGNATURE,
    pack_archive,
    unpack_archive,
)
from edge.bundle.golden import check_golden
from edge.bundle.keys import signer
from edge.bundle.manifest import (
    FORMAT,
    about_of,
    check_name,
    check_version,
    detector_of,
    newer_edge,
    windowing_of,
)
from edge.bundle.strict_json import canonical, said, strict_json
from edge.detection.detector import Detector
from edge.detection.detector_settings import DetectorSettings
from edge.detection.network import Network
from edge.detection.windowing import Windowing
from edge.errors import BundleError
from edge.reading import Channel

if TYPE_CHECKING:  # slow to import, and seldom needed
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

__all__ = ["FORMAT", "LARGEST_BYTES", "Bundle", "load", "pack", "read", "save", "unpack"]


@dataclass(frozen=True, slots=True)
class Bundle:
    """A model with all that is needed to judge by it."""

    name: str
    version: int
    windowing: Windowing
    detector: DetectorSettings
    model: bytes
    golden: dict[str, Any]  # inputs (n, width), answers (n, outputs), tolerance
    about: dict[str, Any] = field(default_factory=dict)  # budget, training span, data hash, versions
    sha256: str = ""  # of the manifest; empty until saved

    @property
    def label(self) -> str:
        """Name, version and the start of the hash: names this very file in every record."""
        return f"{self.name}-{self.version}-{self.sha256[:8]}"

    @property
    def channels(self) -> tuple[Channel, ...]:
        """The channels it judges, in the order of its inputs."""
        return self.windowing.measured

    @property
    def settles(self) -> bool:
        """Whether it was trained on no room in particular, and learns the scales of its own."""
        return self.about.get("settles") is True

    def network(self) -> Network:
        """The model in the interpreter that is installed. Raises BundleError."""
        return Network(self.model, self.windowing.width, self.windowing.outputs)

    def open_detector(
        self,
        speed: float = 1.0,
        false_alarms_per_week: float | None = None,
        measured: tuple[Channel, ...] = (),
    ) -> Detector:
        """A detector that has seen nothing yet, on its own budget if none is given. Raises BundleError.

        `measured` are the sensor's channels, which may be more than it judges.
        """
        budget = false_alarms_per_week
        settings = self.detector if budget is None else self.detector.for_budget(budget)
        return Detector(self.network(), self.windowing, settings, speed, measured)


def _digest(content: bytes) -> dict[str, Any]:
    return {"sha256": hashlib.sha256(content).hexdigest(), "size": len(content)}


def pack(bundle: Bundle, key: "Ed25519PrivateKey | None" = None) -> bytes:
    """The file's content, signed if a key is given; the same bytes each time. Raises BundleError."""
    try:
        members = {MODEL: bundle.model, GOLDEN: canonical(bundle.golden)}
        manifest = canonical(
            {
                "format": FORMAT,
                "name": bundle.name,
                "version": bundle.version,
                "windowing": bundle.windowing.to_json(),
                "detector": bundle.detector.to_json(),
                "about": bundle.about,
                "channels": [{"name": c.name, "key": c.key, "unit": c.unit} for c in bundle.channels],
                "members": {name: _digest(content) for name, content in members.items()},
            }
        )
    except (TypeError, ValueError) as error:
        raise BundleError(f"the bundle {bundle.name} cannot be written: {error}") from error
    signature = {SIGNATURE: key.sign(manifest)} if key is not None else {}
    return pack_archive({MANIFEST: manifest, **signature, **members})


def save(
    bundle: Bundle,
    path: Path,
    key: "Ed25519PrivateKey | None" = None,
    check: Callable[[bytes, str], None] = lambda _content, _where: None,
) -> Bundle:
    """Write the bundle, signed if a key is given; returns it with its hash.

    The file appears whole, after `check` has not complained of its content, or not at all.
    Raises BundleError for what `load` would refuse.
    """
    if path.is_dir():
        raise BundleError(f"{path} is a folder; name the file to write, such as {path / 'room.canary'}")
    content = pack(bundle, key)
    made = unpack(content, str(path))
    check(content, str(path))
    partial = path.with_name(path.name + ".partial")
    try:
        with partial.open("wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        partial.replace(path)
    finally:
        partial.unlink(missing_ok=True)
    return made


def read(path: Path) -> bytes:
    """The content of a bundle's file, not yet looked at. Raises BundleError."""
    try:
        # a pipe would keep us waiting
        with os.fdopen(os.open(path, os.O_RDONLY | os.O_NONBLOCK), "rb") as file:
            about = os.fstat(file.fileno())
            if not stat.S_ISREG(about.st_mode):
                raise BundleError(f"{path}: not a file; name a bundle such as room.canary")
            if about.st_size > LARGEST_BYTES:
                raise BundleError(f"{path}: {about.st_size} bytes; a bundle has at most {LARGEST_BYTES}")
            return file.read(LARGEST_BYTES + 1)
    except FileNotFoundError as error:
        raise BundleError(f"{path}: no such file; make one with: python -m convert RUN") from error
    except IsADirectoryError as error:
        raise BundleError(f"{path}: not a file; name a bundle such as room.canary") from error
    except (OSError, ValueError) as error:
        raise BundleError(f"{path}: cannot be read: {error}") from error


def load(path: Path, trusted: "Sequence[Ed25519PublicKey]" = ()) -> Bundle:
    """What `unpack` makes of a file. Raises BundleError."""
    return unpack(read(path), str(path), trusted)


def unpack(content: bytes, where: str, trusted: "Sequence[Ed25519PublicKey]" = ()) -> Bundle:
    """A bundle from its file's content; with `trusted` keys it must be signed by one of them.

    Raises BundleError, one sentence that begins with `where`, for anything that is not a whole
    bundle of our format.
    """
    members = unpack_archive(content, where)
    manifest = _manifest(members, where)
    if trusted:
        _check_signature(members, where, trusted)
    try:
        if oldest := newer_edge(manifest):
            raise BundleError(
                f"{where}: made for picanary {oldest} or newer, this is {__version__}; update it"
            )
        return _understand(manifest, members)
    except BundleError:
        raise
    except LookupError as error:
        raise BundleError(f"{where}: the manifest cannot be used: it has no {error}") from error
    except (TypeError, ValueError, AttributeError, ArithmeticError, RecursionError) as error:
        raise BundleError(f"{where}: the manifest cannot be used: {error}") from error


def _manifest(members: Mapping[str, bytes], where: str) -> dict[str, Any]:
    """The manifest, when it is one of our format and the other members are those that it names."""
    try:
        manifest = strict_json(members[MANIFEST])
    except ValueError as error:
        raise BundleError(f"{where}: the manifest cannot be used: {error}") from error
    if not isinstance(manifest, dict) or "format" not in manifest:
        raise BundleError(f"{where}: the manifest cannot be used: it has no format; make the bundle anew")
    if type(manifest["format"]) is not int or manifest["format"] != FORMAT:
        raise BundleError(f"{where}: bundle format {said(manifest['format'])}, this edge reads {FORMAT}")
    named = {name: _digest(members[name]) for name in (MODEL, GOLDEN)}
    given = manifest.get("members")
    if not isinstance(given, dict) or given.keys() != named.keys():
        raise BundleError(f"{where}: the manifest cannot be used: it does not name the bundle's members")
    for name, digest in named.items():
        if given[name] != digest:
            raise BundleError(f"{where}: {name} is damaged (its hash is not the manifest's); copy it again")
    return manifest


def _check_signature(members: Mapping[str, bytes], where: str, trusted: "Sequence[Ed25519PublicKey]") -> None:
    if SIGNATURE not in members:
        raise BundleError(f"{where}: not signed, and this device asks for a signature")
    if signer(members[MANIFEST], members[SIGNATURE], trusted) is None:
        raise BundleError(f"{where}: signed by nobody whom this device trusts")


def _understand(manifest: dict[str, Any], members: Mapping[str, bytes]) -> Bundle:
    windowing, about = windowing_of(manifest), about_of(manifest)
    golden = strict_json(members[GOLDEN])
    return Bundle(
        name=check_name(manifest["name"]),
        version=check_version(manifest["version"]),
        windowing=windowing,
        detector=detector_of(manifest, len(windowing.channels)),
        model=members[MODEL],
        golden=check_golden(golden, windowing.width, windowing.outputs, about["format"]),
        about=about,
        sha256=hashlib.sha256(members[MANIFEST]).hexdigest(),
    )
