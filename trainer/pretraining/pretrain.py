"""One pre-training from beginning to end: lives, examples, weights, levels, one file."""

import platform
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from functools import partial
from importlib.metadata import version
from multiprocessing import get_context
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
from tqdm import tqdm

from edge import __version__
from edge.detection.fleet import FLEET
from edge.detection.signals import SHAPES
from edge.errors import ConfigError
from edge.recording import Recording
from trainer.benchmark.bed import trials
from trainer.benchmark.bed_bases import Base, bases_from, simulated_bases
from trainer.pretraining.examples import Examples, examples, together
from trainer.pretraining.fitting import fit_networks
from trainer.pretraining.levels import Watched, fleet_of, watch
from trainer.pretraining.lives import life
from trainer.prior import PRETRAINABLE, Prior, save
from trainer.quiet import start_tensorflow

# Levels are measured on recorded rooms where there are some, else on simulated ones, which are
# calmer; after so many days of history.
LEVEL_DAYS = (3.0, 7.0)
LEVEL_ROOMS, LEVEL_SEED = 10, 1_000
Item = TypeVar("Item")
Made = TypeVar("Made")


@dataclass(frozen=True, slots=True)
class Order:
    """What to learn from, and where to leave it."""

    out: Path
    architecture: str
    lives: int
    seed: int
    data: Path | None  # recorded rooms to learn from, a labelled folder
    levels: Path | None  # recorded rooms to set the levels on alone
    jobs: int


def pretrain(order: Order, quiet: bool) -> Prior:
    """Make a prior and write it. Raises PicanaryError."""
    if order.architecture not in PRETRAINABLE:
        raise ConfigError(f"--model {order.architecture}: choose one of {', '.join(PRETRAINABLE)}")
    if order.out.is_dir():
        raise ConfigError(f"--out {order.out}: is a folder; name a file")
    order.out.parent.mkdir(parents=True, exist_ok=True)  # all this before the work, not after it
    real = bases_from(order.data) if order.data else []
    recorded_rooms = real or (bases_from(order.levels) if order.levels else [])
    rooms = recorded_rooms or simulated_bases(LEVEL_ROOMS, LEVEL_SEED)
    shown = _shown(order, tuple(base.recording for base in real), quiet)
    start_tensorflow()
    with tqdm(desc="training", unit="round", disable=quiet) as bar:
        weights = fit_networks(shown, order.seed, order.architecture == "conv", bar.update)
    about = {
        "lives": order.lives,
        "seed": order.seed,
        "examples": {name: len(part) for name, part in shown._asdict().items()},
        "recorded_rooms": sorted(base.name for base in real),
        "versions": {"picanary": __version__, "python": platform.python_version(), "keras": version("keras")},
    }
    untried = Prior(order.architecture, SHAPES, weights, FLEET, about)
    prior = _with_levels(untried, rooms, order, quiet)
    save(order.out, prior)
    return prior


def _shown(order: Order, recorded: tuple[Recording, ...], quiet: bool) -> Examples:
    seeds = range(order.seed * 1_000_000, order.seed * 1_000_000 + order.lives)
    made = _at_once(partial(_examples, recorded=recorded), seeds, order.jobs, "lives", quiet)
    parts = [part for part in made if part is not None]
    if not parts:
        raise ConfigError(f"--lives {order.lives}: none of these lives teaches anything; add some")
    return together(parts)


def _examples(seed: int, recorded: tuple[Recording, ...]) -> Examples | None:
    return examples(life(seed, recorded), seed)


def _with_levels(prior: Prior, rooms: Sequence[Base], order: Order, quiet: bool) -> Prior:
    tried = trials(rooms, LEVEL_DAYS, (False,), injected=(False,))
    parts = [(trial.task.history, trial.task.rest) for trial in tried]
    devices = _at_once(partial(_watch, prior=prior), parts, order.jobs, "levels", quiet)
    fleet = fleet_of(devices, FLEET.shares)
    about = {**prior.about, "levels_on": sorted({trial.base for trial in tried})}
    return Prior(prior.architecture, prior.shapes, prior.weights, fleet, about)


def _watch(part: tuple[Recording, Recording], prior: Prior) -> dict[str, Watched]:
    start_tensorflow()
    return watch(*part, prior, FLEET.shares)


def _at_once(
    make: Callable[[Item], Made], items: Iterable[Item], jobs: int, title: str, quiet: bool
) -> list[Made]:
    """`make` of all items in order, over so many processes."""
    every = list(items)
    with ProcessPoolExecutor(jobs, mp_context=get_context("spawn")) as processes:
        made = processes.map(make, every, chunksize=2)
        return list(tqdm(made, total=len(every), desc=title, disable=quiet))


def summary(prior: Prior) -> dict[str, Any]:
    """What is worth telling of a prior."""
    numbers = sum(int(np.size(each)) for layers in prior.weights.values() for each in layers)
    return {"architecture": prior.architecture, "weights": numbers, "levels": prior.fleet.levels}
