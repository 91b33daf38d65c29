"""`python -m convert inspect BUNDLE`: what is inside, and whether it holds here."""

import argparse
import hashlib
import json
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from edge.bundle import bundle as bundles
from edge.bundle.archive import MANIFEST, SIGNATURE, unpack_archive
from edge.bundle.bundle import Bundle
from edge.bundle.keys import fingerprint, read_publics, signer
from edge.bundle.proof import Proof, prove
from edge.command import run_command
from edge.errors import BundleError


def parser() -> argparse.ArgumentParser:
    """The command line."""
    command = argparse.ArgumentParser(prog="python -m convert inspect", description=__doc__)
    command.add_argument("bundle", type=Path, metavar="BUNDLE", help="the file to look into")
    command.add_argument(
        "--trusted",
        type=Path,
        action="append",
        default=[],
        metavar="PUB",
        help="a public key; with any, the bundle must be signed by one of them (may be repeated)",
    )
    command.add_argument("--json", action="store_true", help="print it as JSON")
    command.add_argument("--debug", action="store_true", help="show tracebacks")
    return command


def main(arguments: list[str] | None = None) -> int:
    """Show it. Exit status 0 when hashes, signature and golden windows hold, else 2 and a sentence."""
    return run_command("convert inspect", parser(), _inspect, arguments)


@dataclass(frozen=True, slots=True)
class Inspection:
    """A bundle whose hashes hold, and what else was found of it."""

    bundle: Bundle
    size: int
    members: dict[str, bytes]
    signed: bool
    signed_by: str | None  # fingerprint of the trusted key
    proof: Proof | None  # None when it failed
    problems: tuple[str, ...]


def inspect(path: Path, trusted: list[Path]) -> Inspection:
    """Look into a bundle. Raises BundleError for what is none, ConfigError for what is no key."""
    keys = read_publics(trusted)
    content, where = bundles.read(path), str(path)
    bundle, members = bundles.unpack(content, where), unpack_archive(content, where)
    problems, proof, signed_by = [], None, None
    if SIGNATURE in members:
        key = signer(members[MANIFEST], members[SIGNATURE], keys)
        signed_by = fingerprint(key) if key else None
    if keys and signed_by is None:
        problems.append(f"{where}: not signed by a trusted key")
    try:
        proof = prove(content, where)
    except BundleError as error:
        problems.append(str(error))
    return Inspection(bundle, len(content), members, SIGNATURE in members, signed_by, proof, tuple(problems))


def _inspect(options: argparse.Namespace) -> int:
    found = inspect(options.bundle, options.trusted)
    if options.json:
        print(json.dumps(_table(options.bundle, found), ensure_ascii=False, allow_nan=False))
    else:
        for name, text in _lines(options.bundle, found):
            print(f"{name:<11}{text}")
    if found.problems:
        raise BundleError("; ".join(found.problems))
    return 0


def _table(path: Path, found: Inspection) -> dict[str, Any]:
    bundle = found.bundle
    return {
        "bundle": str(path),
        "bytes": found.size,
        "label": bundle.label,
        "name": bundle.name,
        "version": bundle.version,
        "format": bundles.FORMAT,
        "channels": [{"name": c.name, "key": c.key, "unit": c.unit} for c in bundle.channels],
        "windowing": bundle.windowing.to_json(),
        "detector": bundle.detector.to_json(),
        "about": bundle.about,
        "members": {name: {"bytes": len(data), "sha256": _sha256(data)} for name, data in _members(found)},
        "signed": found.signed,
        "signed_by": found.signed_by,
        "golden": asdict(found.proof) if found.proof else None,
        "tolerance": bundle.golden["tolerance"],
        "verifies": not found.problems,
        "problems": list(found.problems),
    }


def _lines(path: Path, found: Inspection) -> Iterator[tuple[str, str]]:
    """What is shown to people: a word and what it is."""
    bundle = found.bundle
    windowing, detector, about = bundle.windowing, bundle.detector, bundle.about
    names = windowing.channels
    yield "bundle", f"{path} ({found.size / 1024:.1f} KiB)"
    yield "label", bundle.label
    yield "model", f"{bundle.name}, version {bundle.version}, {about['format']}"
    yield "needs", f"bundle format {bundles.FORMAT}, picanary {about['oldest_edge']} or newer"
    yield "channels", ", ".join(f"{c.name} ({c.unit})" if c.unit else c.name for c in bundle.channels)
    yield (
        "period",
        f"a reading every {windowing.period_s:g} s, up to {windowing.gap_limit} missing are bridged",
    )
    reach = _span(windowing.span * windowing.period_s)
    yield "window", f"{windowing.width} numbers of the last {reach}, {windowing.outputs} answers"
    yield "warm-up", f"{_span(windowing.warm_up * windowing.period_s)} ({windowing.warm_up} readings)"
    yield "budget", f"{about['false_alarms_per_week']:g} false alarms a week"
    yield "alarm at", _numbers(detector.levels)
    yield "band", _numbers(dict(zip(names, detector.band, strict=True))) + " deviations"
    yield "calm", f"an event ends after {_span(detector.calm_s)} below {detector.release:g} of its level"
    yield from _origin(about)
    for number, (name, data) in enumerate(_members(found)):
        yield "" if number else "members", f"{name:<14}{len(data):>8} bytes  {_sha256(data)}"
    yield from _verdict(found)


def _origin(about: dict[str, Any]) -> Iterator[tuple[str, str]]:
    training = about["training"]
    rows = f", {training['rows']} readings" if "rows" in training else ""
    yield "trained on", f"{_time(training['from_ms'])} to {_time(training['to_ms'])}{rows}"
    yield "data", training["data_sha256"]
    made = ", ".join(f"{name} {text}" for name, text in sorted(about["versions"].items()))
    yield "made with", made or "versions not told"


def _verdict(found: Inspection) -> Iterator[tuple[str, str]]:
    yield "hashes", "hold"
    if not found.signed:
        yield "signature", "none"
    elif found.signed_by:
        yield "signature", f"by {found.signed_by}, which is trusted"
    else:
        yield "signature", "by a key that is not among those given with --trusted"
    tolerance = f"{found.bundle.golden['tolerance']:g} is allowed"
    if found.proof is None:
        yield "golden", "failed"
    else:
        proof = found.proof
        yield "golden", f"{proof.windows} windows, largest difference {proof.difference:.2g} ({tolerance})"
        yield "memory", f"{proof.peak_bytes / 2**20:.0f} MiB at most in a process of its own"


def _members(found: Inspection) -> list[tuple[str, bytes]]:
    return list(found.members.items())


def _sha256(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


def _numbers(table: dict[str, float]) -> str:
    return ", ".join(f"{name} {number:.3g}" for name, number in table.items())


def _span(seconds: float) -> str:
    for unit, size in (("days", 86_400.0), ("h", 3600.0), ("min", 60.0)):
        if seconds >= 2 * size:
            return f"{seconds / size:.3g} {unit}"
    return f"{seconds:.3g} s"


def _time(ms: int) -> str:
    try:
        return f"{datetime.fromtimestamp(ms / 1000.0, UTC):%Y-%m-%d %H:%M} UTC"
    except (OverflowError, OSError, ValueError):
        return f"{ms} ms"
