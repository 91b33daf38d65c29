"""Runs detectors on series over several processes; what is done is kept, so that a run can go on.

A result is kept under a hash of all that it depends on: the detector's name, times and values of
history and rest, the budget, the source of `edge/` and `trainer/` (but for what only chooses tasks
and tells of results), and the versions of what computes. Another word in any of these files, and
it is computed again.
"""

import hashlib
import json
import logging
import os
import signal
import time
import traceback
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ProcessPoolExecutor, as_completed
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from importlib.metadata import version
from multiprocessing import get_context
from pathlib import Path
from typing import Generic, TypeVar

import numpy as np

from trainer.benchmark.detection import Detector, Result, Task
from trainer.history import data_hash

ROOT = Path(__file__).parents[2]
COMPUTING = ("numpy", "scikit-learn", "tensorflow", "keras")
# These only choose tasks and tell of results. A result depends on neither, as its key holds the task.
_OUTSIDE = (
    "bed bed_bases bed_panels bed_score command compare comparison nab panels pictures report scores series "
    "sheet table"
)
OUTSIDE = {f"trainer/benchmark/{name}.py" for name in _OUTSIDE.split()}
ONE_THREAD = {
    "OMP_NUM_THREADS": "1",
    "OPENBLAS_NUM_THREADS": "1",
    "TF_NUM_INTRAOP_THREADS": "1",
    "TF_NUM_INTEROP_THREADS": "1",
    "TF_CPP_MIN_LOG_LEVEL": "3",
}


Verdict = TypeVar("Verdict")


@dataclass(frozen=True, slots=True, eq=False)
class Job(Generic[Verdict]):
    """One detector on one task."""

    detector: str
    make: Callable[[], Detector]
    task: Task
    kept: Path  # where its result is kept
    judge: Callable[[Result, float], Verdict]  # what the result is worth, and the seconds that it took
    fresh: bool = False  # compute it even if it is kept


@dataclass(frozen=True, slots=True, eq=False)
class Outcome(Generic[Verdict]):
    """What became of a job: a verdict, or a sentence why there is none."""

    verdict: Verdict | None
    failure: str | None = None
    trace: str | None = None


@cache
def fingerprint() -> str:
    """A hash of the source of edge/ and trainer/ and of the versions of what computes."""
    digest = hashlib.sha256()
    for path in sorted([*ROOT.glob("edge/**/*.py"), *ROOT.glob("trainer/**/*.py")]):
        name = path.relative_to(ROOT).as_posix()
        if name not in OUTSIDE:
            digest.update(f"{name}\0".encode() + path.read_bytes())
    digest.update(json.dumps([version(name) for name in COMPUTING]).encode())
    return digest.hexdigest()


def key(detector: str, task: Task) -> str:
    """The name under which a detector's result on a task is kept."""
    history, rest = task.history, task.rest
    about = [detector, data_hash(history), data_hash(rest), rest.period_s, task.false_alarms_per_week]
    return hashlib.sha256(json.dumps([*about, fingerprint()]).encode()).hexdigest()[:32]


def run(jobs: Sequence[Job[Verdict]], processes: int) -> Iterator[tuple[Job[Verdict], Outcome[Verdict]]]:
    """Each job and its outcome as it is done, in any order; none is left out."""
    with one_thread_each():
        pool = ProcessPoolExecutor(processes, get_context("spawn"), initializer=_start_worker)
        try:
            waiting = {pool.submit(work, job): job for job in jobs}
            for done in as_completed(waiting):
                yield waiting[done], _outcome(done)
        finally:
            pool.shutdown(cancel_futures=True)


def _outcome(done: "Future[Outcome[Verdict]]") -> Outcome[Verdict]:
    try:
        return done.result()
    except Exception as error:  # the process itself died, as for want of memory
        return Outcome(None, f"{type(error).__name__}: {error}".strip())


@contextmanager
def one_thread_each() -> Iterator[None]:
    """Processes begun in here compute with one thread, so that as many as there are cores fit, and
    the same job gives the same figures everywhere. It must be set before numpy is loaded.
    """
    before = {name: os.environ.get(name) for name in ONE_THREAD}
    os.environ.update(ONE_THREAD)
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                del os.environ[name]
            else:
                os.environ[name] = value


def _start_worker() -> None:
    logging.getLogger("tensorflow").setLevel(logging.ERROR)  # it warns that many small models are slow
    signal.signal(signal.SIGINT, signal.SIG_DFL)  # Ctrl+C ends it without a word; the parent says it all


def work(job: Job[Verdict]) -> Outcome[Verdict]:
    """Do a job in this process, or take its result from where it was kept."""
    try:
        kept = None if job.fresh else load(job.kept)
        if kept is None:
            begin = time.perf_counter()
            found = detect(job.make, job.task)
            kept = (found, time.perf_counter() - begin)
            save(job.kept, *kept)
        return Outcome(job.judge(*kept))
    except Exception as error:
        return Outcome(None, f"{type(error).__name__}: {error}", traceback.format_exc())


@cache
def _made(make: Callable[[], Detector]) -> Detector:
    return make()


def detect(make: Callable[[], Detector], task: Task) -> Result:
    """The detector's result. Raises ValueError when it does not answer for each row."""
    result = _made(make)(task)
    parts = result.parts()
    for part in parts.values():
        if part.shape != (len(task.rest),):
            raise ValueError(f"the detector gave {part.shape} for {len(task.rest)} rows")
    return Result(**parts)  # type: ignore[arg-type]  # each part has the type of its name


def save(path: Path, result: Result, seconds: float) -> None:
    """Keep a result and the time that it took."""
    parts = {**result.parts(), "seconds": np.array(seconds)}
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_suffix(f".{os.getpid()}.part")
    with partial.open("wb") as file:
        np.savez_compressed(file, **parts)  # type: ignore[arg-type]  # the stubs mistake names for allow_pickle
    partial.replace(path)  # whole or not at all, whenever it is interrupted


def load(path: Path) -> tuple[Result, float] | None:
    """The result kept there with the seconds that it took, None if there is none."""
    if not path.is_file():
        return None
    with np.load(path) as kept:
        parts = {name: kept[name] for name in kept.files}
    return Result(**{name: parts[name] for name in parts if name != "seconds"}), float(parts["seconds"])
