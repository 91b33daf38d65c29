"""`python -m trainer` as a user runs it."""

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("tensorflow", reason="needs picanary[train]")

from edge.csvfile import write_csv
from edge.recording import Recording
from edge.sources.simulator import simulate
from trainer import run
from trainer.history import data_hash
from trainer.prior import SHIPPED, shipped

ROOT = Path(__file__).parents[2]
PLOTS = {"loss.png", "series.png", "error.png", "histogram.png", "precision_recall.png"}


def trainer(*flags: object, here: Path = ROOT) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "trainer", *map(str, flags)],
        cwd=here,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.fixture(scope="module")
def history(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """Ten days of a simulated room, as a logger would have written them."""
    path = tmp_path_factory.mktemp("history") / "cellar.csv"
    write_csv(simulate(10 * 86_400.0, 60.0, seed=3), path)
    return path


@pytest.fixture(scope="module")
def made(history: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("run") / "cellar"
    done = trainer("--data", history, "--out", out, "--epochs", 4)
    assert done.returncode == 0, done.stderr
    for words in ("found", "precision", "recall", "event recall", "false alarms", "report.html"):
        assert words in done.stdout
    assert "training" in done.stderr, "a progress bar"
    return out


def test_a_run_holds_all_that_a_reader_asks_for(made: Path) -> None:
    assert {path.name for path in (made / "plots").iterdir()} == PLOTS
    settings, metrics = (json.loads((made / name).read_text()) for name in (run.SETTINGS, run.METRICS))
    assert settings["seed"] == 0
    assert len(settings["data"]["sha256"]) == 64
    assert {"picanary", "python", "tensorflow"} <= settings["versions"].keys()
    assert settings["split"]["train"]["to"] < settings["split"]["evaluate"]["from"], "split by time"
    assert metrics["events"] > 0
    assert 0 <= metrics["precision"] <= 1
    report = (made / "report.html").read_text()
    assert "data:image/png;base64" in report
    assert "http://" not in report.replace("http://www.w3.org", "") and "https://" not in report


def test_a_run_loads_back_with_its_history(made: Path, history: Path) -> None:
    loaded = run.load(made)
    assert data_hash(loaded.history) == loaded.settings["data"]["sha256"]
    assert loaded.model.output_shape[1] == loaded.habits.windowing.outputs


def test_the_same_seed_gives_the_same_model_and_another_seed_another(
    made: Path, history: Path, tmp_path: Path
) -> None:
    weights = [w.tobytes() for w in run.load(made).model.get_weights()]
    assert trainer("--data", history, "--out", tmp_path / "again", "--epochs", 4).returncode == 0
    assert [w.tobytes() for w in run.load(tmp_path / "again").model.get_weights()] == weights
    assert trainer("--data", history, "--out", tmp_path / "other", "--epochs", 4, "--seed", 1).returncode == 0
    assert [w.tobytes() for w in run.load(tmp_path / "other").model.get_weights()] != weights


def test_json_is_for_programs(history: Path, tmp_path: Path) -> None:
    done = trainer("--data", history, "--out", tmp_path / "run", "--epochs", 1, "--json")
    assert json.loads(done.stdout)["run"] == str(tmp_path / "run")
    assert "training:" not in done.stderr


ROWS = "\n".join(f"2024-01-01 {h:02d}:{m:02d}:00,{20 + m / 60:.2f}" for h in range(24) for m in range(60))


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        (None, "no such file"),
        ("temperature,humidity\n20.1,50\n20.2,51\n", "no time column"),
        ("timestamp\n2024-01-01 00:00:00\n2024-01-01 00:01:00\n", "only one column"),
        (f"timestamp,temperature\n{ROWS}\n2024-01-02 00:00:00,warm\n", "warm"),
        (f"timestamp,temperature\n{ROWS}\n2024-01-02 00:00:00,NaN\n", "NaN"),
        (f"timestamp,temperature\n{ROWS}\n2024-01-01 23:59:00,20.0\n", "line 1442"),
        (f"timestamp,temperature\n{ROWS}\n2024-01-01 10:30:00,20.0\n", "line 1442"),
        ("timestamp,temperature\n2024-01-01 00:00:00,20\n2024-01-01 00:01:00,20\n", "too short to train on"),
    ],
)
def test_data_that_cannot_be_used_is_refused_in_one_sentence(
    tmp_path: Path, content: str | None, sentence: str
) -> None:
    path = tmp_path / "data.csv"
    if content is not None:
        path.write_text(content)
    done = trainer("--data", path, "--out", tmp_path / "run")
    assert done.returncode == 2
    (line,) = [line for line in done.stderr.splitlines() if line.startswith("python -m trainer: ")]
    assert sentence in line
    assert "Traceback" not in done.stderr
    assert not (tmp_path / "run").exists()


