"""The detector's signals over a whole history."""

from dataclasses import replace

import numpy as np
import pytest

from edge.detection.habits import learn_habits
from edge.sources.simulator import simulate
from trainer.benchmark.ablations import Persistence
from trainer.signal_series import look_back, signal_values

ROOM = simulate(3 * 86_400.0, 300.0, seed=6)


@pytest.mark.parametrize("name", ["surprise", "noise", "frozen", "stuck", "vapour"])
def test_a_signal_over_a_history_forgets_across_a_long_gap(name: str) -> None:
    """Each half as if it stood alone, but for the gate that says after a gap what it held back."""
    middle = len(ROOM) // 2
    later = ROOM.ts_ms + np.where(np.arange(len(ROOM)) >= middle, 86_400_000, 0)
    habits = learn_habits(ROOM)
    network = Persistence(habits.windowing)
    torn = replace(ROOM, ts_ms=later)
    whole = signal_values(name, habits, look_back(torn, habits, network))
    halves = [
        signal_values(name, habits, look_back(part, habits, network))
        for part in (torn.between(0, middle), torn.between(middle, len(torn)))
    ]
    np.testing.assert_allclose(whole, np.concatenate(halves), atol=1e-12)
    assert whole.max() > 0
    assert not whole[: habits.windowing.warm_up].any(), "no score, no signal"
