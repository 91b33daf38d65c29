"""Folders of labelled series as the benchmark reads them, and detectors that a test can foresee."""

import hashlib
import json
import os
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np

from trainer.benchmark.detection import Result

START = datetime(2025, 3, 1, tzinfo=UTC)
ROWS, TRAIN, PERIOD_S = 1200, 600, 300.0
EVENT = slice(900, 912)


def times(rows=ROWS, period_s=PERIOD_S):
    return [f"{START + timedelta(seconds=row * period_s):%Y-%m-%d %H:%M:%S}" for row in range(rows)]


def room(seed=0, rows=ROWS, event=EVENT):
    """Temperature of a calm room in steps of a tenth, 9 degrees more in the event; and its labels."""
    rng = np.random.default_rng(seed)
    values = 20 + np.sin(np.arange(rows) / 45) + rng.normal(0, 0.1, rows)
    labels = np.zeros(rows, int)
    if event is not None:
        values[event] += 9
        labels[event] = 1
    return np.round(values, 1), labels


def write_csv(path, columns):
    """Columns by name to a CSV file."""
    path.parent.mkdir(parents=True, exist_ok=True)
    rows = zip(*columns.values(), strict=True)
    path.write_text("\n".join([",".join(columns), *(",".join(map(str, row)) for row in rows)]) + "\n")


def row_of(folder, group, name, cols, **more):
    """A row of the index for a file that is there."""
    file = f"{group}/{name}.csv"
    sha256 = hashlib.sha256((folder / file).read_bytes()).hexdigest()
    about = {"group": group, "name": name, "file": file, "cols": cols, "dt": PERIOD_S, "train": TRAIN}
    return {**about, "merge": 0, "slack": 0, "sha256": sha256, **more}


def write_index(folder, rows):
    (folder / "index.json").write_text(json.dumps(rows))


def write_folder(folder: Path) -> Path:
    """Two labelled groups, one without labels, and a corpus in NAB's place."""
    rows = []
    for group, name, seed, event in (
        ("cellar", "north", 1, EVENT),
        ("cellar", "south", 2, EVENT),
        ("attic", "west", 3, slice(700, 703)),
        ("calm", "hall", 4, None),
        ("nab_all", "art", 5, EVENT),
    ):
        values, labels = room(seed, event=event)
        column = "value" if group == "nab_all" else "temperature"
        write_csv(folder / group / f"{name}.csv", {"timestamp": times(), column: values, "label": labels})
        rows.append(row_of(folder, group, name, [column]))
    write_index(folder, rows)
    return folder


# Detectors and what makes them; functions of a module, as they go to other processes.


def above_25(task):
    """Finds the event and nothing else."""
    score = task.rest.values[:, 0]
    return Result(score, score > 25, score > 28, onset=score, inside=np.where(score > 20, 1.0, 0.5))


def always(task):
    n = len(task.rest)
    return Result(np.ones(n), np.ones(n, bool))


def diary(task):
    """Notes each call in the file that the environment names."""
    with Path(os.environ["PICANARY_TEST_DIARY"]).open("a") as file:
        file.write(f"{task.name}\n")
    return above_25(task)


def breaks_in_the_attic(task):
    if task.name.startswith("attic"):
        raise RuntimeError("no stairs")
    return above_25(task)


def dies(task):
    os._exit(3)


def answers_too_little(task):
    return Result(np.zeros(3), np.zeros(3, bool))


def make_above_25():
    return above_25


def make_always():
    return always


def make_diary():
    return diary


def make_breaks():
    return breaks_in_the_attic


def make_dies():
    return dies


def make_answers_too_little():
    return answers_too_little
