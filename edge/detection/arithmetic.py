"""One formula for one reading and for a column of them: the same bits, a number at a time or n at once.

Plain operators, square roots and comparisons are exact enough to be the same for Python's numbers and for
numpy's columns. Logarithms and exponentials are not: numpy has its own, so a column goes through
Python's here as well.
"""

import functools
import math
from collections.abc import Callable, Sequence
from itertools import repeat
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
# A number, or a column (n,) of them; in one formula all are of one kind.
N = TypeVar("N", float, Floats)


def _each(function: Callable[[float], float], x: Floats) -> Floats:
    return np.fromiter(map(function, x.tolist()), np.float64, len(x))


def exp(x: N) -> N:
    """Raises OverflowError above 709."""
    return math.exp(x) if isinstance(x, float) else _each(math.exp, x)


def expm1(x: N) -> N:
    """exp(x) - 1."""
    return math.expm1(x) if isinstance(x, float) else _each(math.expm1, x)


def log(x: N) -> N:
    """The natural logarithm of what is above zero."""
    return math.log(x) if isinstance(x, float) else _each(math.log, x)


def log1p(x: N) -> N:
    """log(1 + x)."""
    return math.log1p(x) if isinstance(x, float) else _each(math.log1p, x)


def sqrt(x: N) -> N:
    """The square root."""
    return math.sqrt(x) if isinstance(x, float) else np.sqrt(x)


def power(x: N, exponent: float) -> N:
    """x to the power of a number."""
    if isinstance(x, float):
        return math.pow(x, exponent)
    return np.fromiter(map(math.pow, x.tolist(), repeat(exponent)), np.float64, len(x))


def larger(x: N, y: N | float) -> N:
    """The larger of two."""
    return (x if x >= y else y) if isinstance(x, float) else np.maximum(x, y)


def smaller(x: N, y: N | float) -> N:
    """The smaller of two."""
    return (x if x <= y else y) if isinstance(x, float) else np.minimum(x, y)


def largest(numbers: Sequence[N]) -> N:
    """The largest of several."""
    return max(numbers) if isinstance(numbers[0], float) else functools.reduce(larger, numbers)


def columns(table: NDArray[np.floating], one: bool) -> list[N]:
    """The m columns of a table (n, m); of one row its numbers."""
    numbers: Any = table[0].tolist() if one else np.ascontiguousarray(table.T, np.float64)
    return list(numbers)
