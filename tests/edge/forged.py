"""Bundles that nobody should trust: whole as files, with hashes that hold, and wrong inside."""

import hashlib
import json
from collections.abc import Callable, Mapping
from typing import Any

from edge.bundle.archive import GOLDEN, MANIFEST, MODEL, pack_archive, unpack_archive
from edge.bundle.strict_json import canonical

Table = dict[str, Any]


def forge(
    content: bytes,
    *,
    manifest: Callable[[Table], Any] = lambda table: table,
    golden: Callable[[Table], Any] = lambda table: table,
    model: Callable[[bytes], bytes] = lambda old: old,
) -> bytes:
    """The bundle with parts changed and all hashes made to fit; what is returned as bytes stays as it is."""
    members = unpack_archive(content, "to forge")
    new = {
        MODEL: model(members[MODEL]),
        GOLDEN: _written(golden(json.loads(members[GOLDEN]))),
    }
    table = json.loads(members[MANIFEST])
    table["members"] = {name: digest(data) for name, data in new.items()}
    return pack_archive({**members, **new, MANIFEST: _written(manifest(table))})


def swap(content: bytes, members: Mapping[str, bytes | None]) -> bytes:
    """The bundle with members exchanged or (None) left out, and the manifest as it was."""
    old = unpack_archive(content, "to forge")
    return pack_archive({name: data for name, data in {**old, **members}.items() if data is not None})


def digest(data: bytes) -> Table:
    """As the manifest names a member."""
    return {"sha256": hashlib.sha256(data).hexdigest(), "size": len(data)}


def _written(value: Any) -> bytes:
    return value if isinstance(value, bytes) else canonical(value)
