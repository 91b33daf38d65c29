"""`--compare`: one line a format with figures that were measured, then the choice and why."""

import json
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path

import pytest

pytest.importorskip("tensorflow", reason="needs picanary[train]")

from convert import __main__ as command
from convert.comparison import Row, choose, rows
from convert.runtimes import Loading
from convert.tflite import FORMATS
from convert.verify import Agreement
from trainer.run import Run


@pytest.fixture(scope="session")
def table(day_run: Run) -> list[Row]:
    """The real thing, measured once."""
    return list(rows(day_run, 1.0, None))


def test_every_format_has_a_line_with_measured_figures(table: list[Row]) -> None:
    assert [row.form for row in table] == list(FORMATS)
    for row in table:
        assert 0 < row.load_ms < 50
        assert 0 < row.median_us <= row.p99_us < 1e5
        assert row.agreement.readings == 4320
        assert [each.tried for each in row.loadings] == [True, False]
        assert row.fits


def test_float32_is_exact_and_the_others_are_not(table: list[Row]) -> None:
    exact, *others = table
    assert exact.difference < 1e-4
    assert exact.agreement.share == 1.0
    assert exact.agreement.alarms == exact.agreement.trained_alarms
    assert all(row.difference > 10 * exact.difference and row.size < exact.size for row in others)


def test_there_are_flags_to_compare(table: list[Row]) -> None:
    assert table[0].agreement.trained_alarms > 0


def _print(table: Iterable[Row], monkeypatch: pytest.MonkeyPatch, folder: Path, *flags: str) -> int:
    monkeypatch.setattr(command, "rows", lambda *_: iter(table))
    return command.main([str(folder), "--compare", *flags])


def test_the_table_is_aligned_and_ends_with_the_choice(
    table: list[Row], day: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert _print(table, monkeypatch, day) == 0
    head, *lines, choice = capsys.readouterr().out.splitlines()
    assert [line.split()[0] for line in lines] == list(FORMATS)
    for title in ("bytes", "load ms", "window µs", "99 %", "from Keras", "same flags", "alarms"):
        end = head.index(title) + len(title)
        assert all(line[end] == " " and line[end - 1] != " " for line in lines), title
    for title in ("ai-edge-litert", "tflite-runtime 2.14"):
        assert all(line[head.index(title) :].startswith("loads (") for line in lines), title
    assert choice.startswith("choice: float32: ")


def test_json_has_the_same_figures(
    table: list[Row], day: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert _print(table, monkeypatch, day, "--json") == 0
    said = json.loads(capsys.readouterr().out)
    assert [row["bytes"] for row in said["formats"]] == [row.size for row in table]
    assert said["choice"] == "float32"
    assert said["why"]
    assert {"runtime": "tflite-runtime 2.14", "loads": True, "refused": None, "tried": False} in said[
        "formats"
    ][0]["runtimes"]


def test_compare_writes_no_bundle(day: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert command.main([str(day), "--compare", "--out", "x.canary"]) == 2
    assert "--compare writes no bundle" in capsys.readouterr().err


def row(form: str = "float32", size: int = 40_000, us: float = 20.0, **changed: object) -> Row:
    """A row of a made-up format."""
    loadings = (Loading("ai-edge-litert 2", None, True), Loading("tflite-runtime 2.14", None, False))
    made = Row(form, size, 0.2, us, 2 * us, 0.0, Agreement(1000, 0, 5, 5), loadings)
    return replace(made, **changed)  # type: ignore[arg-type]


REFUSED = (Loading("ai-edge-litert 2", None, True), Loading("tflite-runtime 2.14", "no such operator", False))


def test_a_format_is_chosen_when_it_saves_half() -> None:
    assert choose([row(), row("small", size=19_000)])[0] == "small"
    assert choose([row(), row("fast", us=9.0)])[0] == "fast"
    assert choose([row(), row("small", size=21_000), row("fast", us=11.0)])[0] == "float32"


def test_what_does_not_load_or_judges_otherwise_is_not_chosen() -> None:
    assert choose([row(), row("small", size=1000, loadings=REFUSED)])[0] == "float32"
    assert choose([row(), row("small", size=1000, agreement=Agreement(1000, 11, 5, 5))])[0] == "float32"
    assert choose([row(loadings=REFUSED), row("a", difference=0.5), row("b", difference=0.1)])[0] == "b"
    assert choose([row(loadings=REFUSED)])[0] is None
