"""What is packed into one column comes back."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from monitor.history.column import pack_floats, pack_ints, unpack_floats, unpack_ints


@given(st.lists(st.integers(-(2**63), 2**63 - 1), min_size=1, max_size=60))
def test_whole_numbers_come_back_exactly(many: list[int]) -> None:
    values = np.array(many, np.int64)
    np.testing.assert_array_equal(unpack_ints(pack_ints(values), len(many)), values)


NUMBERS = (
    st.none()
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.integers(-10_000, 10_000).map(lambda x: x / 100)
)


@given(st.lists(NUMBERS, min_size=1, max_size=60))
def test_measured_values_come_back_exactly_and_nulls_as_nulls(many: list[float | None]) -> None:
    values = np.array(many, np.float64)
    np.testing.assert_array_equal(unpack_floats(pack_floats(values), len(many)), values)


@given(st.lists(st.floats(0, 100), min_size=1, max_size=60))
def test_a_score_stays_on_its_side_of_the_threshold(many: list[float]) -> None:
    values = np.array(many)
    kept = unpack_floats(pack_floats(values, 3, downwards=True), len(many))
    assert np.all(np.abs(kept - values) <= 0.001)
    far = np.abs(values - 1.0) > 1e-8
    np.testing.assert_array_equal(kept[far] >= 1.0, values[far] >= 1.0)
