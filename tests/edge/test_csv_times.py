"""Times that are written alike are read at once, and to the same millisecond as one by one."""

from datetime import datetime

import numpy as np
from hypothesis import example, given
from hypothesis import strategies as st

from edge.csvfile.times import FORMS, to_ms

TIMES = st.datetimes(datetime(1900, 1, 1), datetime(2199, 12, 31))


@given(st.lists(TIMES, min_size=1, max_size=9), st.sampled_from("T "), st.sampled_from(["", "Z"]))
def test_times_that_are_alike_are_those_of_one_by_one(times: list[datetime], mark: str, zone: str) -> None:
    cells = [time.isoformat(mark, "seconds") + zone for time in times]
    read, bad = to_ms(cells, "ISO 8601")
    assert bad == []
    np.testing.assert_array_equal(read, [FORMS["ISO 8601"](cell) for cell in cells])


@given(st.text("0123456789", min_size=14, max_size=14))
@example("20240230120000")
@example("20230229120000")
@example("20240229240000")
@example("20240229126000")
@example("20241301120000")
@example("20240100120000")
def test_what_looks_like_a_time_and_is_none_is_found(n: str) -> None:
    good = "2024-02-29T12:00:00"
    cells = [good, f"{n[:4]}-{n[4:6]}-{n[6:8]}T{n[8:10]}:{n[10:12]}:{n[12:]}"]
    read, bad = to_ms(cells, "ISO 8601")
    try:
        assert read[1] == FORMS["ISO 8601"](cells[1])
    except ValueError:
        assert bad == [1]
    else:
        assert bad == []
    assert read[0] == FORMS["ISO 8601"](good)
