"""One column of numbers as few bytes: differences in the narrowest width, byte planes for zlib to press."""

import struct

import numpy as np
from numpy.typing import NDArray

Ints = NDArray[np.int64]
Floats = NDArray[np.float64]

DIGITS_MOST = 7
_INTS = struct.Struct("<Bqq")  # bytes a number, the first number, the lowest difference
_FLOATS = struct.Struct("<BB?")  # kind, digits behind the point, whether some are null
_NOTHING, _DECIMAL, _BINARY = range(3)
_EXACT_MOST = 2.0**53


def pack_ints(values: Ints) -> bytes:
    """(n,) whole numbers, exactly; n is 1 or more."""
    steps = np.diff(values)
    low = int(steps.min()) if len(steps) else 0
    with np.errstate(over="ignore"):
        above = (steps - low).view(np.uint64)  # wraps around and back
    most = int(above.max()) if len(above) else 0
    width = next(w for w in (0, 1, 2, 4, 8) if most < 256**w)
    planes = above.view(np.uint8).reshape(-1, 8)[:, :width].T.tobytes()
    return _INTS.pack(width, int(values[0]), low) + planes


def unpack_ints(data: bytes, count: int) -> Ints:
    """The (count,) numbers of `pack_ints`."""
    width, first, low = _INTS.unpack_from(data)
    values = np.full(count, low, np.int64)
    if width and count > 1:
        planes = np.frombuffer(data, np.uint8, width * (count - 1), _INTS.size).reshape(width, -1)
        wide = np.zeros((count - 1, 8), np.uint8)
        wide[:, :width] = planes.T
        values[1:] += wide.view(np.int64)[:, 0]
    values[0] = first
    return np.cumsum(values)


def pack_floats(values: Floats, digits: int | None = None, *, downwards: bool = False) -> bytes:
    """(n,) numbers with NaN for null; to so many digits behind the point, or exactly."""
    null = np.isnan(values)
    if null.all():
        return _FLOATS.pack(_NOTHING, 0, False)
    nulls = np.packbits(null).tobytes() if null.any() else b""
    filled = _filled(values, null) if nulls else values
    found = _scaled(filled, digits, downwards)
    if found is None:
        planes = filled.view(np.uint8).reshape(-1, 8).T.tobytes()
        return _FLOATS.pack(_BINARY, 0, bool(nulls)) + nulls + planes
    kept, whole = found
    return _FLOATS.pack(_DECIMAL, kept, bool(nulls)) + nulls + pack_ints(whole)


def unpack_floats(data: bytes, count: int) -> Floats:
    """The (count,) numbers of `pack_floats`."""
    kind, digits, some = _FLOATS.unpack_from(data)
    if kind == _NOTHING:
        return np.full(count, np.nan)
    at = _FLOATS.size + (-(-count // 8) if some else 0)
    if kind == _BINARY:
        planes = np.frombuffer(data, np.uint8, 8 * count, at).reshape(8, count)
        values = np.ascontiguousarray(planes.T).view(np.float64)[:, 0]
    else:
        values = unpack_ints(data[at:], count) / 10.0**digits
    if some:
        packed = np.frombuffer(data, np.uint8, at - _FLOATS.size, _FLOATS.size)
        values[np.unpackbits(packed, count=count).astype(bool)] = np.nan
    return values


def _scaled(values: Floats, digits: int | None, downwards: bool) -> tuple[int, Ints] | None:
    """As whole numbers of 10^-digits; None when only all of their bits are exact."""
    most = float(np.abs(values).max())
    for tried in range(DIGITS_MOST + 1) if digits is None else (digits,):
        if most * 10.0**tried >= _EXACT_MOST:
            return None
        scaled = values * 10.0**tried
        # a float a hair below its decimal is that decimal
        whole = np.floor(scaled + 1e-6) if downwards else np.rint(scaled)
        if digits is not None or np.array_equal(whole / 10.0**tried, values):
            return tried, whole.astype(np.int64)
    return None


def _filled(values: Floats, null: NDArray[np.bool_]) -> Floats:
    """Each null as the number before it, which costs nothing."""
    place = np.where(null, 0, np.arange(len(values)))
    np.maximum.accumulate(place, out=place)
    first = int(np.argmin(null))
    return values[np.maximum(place, first)]
