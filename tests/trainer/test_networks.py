"""What each part of a network sees of a window, and what it answers with."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

pytest.importorskip("tensorflow", reason="needs picanary[train]")

import keras

from edge.detection.habits import LEVELS
from edge.detection.network import Network
from edge.detection.windowing import ROOM_INPUTS, Windowing
from tests.edge.rooms import windowing
from trainer import order
from trainer.architectures import ARCHITECTURES
from trainer.export import float32
from trainer.networks import (
    EXPECTATION_INPUTS,
    PARTNERS,
    SHAPE_INPUTS,
    around,
    away,
    expectation,
    padded,
    take,
)
from trainer.prior import PRETRAINABLE

SHAPES = ("strange", "window_open", "heater_failing")
ONE, TWO = ((1, LEVELS),), ((1, LEVELS), (30, LEVELS))
BOTH = ("temperature", "humidity")
ROOMS = [
    (("temperature",), ONE),
    (("humidity",), TWO),
    (BOTH, ONE),
    (BOTH, TWO),
    ((*BOTH, "pressure"), TWO),
    (("temperature", "pressure"), ONE),
]
# By this much an input moves; answers that do not see it differ by the last bits of other batches.
FAR, SAME = 3.0, 1e-6


def room(channels: tuple[str, ...], views: tuple[tuple[int, int], ...]) -> Windowing:
    return replace(windowing(channels, views), warm_up=64, shapes=SHAPES)


def untrained(architecture: str, about: Windowing) -> Any:
    """Weights are random all over: none of them is zero, so that whatever is seen shows."""
    keras.utils.set_random_seed(1)
    model = ARCHITECTURES[architecture](about)
    rng = np.random.default_rng(2)
    model.set_weights([w + rng.normal(size=w.shape, scale=0.1) for w in model.get_weights()])
    return model


def windows(about: Windowing, count: int = 6) -> np.ndarray:
    return np.random.default_rng(3).normal(size=(count, about.width)).astype(np.float32)


def answers(model: Any, inputs: np.ndarray) -> np.ndarray:
    return np.asarray(model.predict(inputs, verbose=0))


def moved(model: Any, inputs: np.ndarray, columns: Sequence[int]) -> np.ndarray:
    """(len(columns), outputs) by how much each answer moves when that column alone does."""
    others = np.repeat(inputs[None], len(columns) + 1, axis=0)
    for place, column in enumerate(columns):
        others[place + 1, :, column] += FAR
    found = answers(model, others.reshape(-1, inputs.shape[1])).reshape(len(others), len(inputs), -1)
    return np.asarray(abs(found[1:] - found[0]).max(axis=1))


def of_channel(about: Windowing, view: int, channel: int) -> list[int]:
    """Where the mean and the log deviation of a channel stand among the answers."""
    count = len(about.channels)
    return [view * 2 * count + channel, view * 2 * count + count + channel]


@pytest.mark.parametrize("architecture", PRETRAINABLE)
@pytest.mark.parametrize(("channels", "views"), ROOMS)
def test_a_channel_is_expected_without_its_newest_block_and_with_its_partners(
    architecture: str, channels: tuple[str, ...], views: tuple[tuple[int, int], ...]
) -> None:
    about = room(channels, views)
    places = [(view, c) for view in range(len(views)) for c in range(len(channels))]
    newest = [about.inputs_of(*place).start for place in places]
    changes = moved(untrained(architecture, about), windows(about), newest)
    for (view, source), changed in zip(places, changes, strict=True):
        for its_view, its_channel in places:
            ours = changed[of_channel(about, its_view, its_channel)]
            name, its_name = channels[source], channels[its_channel]
            if its_view == view and PARTNERS.get(its_name) == name:
                assert ours.min() > 1e-4, (its_name, "sees", name)
            else:
                assert ours.max() < SAME, (its_name, "does not see", name)


@pytest.mark.parametrize("architecture", PRETRAINABLE)
def test_a_channel_is_expected_from_all_its_past_and_nothing_of_the_other_views(architecture: str) -> None:
    about = room(BOTH, TWO)
    model, inputs = untrained(architecture, about), windows(about)
    changes = moved(model, inputs, range(about.expectation_width))
    for column, changed in enumerate(changes):
        view = 0 if column < about.inputs_of(1, 0).start else 1
        ours = np.zeros(about.outputs, bool)
        ours[view * 4 : view * 4 + 4] = True
        assert changed[ours].max() > 1e-4
        assert changed[~ours].max() < SAME


@pytest.mark.parametrize("architecture", PRETRAINABLE)
def test_shapes_are_seen_in_the_traces_alone_and_expectations_never(architecture: str) -> None:
    about = room(BOTH, TWO)
    model, inputs = untrained(architecture, about), windows(about)
    other = inputs.copy()
    other[:, : about.expectation_width] += FAR
    np.testing.assert_array_equal(
        answers(model, other)[:, about.expectations :], answers(model, inputs)[:, about.expectations :]
    )
    other = inputs.copy()
    other[:, about.expectation_width :] += FAR
    changed = abs(answers(model, other) - answers(model, inputs)).max(axis=0)
    np.testing.assert_array_equal(changed[: about.expectations], 0.0)
    assert changed[about.expectations :].min() > 1e-4


@pytest.mark.parametrize("architecture", PRETRAINABLE)
def test_a_shape_is_as_likely_as_in_the_channel_where_it_is_likeliest(architecture: str) -> None:
    """Pressure is looked at alone: the room without it gives the odds of the other two."""
    with_pressure, without = room((*BOTH, "pressure"), TWO), room(BOTH, TWO)
    model = untrained(architecture, with_pressure)
    inputs = windows(with_pressure)
    odds = answers(model, inputs)[:, with_pressure.expectations :]
    recogniser = model.get_layer("recogniser")
    groups = [np.asarray(recogniser(take(inputs, columns))) for columns in away(with_pressure)]
    assert len(groups) == 2 and len(away(without)) == 1
    np.testing.assert_allclose(odds, np.maximum(*groups), atol=1e-5)
    assert (groups[0] > groups[1]).any() and (groups[1] > groups[0]).any()


def test_an_order_may_name_each_architecture() -> None:
    assert tuple(ARCHITECTURES) == order.ARCHITECTURES


@pytest.mark.parametrize("architecture", ARCHITECTURES)
@pytest.mark.parametrize(("channels", "views"), ROOMS)
def test_an_architecture_answers_with_as_many_numbers_as_the_windowing_says(
    architecture: str, channels: tuple[str, ...], views: tuple[tuple[int, int], ...]
) -> None:
    about = room(channels, views)
    about = about if architecture in PRETRAINABLE else about.with_shapes(())
    found = answers(untrained(architecture, about), windows(about))
    assert found.shape == (6, about.outputs)
    assert about.outputs == 2 * len(channels) * len(views) + len(about.shapes)
    assert np.isfinite(found).all()


def test_the_dense_one_sees_all_that_it_reconstructs_and_knows_no_shapes() -> None:
    about = room(BOTH, TWO).with_shapes(())
    model, inputs = untrained("dense", about), windows(about)
    changes = moved(model, inputs, range(about.width))
    means = [place for view in range(2) for place in (view * 4, view * 4 + 1)]
    deviations = [place + 2 for place in means]
    assert changes[: about.expectation_width][:, means].min() > 1e-5
    assert changes[about.expectation_width :].max() < SAME
    fresh = answers(ARCHITECTURES["dense"](about), inputs)
    assert np.ptp(fresh[:, deviations], axis=0).max() == 0.0, "one deviation whatever the room does"


@pytest.mark.parametrize("architecture", PRETRAINABLE)
def test_a_deviation_stays_within_its_bounds_however_far_the_inputs(architecture: str) -> None:
    about = room(BOTH, TWO)
    inputs = windows(about) * 1000
    found = answers(untrained(architecture, about), inputs)
    deviations = [of_channel(about, v, c)[1] for v in range(2) for c in range(2)]
    assert found[:, deviations].min() >= -2.5001
    assert found[:, deviations].max() <= 3.0001


@pytest.mark.parametrize("architecture", ARCHITECTURES)
def test_the_exported_file_is_small_and_answers_as_keras_does(architecture: str) -> None:
    about = room(BOTH, TWO)
    about = about if architecture in PRETRAINABLE else about.with_shapes(())
    model = untrained(architecture, about)
    exported = float32(model)
    assert len(exported) < 64 * 1024
    inputs = windows(about, 200) * 3
    ours = Network(exported, about.width, about.outputs).answer(inputs)
    assert abs(ours - answers(model, inputs)).max() < 1e-4


@pytest.mark.parametrize(("channels", "views"), ROOMS)
def test_the_columns_of_the_networks_are_those_of_the_window_or_a_constant(
    channels: tuple[str, ...], views: tuple[tuple[int, int], ...]
) -> None:
    about = room(channels, views)
    for view in range(len(views)):
        for channel in range(len(channels)):
            sight = around(about, view, channel)
            assert len(sight) == EXPECTATION_INPUTS
            assert about.inputs_of(view, channel).start not in sight
            assert set(
                range(about.inputs_of(view, channel).start + 1, about.inputs_of(view, channel).stop)
            ) <= set(sight)
    groups = away(about)
    assert all(len(columns) == SHAPE_INPUTS for columns in groups)
    seen = set(np.concatenate(groups).tolist()) - {about.width, about.width + 1}
    traces = set(range(about.expectation_width, about.width - ROOM_INPUTS))
    assert seen >= traces, "no trace is left out"
    assert all(column >= about.expectation_width for column in seen)


def test_taking_columns_is_what_the_model_does() -> None:
    about = room(("temperature", "pressure"), TWO)
    inputs = windows(about)
    columns = around(about, 0, 1)
    inside = keras.ops.take(padded(inputs), columns, axis=1)
    np.testing.assert_array_equal(np.asarray(inside), take(inputs, columns))


def test_one_network_serves_every_room() -> None:
    weights = expectation().get_weights()
    for channels, views in ROOMS:
        model = ARCHITECTURES["masked"](room(channels, views))
        model.get_layer("expectation").set_weights(weights)
