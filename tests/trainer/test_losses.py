"""What the networks make small, against the slow and obvious way."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

pytest.importorskip("tensorflow", reason="needs picanary[train]")

from trainer.losses import HUBER_DEVIATIONS, known_log_loss, surprise_loss

Table = list[list[float]]


def naive_surprise(target: Table, answer: Table, views: int, channels: int) -> float:
    found = []
    for row, answers in zip(target, answer, strict=True):
        for view in range(views):
            for channel in range(channels):
                mean = answers[view * 2 * channels + channel]
                log_deviation = answers[view * 2 * channels + channels + channel]
                away = abs(row[view * channels + channel] - mean) / math.exp(log_deviation)
                if away <= HUBER_DEVIATIONS:
                    huber = away * away / 2
                else:  # the straight line that goes on from there
                    huber = HUBER_DEVIATIONS**2 / 2 + HUBER_DEVIATIONS * (away - HUBER_DEVIATIONS)
                found.append(huber + log_deviation)
    return math.fsum(found) / len(found)


def naive_known(truth: Table, odds: Table) -> list[float]:
    losses = []
    for row, answers in zip(truth, odds, strict=True):
        loss = 0.0
        for right, answer in zip(row, answers, strict=True):
            if right >= 0:
                chance = 1 / (1 + math.exp(-answer))
                loss -= math.log(chance if right else 1 - chance)
        losses.append(loss)
    return losses


@settings(max_examples=30)
@given(st.integers(1, 3), st.integers(1, 3), st.integers(1, 6), st.integers(0, 4), st.integers(0, 2**32 - 1))
def test_surprise_loss_is_that_of_the_obvious_loop(
    views: int, channels: int, rows: int, shapes: int, seed: int
) -> None:
    rng = np.random.default_rng(seed)
    target = rng.normal(size=(rows, views * channels), scale=5).astype(np.float32)
    answer = rng.normal(size=(rows, 2 * views * channels + shapes), scale=1.5).astype(np.float32)
    ours = float(surprise_loss(views, channels)(target, answer))
    assert ours == pytest.approx(
        naive_surprise(target.tolist(), answer.tolist(), views, channels), rel=1e-4, abs=1e-4
    )


@settings(max_examples=30)
@given(st.integers(1, 6), st.integers(1, 6), st.integers(0, 2**32 - 1))
def test_known_log_loss_is_that_of_the_obvious_loop(rows: int, shapes: int, seed: int) -> None:
    rng = np.random.default_rng(seed)
    truth = rng.choice([1.0, 0.0, -1.0], (rows, shapes)).astype(np.float32)
    odds = rng.normal(size=(rows, shapes), scale=4).astype(np.float32)
    np.testing.assert_allclose(
        known_log_loss(truth, odds), naive_known(truth.tolist(), odds.tolist()), rtol=1e-3, atol=1e-4
    )


def test_what_nobody_knows_costs_nothing_whatever_the_answer() -> None:
    truth = np.array([[1.0, -1.0, 0.0]], np.float32)
    low, high = (np.array([[0.3, unknown, -2.0]], np.float32) for unknown in (-50.0, 50.0))
    assert float(known_log_loss(truth, low)[0]) == float(known_log_loss(truth, high)[0])


def test_odds_far_from_the_truth_cost_what_they_are_and_not_infinity() -> None:
    odds = np.array([[1000.0]], np.float32)
    assert float(known_log_loss(np.zeros((1, 1), np.float32), odds)[0]) == pytest.approx(1000.0)
    assert float(known_log_loss(np.ones((1, 1), np.float32), odds)[0]) == 0.0
