"""Bodies as they lie on disk: a card bears so many bytes, and a record is like the one before.

The first byte tells how a body is packed; JSON, as in older formats, begins with none of them.
0x01: deflated, with a sample record as its past. 0x80 + n: only its numbers, and the rest is that
of its key, the deflated record n numbers before it. A key that rots costs what needs it, at most
REACH records. All of this is part of the journal's format and changes only with its number.
"""

import re
import zlib
from collections.abc import Callable

WHOLE = b"\x01"
REACH = 63  # 0x81 to 0xbf: these begin no character of UTF-8
_CHANGED = 0x80
_KEYS = 8  # of different states, qualities and channels that are missing
_WINDOW_BITS = -12  # raw, without a header of zlib's: there is a checksum already
_SAMPLE = (
    b'"why":"","fault":"","clk":"unset","clk":"holdover","clk":"rtc","pressure_hpa":1013.2,"sim":true,"fault":null,'
    b'{"v":1,"epoch":"0123456789abcdef","seq":1,"ts_ms":1780000000000,"clk":"ntp",'
    b'"boot":"01234567-89ab-4cde-8f01-23456789abcd","mono_ms":10000000,"temperature_c":21.5,"humidity_pct":45.5,'
    b'"q":"ok","src":"iio","sim":false,"state":"normal","score":0.1234567,'
    b'"expected":{"temperature_c":21.50123,"humidity_pct":45.50123},'
    b'"spread":{"temperature_c":0.09123456,"humidity_pct":0.1234567},'
    b'"anomaly":false,"why":null,"model":"room-1-01234567"}'
)
# One of JSON with at most 18 digits before its point. It looks back only where a number may begin,
# which is twice as fast as to look back everywhere.
_NUMBER = re.compile(
    rb"([-0-9](?<=[:,\[].)(?:(?<=[0-9])|(?<=-)[0-9])(?:(?<=0)|(?<=[1-9])[0-9]{0,17})"
    rb"(?:\.[0-9]{1,20})?(?:e[+-]?[0-9]{1,3})?)(?=[,}\]])"
)
# two characters of the numbers in a byte, as hexadecimal digits
_TO_HEX = bytes.maketrans(b".-,e+", b"abcde")
_FROM_HEX = bytes.maketrans(b"abcde", b".-,e+")
_ODD = b"f"  # fills the last byte


class _Key:
    """A record by whose text others are told: what stands around its numbers, and these."""

    def __init__(self, seq: int, parts: list[bytes]) -> None:
        self.seq = seq
        self.texts, self.numbers = parts[0::2], parts[1::2]
        self.whole = [int(number) if _is_whole(number) else None for number in self.numbers]

    def tell(self, seq: int, numbers: list[bytes]) -> bytes | None:
        """Those numbers packed; None when it cannot be told."""
        words = []
        drift = seq - self.seq  # what counts or is a time moves as the one before it did
        for number, own, whole in zip(numbers, self.numbers, self.whole, strict=True):
            if whole is not None and b"." not in number and b"e" not in number:
                if number == b"-0":
                    return None
                moved = int(number) - whole
                words.append(b"" if moved == drift else b"%d" % (moved - drift))
                drift = moved
            elif number == own:
                words.append(b"")
            else:
                before = len(own.partition(b".")[0])  # its point
                words.append(number[before:] if number[: before + 1] == own[:before] + b"." else number)
        digits = b",".join(words).lstrip(b",").translate(_TO_HEX)
        digits += _ODD[: len(digits) % 2]
        return bytes((_CHANGED + seq - self.seq,)) + bytes.fromhex(digits.decode())

    def body(self, seq: int, packed: bytes) -> bytes:
        """What `tell` told. Raises ValueError for what it cannot have."""
        words = packed[1:].hex().encode().rstrip(_ODD).translate(_FROM_HEX).split(b",")
        words[:0] = [b""] * (len(self.numbers) - len(words))
        drift = seq - self.seq
        parts = [self.texts[0]]
        for word, own, whole, text in zip(words, self.numbers, self.whole, self.texts[1:], strict=True):
            if whole is not None and b"." not in word and b"e" not in word:
                drift += int(word or b"0")
                parts.append(b"%d" % (whole + drift))
            elif not word:
                parts.append(own)
            else:
                parts.append(own.partition(b".")[0] + word if word.startswith(b".") else word)
            parts.append(text)
        return b"".join(parts)


class Packer:
    """Packs records in the order of their numbers."""

    def __init__(self) -> None:
        self._keys: dict[tuple[bytes, ...], _Key] = {}

    def pack(self, seq: int, body: bytes, *, alone: bool = False) -> bytes:
        """`alone`: it neither needs another record nor is needed."""
        if alone:
            return whole(body)
        parts = _NUMBER.split(body)
        about = tuple(parts[0::2])
        key = self._keys.get(about)
        if key is not None and 0 < seq - key.seq <= REACH:
            packed = key.tell(seq, parts[1::2])
            if packed is not None:
                return packed
        packed = whole(body)
        if packed[:1] == WHOLE and len(parts) > 1:
            self._keys.pop(about, None)
            self._keys[about] = _Key(seq, parts)
            if len(self._keys) > _KEYS:
                del self._keys[next(iter(self._keys))]
        return packed

    def forget(self) -> None:
        """What was packed is perhaps not there any more: the next records need none of it."""
        self._keys.clear()


class Unpacker:
    """Unpacks records in any order; `find` has the packed body of a number, or None."""

    def __init__(self, find: Callable[[int], object]) -> None:
        self._find = find
        self._keys: dict[int, _Key] = {}

    def unpack(self, seq: int, packed: object) -> bytes | None:
        """The body; None when it cannot be told. What rots may give another body: there is a checksum."""
        if not isinstance(packed, bytes):
            return None
        try:
            key_seq = needed(seq, packed)
            if key_seq == seq:
                return _inflate(packed) if packed[:1] == WHOLE else packed
            key = self._key(key_seq)
            return None if key is None else key.body(seq, packed)
        except (ValueError, zlib.error):
            return None

    def _key(self, seq: int) -> _Key | None:
        key = self._keys.get(seq)
        if key is None:
            found = self._find(seq)
            if not isinstance(found, bytes) or found[:1] != WHOLE:
                return None
            key = self._keys[seq] = _Key(seq, _NUMBER.split(_inflate(found)))
            if len(self._keys) > _KEYS:
                del self._keys[next(iter(self._keys))]
        return key


def whole(body: bytes) -> bytes:
    """A body that needs no other; as it is when that is shorter."""
    deflate = zlib.compressobj(9, zlib.DEFLATED, _WINDOW_BITS, 5, zlib.Z_DEFAULT_STRATEGY, _SAMPLE)
    packed = WHOLE + deflate.compress(body) + deflate.flush()
    return packed if len(packed) < len(body) or _is_packed(body) else body


def needed(seq: int, packed: bytes) -> int:
    """The number of the record without which this one cannot be read: its own, or its key's."""
    return seq - packed[0] + _CHANGED if packed and 0 < packed[0] - _CHANGED <= REACH else seq


def _is_packed(body: bytes) -> bool:
    return body[:1] == WHOLE or needed(0, body) != 0


def _inflate(packed: bytes) -> bytes:
    inflate = zlib.decompressobj(_WINDOW_BITS, _SAMPLE)
    return inflate.decompress(packed[1:]) + inflate.flush()


def _is_whole(number: bytes) -> bool:
    return b"." not in number and b"e" not in number and number != b"-0"
