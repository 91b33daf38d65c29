"""What is said of the water in the air: of the channel that surprised, and which way."""

from dataclasses import replace

import pytest

from edge.detection.explain import explain
from edge.detection.observation import Observation, SignalSettings, ViewScore
from edge.detection.signals import Shape, Vapour

NAMES = ("temperature", "humidity")
SETTINGS = SignalSettings(NAMES, 10.0, (0.05, 0.2), ((0.5,) * 24,) * 2)
SHAPED = replace(SETTINGS, shapes=("strange", "humidity_surge"))


def sentence(temperature: float, humidity: float, view: int = 0, shape: str | None = None) -> str:
    """Of a room that was expected at 20 °C and 50 % and is elsewhere, in that view."""
    residual, deviation = (temperature - 20.0, humidity - 50.0), (0.1, 0.5)
    surprise = tuple(abs(r) / d for r, d in zip(residual, deviation, strict=True))
    calm = ViewScore((temperature, humidity), (0.0, 0.0), (0.0, 0.0), deviation)
    moved = ViewScore((20.0, 50.0), surprise, residual, deviation)
    views = (moved, calm) if view == 0 else (calm, moved)
    now = (temperature, humidity) if view == 0 else (temperature + 3.0, humidity + 9.0)
    seen = Observation(0, now, views, evidence=(0.0, 4.0))
    if shape:
        return explain(shape, Shape(SHAPED, shape).update(seen), seen, NAMES, (1.6, 1.6))
    return explain(f"{'slow_' * view}vapour", Vapour(SETTINGS, view).update(seen), seen, NAMES, (1.6, 1.6))


@pytest.mark.parametrize(
    ("temperature", "humidity", "told"),
    [
        (28.0, 50.0, "temperature 28.0 °C, expected 20.0 ± 0.2 °C: more water"),
        (12.0, 50.0, "temperature 12.0 °C, expected 20.0 ± 0.2 °C: less water"),
        (20.0, 80.0, "humidity 80.0 %, expected 50.0 ± 0.8 %: more water"),
        (20.0, 30.0, "humidity 30.0 %, expected 50.0 ± 0.8 %: less water"),
        # an open window in winter: relative humidity rises a little, and there is less water all the same
        (17.0, 53.0, "temperature 17.0 °C, expected 20.0 ± 0.2 °C: less water"),
    ],
)
def test_the_channel_that_surprised_is_named_and_the_water_by_its_sign(
    temperature: float, humidity: float, told: str
) -> None:
    assert sentence(temperature, humidity) == f"{told} in the air than the temperature explains"


def test_the_slow_view_speaks_of_the_last_minutes() -> None:
    assert sentence(20.0, 60.0, view=1).startswith("humidity 60.0 % in the last minutes, expected 50.0 ±")


def test_a_shape_compares_what_the_last_minutes_were_with_what_they_were_expected_to_be() -> None:
    said = sentence(20.0, 60.0, view=1, shape="humidity_surge")
    assert said.startswith(
        "humidity 60.0 % in the last minutes (expected 50.0 ± 0.8 %): this looks like a shower"
    )
