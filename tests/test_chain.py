"""The whole chain on recorded data: history, model, bundle, verdicts."""

import csv
import os
import subprocess
import sys
from pathlib import Path

import pytest

pytest.importorskip("tensorflow", reason="needs picanary[train]")

from edge.bundle.bundle import load

ROOT = Path(__file__).parents[1]


def python(module: str, *flags: object, here: Path) -> str:
    done = subprocess.run(
        [sys.executable, "-m", *module.split(), *map(str, flags)],
        cwd=here,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.mark.data
@pytest.mark.parametrize(
    ("file", "channels", "found"),
    [
        ("nab_temp/ambient.csv", ["temperature"], "one an hour"),
        ("nab_temp/machine.csv", ["temperature"], "one every 5 min"),
        ("clean/boichot_dht22.csv", ["temperature", "humidity"], "one a minute"),
        ("clean/haydeni_dht22.csv", ["temperature", "humidity"], "one every 15 s"),
        ("clean/uci_occ0.csv", ["temperature", "humidity"], "one a minute"),
        ("clean/uci_occ1.csv", ["temperature", "humidity"], "one a minute"),
    ],
)
def test_a_recorded_history_becomes_a_model_that_judges_it(
    climate: Path, tmp_path: Path, file: str, channels: list[str], found: str
) -> None:
    data = climate / file
    said = python("trainer", "--data", data, "--out", "run", "--epochs", 3, here=tmp_path)
    assert found in said
    assert "time column 'timestamp'" in said
    python("convert", "run", "--out", "room.canary", here=tmp_path)
    assert list(load(tmp_path / "room.canary").windowing.channels) == channels
    python("edge replay", data, "--bundle", "room.canary", "--out", "judged.csv", here=tmp_path)
    python("edge replay", data, "--bundle", "room.canary", "--out", "one.csv", "--one-by-one", here=tmp_path)
    assert (tmp_path / "judged.csv").read_bytes() == (tmp_path / "one.csv").read_bytes()
    with (tmp_path / "judged.csv").open() as stream:
        rows = list(csv.DictReader(stream))
    expected = [f"expected_{name}" for name in channels]
    verdict = ["anomaly", "event", "state", "advisory"]
    assert list(rows[0]) == ["timestamp", *channels, "score", *expected, *verdict]
    assert len(rows) == len(data.read_text().splitlines()) - 1
    scored = [row for row in rows if row["score"]]
    assert len(scored) > 0.9 * len(rows)
    assert all(float(row["score"]) >= 0 and row["anomaly"] in ("0", "1") for row in scored)
