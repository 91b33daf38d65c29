"""A windowing from a manifest: as it was written, or refused."""

import pytest

from edge.detection.windowing import QUANTA_PER_STEP, Windowing
from tests.edge.rooms import windowing

SAYS_WHY = r"range|needed|scales|warm-up"


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("levels", 99),
        ("step", [0.0, 1.0, 1.0]),
        ("step", [1.0, 1.0]),
        ("spread", [[1.0]] * 3),
        ("reach", [[1.0]] * 3),
        ("reach", [[1.0, 1.0, 1.0, 1.0, float("inf")]] * 3),
        ("block", 0),
        ("block", 2),
    ],
)
def test_a_view_that_makes_no_sense_is_refused(key: str, value: object) -> None:
    table = windowing().to_json()
    table["views"] = [{**table["views"][0], key: value}]
    with pytest.raises(ValueError, match=SAYS_WHY):
        Windowing.from_json(table)


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("centre", [1.0, 1.0]),
        ("swing", [1.0, 0.0, 1.0]),
        ("stillness", [1.0, -1.0, 1.0]),
        ("stillness", [float("inf"), 1.0, 1.0]),
        ("period_s", float("nan")),
        ("history_days", 0.0),
        ("shapes", ["strange"] * 17),
        ("views", []),
        ("warm_up", 0),
        ("channels", []),
    ],
)
def test_a_windowing_that_makes_no_sense_is_refused(key: str, value: object) -> None:
    with pytest.raises(ValueError, match=SAYS_WHY):
        Windowing.from_json({**windowing().to_json(), key: value})


def test_a_windowing_survives_its_own_json() -> None:
    setup = windowing().with_shapes(("strange", "window_open"))
    assert Windowing.from_json(setup.to_json()) == setup
    assert setup.quantum[0] == pytest.approx(0.1 / QUANTA_PER_STEP)