def test_repair_takes_what_is_usable_and_says_what_was_not(tmp_path: Path) -> None:
    path = tmp_path / "data.csv"
    path.write_text(f"timestamp,temperature\n{ROWS}\n2024-01-02 00:00:00,NaN\n2024-01-01 10:30:00,20.0\n")
    done = trainer("--data", path, "--out", tmp_path / "run", "--repair", "--epochs", 1)
    assert done.returncode == 0, done.stderr
    assert "1" in done.stdout and "missing" in done.stdout


@pytest.mark.parametrize(
    "flags",
    [
        ["--model", "oracle"],
        ["--epochs", "-1"],
        ["--epochs", "0", "--prior", "none"],
        ["--epochs", "0", "--model", "dense"],
        ["--days", "1"],
        ["--seed", "-1"],
    ],
)
def test_a_flag_out_of_range_is_refused(flags: list[str]) -> None:
    done = trainer(*flags)
    assert done.returncode == 2
    assert flags[0] in done.stderr.splitlines()[-1]


def test_a_prior_that_is_none_or_of_another_architecture_is_refused_before_the_work(tmp_path: Path) -> None:
    nowhere, masked = tmp_path / "prior.npz", SHIPPED / "masked.npz"
    for flags, words in (
        (["--prior", nowhere], "no such file"),
        (["--prior", masked, "--model", "dense"], "add --model masked"),
    ):
        done = trainer("--out", tmp_path / "run", *flags)
        assert done.returncode == 2
        (line,) = [line for line in done.stderr.splitlines() if line.startswith("python -m trainer: ")]
        assert words in line
        assert "Traceback" not in done.stderr
    assert not (tmp_path / "run").exists()


def test_no_epochs_leave_the_prior_as_it_is(made: Path, history: Path, tmp_path: Path) -> None:
    out = tmp_path / "run"
    shutil.copytree(made / "plots", out / "plots")  # of an earlier run in the same folder
    done = trainer("--data", history, "--out", out, "--epochs", 0)
    assert done.returncode == 0, done.stderr
    prior, model = shipped("masked"), run.load(out).model
    assert prior is not None
    for name, layers in prior.weights.items():
        for ours, theirs in zip(model.get_layer(name).get_weights(), layers, strict=True):
            np.testing.assert_array_equal(ours, theirs)
    assert {path.name for path in (out / "plots").iterdir()} == PLOTS - {"loss.png"}
    assert json.loads((out / run.METRICS).read_text())["loss"] == {"train": [], "validation": []}
    assert "On the data trained on" not in (out / "report.html").read_text()


def test_fine_tuning_moves_the_expectation_and_leaves_the_shapes(made: Path) -> None:
    prior, model = shipped("masked"), run.load(made).model
    assert prior is not None
    for name, layers in prior.weights.items():
        pairs = zip(model.get_layer(name).get_weights(), layers, strict=True)
        same = [bool((ours == theirs).all()) for ours, theirs in pairs]
        assert all(same) if name == "recogniser" else not any(same)


def test_a_history_with_a_constant_channel_trains_all_the_same(tmp_path: Path) -> None:
    calm = simulate(3 * 86_400.0, 120.0, seed=5)
    values = calm.values.copy()
    values[:, 1] = 50.0
    flat = Recording(**{**{f: getattr(calm, f) for f in Recording.__slots__}, "values": values})
    write_csv(flat, tmp_path / "flat.csv")
    done = trainer("--data", tmp_path / "flat.csv", "--out", tmp_path / "run", "--epochs", 2, "--json")
    assert done.returncode == 0, done.stderr
    assert np.isfinite(json.loads(done.stdout)["calibration"]["level_surprise"])


@pytest.mark.parametrize(
    ("rows", "sentence"),
    [
        ([f"{n},{20 + n % 7 / 10},50.{n % 10}" for n in range(700)], "windows to train on"),
        ([f"{n * 60},{20 + n % 7 / 10},150" for n in range(700)], "are plausible"),
        ([f"{n * 60},0,0" for n in range(700)], "are plausible"),
    ],
    ids=["too short for a window", "impossible humidity", "all zeros"],
)
def test_data_that_teaches_nothing_is_refused(tmp_path: Path, rows: list[str], sentence: str) -> None:
    path = tmp_path / "data.csv"
    start = 1_700_000_000
    lines = [f"{start + int(row.split(',', 1)[0])},{row.split(',', 1)[1]}" for row in rows]
    path.write_text("timestamp,temperature,humidity\n" + "\n".join(lines) + "\n")
    done = trainer("--data", path, "--out", tmp_path / "run")
    assert done.returncode == 2, done.stderr
    assert sentence in done.stderr.splitlines()[-1]
    assert "Traceback" not in done.stderr
