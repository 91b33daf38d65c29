"""The zip around a bundle: members by exact name, stored, and one way only to write each bundle.

Written and read here byte for byte. A general reader would have to be told to mistrust compression,
encryption, lying sizes, repeated names, a directory that says otherwise than the members, and bytes
before, between and after them. Here the members that were found are packed again, and a file that
differs from that in any bit is refused. Any unzip can read what is written.
"""

import struct
import zlib
from collections.abc import Mapping

from edge.errors import BundleError

MANIFEST, MODEL, GOLDEN, SIGNATURE = "manifest.json", "model.tflite", "golden.json", "manifest.sig"
MEMBERS = (MANIFEST, SIGNATURE, MODEL, GOLDEN)  # in the order of the file
LARGEST_BYTES = 1024 * 1024

# As in PKWARE's APPNOTE.TXT 4.3.7, 4.3.12 and 4.3.16; little-endian, without the names that follow.
_LOCAL = struct.Struct("<4s5H3L2H")
_CENTRAL = struct.Struct("<4s6H3L5H2L")
_END = struct.Struct("<4s4H2LH")
_LOCAL_MARK, _CENTRAL_MARK, _END_MARK = b"PK\x03\x04", b"PK\x01\x02", b"PK\x05\x06"
_NEEDS = 20  # zip 2.0
_UNIX = 3 << 8
_DATE = 1 << 5 | 1  # 1 January 1980, the earliest that a zip can hold; a clock would spoil the bytes
_MODE = 0o600 << 16
_ENCRYPTED = 1


def pack_archive(members: Mapping[str, bytes]) -> bytes:
    """The zip of these members; the same bytes on every machine."""
    content, directory = bytearray(), bytearray()
    for name in (name for name in MEMBERS if name in members):
        data, text = members[name], name.encode()
        # flags, method (stored), time, date, CRC, size twice, length of the name, of the extra field
        fields = (_NEEDS, 0, 0, 0, _DATE, zlib.crc32(data), len(data), len(data), len(text), 0)
        directory += _CENTRAL.pack(_CENTRAL_MARK, _UNIX | _NEEDS, *fields, 0, 0, 0, _MODE, len(content))
        directory += text
        content += _LOCAL.pack(_LOCAL_MARK, *fields) + text + data
    end = _END.pack(_END_MARK, 0, 0, len(members), len(members), len(directory), len(content), 0)
    return bytes(content + directory + end)


def unpack_archive(content: bytes, where: str) -> dict[str, bytes]:
    """The members of a bundle by name. Raises BundleError for whatever we would not have written."""
    if len(content) > LARGEST_BYTES:
        raise BundleError(f"{where}: {len(content)} bytes; a bundle has at most {LARGEST_BYTES}")
    if not content.startswith(_LOCAL_MARK):
        raise BundleError(f"{where}: not a bundle; make one with: python -m convert RUN")
    members: dict[str, bytes] = {}
    at = 0
    while content.startswith(_LOCAL_MARK, at):
        name, start, end = _member(content, at, where)
        if name not in MEMBERS or name in members:
            raise BundleError(f"{where}: members such as {name[:40]!a} are not those of a bundle")
        members[name] = content[start:end]
        at = end
    for name in (MANIFEST, MODEL, GOLDEN):
        if name not in members:
            raise BundleError(f"{where}: {name} is missing from the bundle; make it anew")
    if pack_archive(members) != content:
        raise BundleError(f"{where}: damaged, or not written by python -m convert; copy it again")
    return members


def _member(content: bytes, at: int, where: str) -> tuple[str, int, int]:
    """(name, start, end) of the member whose header is at `at`."""
    start = at + _LOCAL.size
    if start > len(content):
        raise BundleError(f"{where}: cut short; copy it again")
    _, _, flags, method, _, _, _, packed, size, length, extra = _LOCAL.unpack_from(content, at)
    name = content[start : start + length].decode("ascii", "replace")
    if flags & _ENCRYPTED:
        raise BundleError(f"{where}: members of a bundle are not encrypted")
    if method or packed != size:
        raise BundleError(f"{where}: members of a bundle are stored, not compressed")
    start += length + extra
    if start + size > len(content):
        raise BundleError(f"{where}: cut short; copy it again")
    return name, start, start + size
