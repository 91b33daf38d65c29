"""The bundle: one file that the Pi can load. A zip of manifest, model and golden windows.

The manifest names the SHA-256 and size of the other members, and a detached ed25519
signature covers the manifest: so one signature vouches for all of it. Hash first, then
signature, then the trial in a child process (`edge/trial.py`): a damaged TFLite file usually
loads and runs, and sometimes takes the interpreter down with it.
"""

import hashlib
import io
import json
import zipfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from edge import __version__
from edge.detector import Detector
from edge.detector_settings import DetectorSettings
from edge.errors import BundleError
from edge.reading import Channel
from edge.scorer import Network
from edge.windowing import Windowing

FORMAT = 1
MANIFEST, MODEL, GOLDEN, SIGNATURE = "manifest.json", "model.tflite", "golden.json", "manifest.sig"
LARGEST_BYTES = 1024 * 1024
_EPOCH = (1980, 1, 1, 0, 0, 0)  # the earliest time that a zip can hold; a clock would spoil the bytes


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

    def network(self) -> Network:
        """The model in the interpreter that is installed. Raises BundleError."""
        return Network(self.model, self.windowing.width, self.windowing.outputs)

    def open_detector(self, speed: float = 1.0, false_alarms_per_week: float | None = None) -> Detector:
        """A detector that has seen nothing yet, on its own budget if none is given. Raises BundleError."""
        budget = false_alarms_per_week
        settings = self.detector if budget is None else self.detector.for_budget(budget)
        return Detector(self.network(), self.windowing, settings, speed)


def _json(table: Any) -> bytes:
    return json.dumps(
        table, separators=(",", ":"), sort_keys=True, ensure_ascii=False, allow_nan=False
    ).encode()


def _digest(content: bytes) -> dict[str, Any]:
    return {"sha256": hashlib.sha256(content).hexdigest(), "size": len(content)}


def save(
    bundle: Bundle, path: Path, key: Any = None, check: Callable[[Path], None] = lambda _: None
) -> Bundle:
    """Write the bundle, signed with an ed25519 private key if one is given; the same bytes each time.

    Returns the bundle with its hash. The file appears whole, and after `check` has not complained
    of it, or not at all.
    """
    if path.is_dir():
        raise BundleError(f"{path} is a folder; name the file to write, such as {path / 'room.canary'}")
    members = {MODEL: bundle.model, GOLDEN: _json(bundle.golden)}
    manifest = _json(
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
    signature = {SIGNATURE: key.sign(manifest)} if key is not None else {}
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_STORED) as archive:
        for name, content in {MANIFEST: manifest, **signature, **members}.items():
            archive.writestr(zipfile.ZipInfo(name, _EPOCH), content)
    partial = path.with_name(path.name + ".partial")
    try:
        partial.write_bytes(packed.getvalue())
        check(partial)
        partial.replace(path)
    finally:
        partial.unlink(missing_ok=True)
    return load(path)


def load(path: Path, trusted: Sequence[Any] = ()) -> Bundle:
    """Read a bundle and check its hashes and, with `trusted` ed25519 public keys, its signature.

    Raises BundleError, one sentence, for anything that is not a whole bundle of our format.
    """
    try:
        size = path.stat().st_size
        if size > LARGEST_BYTES:
            raise BundleError(f"{path}: {size} bytes; a bundle has at most {LARGEST_BYTES}")
        members = _members(path)
    except FileNotFoundError as error:
        raise BundleError(f"{path}: no such file; make one with: python -m convert RUN") from error
    except (OSError, zipfile.BadZipFile, NotImplementedError, RuntimeError, EOFError) as error:
        raise BundleError(f"{path}: not a bundle ({error}); make one with: python -m convert RUN") from error
    for name in (MANIFEST, MODEL, GOLDEN):
        if name not in members:
            raise BundleError(f"{path}: {name} is missing from the bundle; make it anew")
    _check_signature(path, members, trusted)
    return _parse(path, members)


def _version(text: str) -> tuple[int, ...]:
    return tuple(int(part) for part in text.split("."))


def _members(path: Path) -> dict[str, bytes]:
    with zipfile.ZipFile(path) as archive:
        entries = archive.infolist()
        names = [entry.filename for entry in entries]
        if len(set(names)) != len(names) or set(names) - {MANIFEST, MODEL, GOLDEN, SIGNATURE}:
            raise BundleError(f"{path}: members {sorted(names)} are not those of a bundle")
        if any(entry.compress_type != zipfile.ZIP_STORED for entry in entries):
            raise BundleError(f"{path}: members of a bundle are stored, not compressed")
        if sum(entry.file_size for entry in entries) > LARGEST_BYTES:
            raise BundleError(f"{path}: its members claim more than {LARGEST_BYTES} bytes")
        return {entry.filename: archive.read(entry) for entry in entries}


def _check_signature(path: Path, members: dict[str, bytes], trusted: Sequence[Any]) -> None:
    if not trusted:
        return
    from cryptography.exceptions import InvalidSignature  # slow to import, and seldom needed

    if SIGNATURE not in members:
        raise BundleError(f"{path}: not signed, and this device asks for a signature")
    for key in trusted:
        try:
            key.verify(members[SIGNATURE], members[MANIFEST])
        except InvalidSignature:
            continue
        return
    raise BundleError(f"{path}: signed by nobody whom this device trusts")


def _parse(path: Path, members: dict[str, bytes]) -> Bundle:
    try:
        manifest = json.loads(members[MANIFEST])
        if manifest["format"] != FORMAT:
            raise BundleError(f"{path}: bundle format {manifest['format']}, this edge reads {FORMAT}")
        for name in (MODEL, GOLDEN):
            if _digest(members[name]) != manifest["members"][name]:
                raise BundleError(
                    f"{path}: {name} is damaged (its hash is not the manifest's); copy it again"
                )
        oldest = str(manifest["about"].get("oldest_edge", "0"))
        if _version(oldest) > _version(__version__):
            raise BundleError(
                f"{path}: made for picanary {oldest} or newer, this is {__version__}; update it"
            )
        windowing = Windowing.from_json(manifest["windowing"])
        return Bundle(
            name=str(manifest["name"]),
            version=int(manifest["version"]),
            windowing=windowing,
            detector=DetectorSettings.from_json(manifest["detector"], len(windowing.channels)),
            model=members[MODEL],
            golden=json.loads(members[GOLDEN]),
            about=dict(manifest["about"]),
            sha256=hashlib.sha256(members[MANIFEST]).hexdigest(),
        )
    except BundleError:
        raise
    except (KeyError, TypeError, ValueError, AttributeError, OverflowError, RecursionError) as error:
        raise BundleError(f"{path}: the manifest cannot be used: {type(error).__name__}: {error}") from error
