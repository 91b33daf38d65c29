"""`python -m trainer benchmark` as a person runs it, with detectors that a test can foresee."""

import json
import math
import shutil

import numpy as np
import pytest
from playwright.sync_api import sync_playwright

from tests.trainer import labelled
from tests.trainer.labelled import ROWS, TRAIN, times, write_folder
from trainer.__main__ import main as trainer
from trainer.benchmark import registry
from trainer.benchmark.command import main
from trainer.benchmark.sheet import rate


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return write_folder(tmp_path_factory.mktemp("labelled"))


@pytest.fixture
def detectors():
    """Sets what stands in the registry, for the time of a test."""
    before = dict(registry.DETECTORS)

    def register(**makers):
        registry.DETECTORS.clear()
        registry.DETECTORS.update(makers)

    yield register
    register(**before)


def run(folder, out, *more):
    return main(["--data", str(folder), "--out", str(out), "--jobs", "2", "--no-bed", *more])


def figures(out):
    return json.loads((out / "benchmark.json").read_text())


def test_the_figures_are_those_that_a_person_counts(folder, tmp_path, detectors, capsys):
    detectors(picanary=labelled.make_above_25, always=labelled.make_always)
    assert run(folder, tmp_path, "--groups", "cellar,attic,calm") == 0
    found = figures(tmp_path)
    own = found["detectors"]["picanary"]
    assert found["mean_over"] == ["cellar", "attic"]
    assert own["groups"]["cellar"]["events"] == own["groups"]["cellar"]["found"] == 2
    assert own["mean"]["event_recall"] == own["mean"]["auc_pr"] == own["mean"]["precision"] == 1.0
    assert own["mean"]["median_delay_s"] == own["mean"]["false_alarms"] == 0
    assert own["mean"]["recall_at_product"] == own["mean"]["best_event_recall"] == 1.0
    assert own["groups"]["calm"]["vus_pr"] is own["groups"]["calm"]["event_recall"] is None
    # the alarm that never ends counts every six hours, before and after the event
    other = found["detectors"]["always"]["series"]["cellar/north"]
    hours = (ROWS - TRAIN) * labelled.PERIOD_S / 3600
    assert other["false_alarms"] == pytest.approx(hours / 6, abs=2)
    assert other["recall"] == 1.0
    assert other["precision"] == pytest.approx(12 / (ROWS - TRAIN))
    assert other["recall_at_product"] == 0.0
    assert capsys.readouterr().out.startswith(
        "# Benchmark\n\npicanary ranks with VUS-PR 0.997 and finds 100%"
    )


def test_a_mean_is_over_series_and_then_over_groups(folder, tmp_path, detectors):
    detectors(always=labelled.make_always)
    assert run(folder, tmp_path) == 0
    found = figures(tmp_path)["detectors"]["always"]
    for name in ("precision", "false_alarms_per_week", "vus_pr"):
        north, south, west = (
            found["series"][each][name] for each in ("cellar/north", "cellar/south", "attic/west")
        )
        assert found["groups"]["cellar"][name] == pytest.approx((north + south) / 2)
        assert found["mean"][name] == pytest.approx(((north + south) / 2 + west) / 2)
    judged = [found["series"][each] for each in ("cellar/north", "cellar/south", "attic/west")]
    alarms, weeks = (sum(each[name] for each in judged) for name in ("false_alarms", "weeks"))
    assert found["mean"]["pooled_false_alarms_per_week"] == pytest.approx(alarms / weeks)


def test_nabs_corpus_has_its_own_score_and_is_not_in_the_mean(folder, tmp_path, detectors, capsys):
    detectors(good=labelled.make_above_25, always=labelled.make_always)
    assert run(folder, tmp_path) == 0
    found = figures(tmp_path)
    assert "nab_all" not in found["mean_over"]
    assert found["nab"]["good"]["standard"] == found["nab"]["good"]["own_low_fp"] == pytest.approx(100.0)
    assert found["nab"]["always"]["standard"] >= 0 > found["nab"]["always"]["own_standard"]
    assert "NAB's own score" in capsys.readouterr().out


def test_the_advisory_has_columns_of_its_own(folder, tmp_path, detectors, capsys):
    detectors(picanary=labelled.make_above_25)
    assert run(folder, tmp_path, "--groups", "cellar") == 0
    mean = figures(tmp_path)["detectors"]["picanary"]["mean"]
    assert (mean["advisory_event_recall"], mean["advisory_false_alarms_per_week"]) == (1.0, 0.0)
    assert "advisory event recall" in capsys.readouterr().out
    detectors(always=labelled.make_always)
    assert run(folder, tmp_path, "--groups", "cellar") == 0
    out = capsys.readouterr().out
    assert "advisory event recall" not in out
    assert "picanary's" not in out


def test_the_scores_of_all_rows_are_written_with_the_times_of_the_file(folder, tmp_path, detectors):
    detectors(good=labelled.make_above_25)
    assert run(folder, tmp_path / "o", "--scores-out", str(tmp_path / "s")) == 0
    assert len(list((tmp_path / "s").iterdir())) == 5
    lines = (tmp_path / "s/cellar__north.csv").read_text().splitlines()
    rows = [line.split(",") for line in lines]
    values, labels = labelled.room(1)
    assert rows[0] == ["timestamp", "score", "anomaly"]
    assert [row[0] for row in rows[1:]] == times()[TRAIN:]
    assert [float(row[1]) for row in rows[1:]] == values[TRAIN:].tolist()
    assert [int(row[2]) for row in rows[1:]] == labels[TRAIN:].tolist()


def test_scores_of_two_detectors_stand_in_folders_of_their_own(folder, tmp_path, detectors):
    detectors(good=labelled.make_above_25, always=labelled.make_always)
    assert run(folder, tmp_path, "--groups", "attic", "--scores-out", str(tmp_path / "s")) == 0
    assert {str(path.relative_to(tmp_path / "s")) for path in (tmp_path / "s").rglob("*.csv")} == {
        "good/attic__west.csv",
        "always/attic__west.csv",
    }


def test_rows_at_the_same_time_have_the_score_of_the_row_before(tmp_path, detectors):
    values, labels = labelled.room()
    stamps = times()
    stamps[1000] = stamps[999]
    stamps[TRAIN] = stamps[TRAIN - 1]
    labelled.write_csv(tmp_path / "g/s.csv", {"timestamp": stamps, "temperature": values, "label": labels})
    labelled.write_index(tmp_path, [labelled.row_of(tmp_path, "g", "s", ["temperature"])])
    detectors(good=labelled.make_above_25)
    assert run(tmp_path, tmp_path / "o", "--scores-out", str(tmp_path / "s")) == 0
    rows = [line.split(",") for line in (tmp_path / "s/g__s.csv").read_text().splitlines()[1:]]
    assert [row[0] for row in rows] == stamps[TRAIN:]
    assert rows[0][1:] == ["", "0"]
    assert float(rows[400][1]) == float(rows[399][1]) == values[999]


def test_a_detector_that_fails_is_told_and_the_others_go_on(folder, tmp_path, detectors, capsys):
    detectors(broken=labelled.make_breaks, good=labelled.make_above_25)
    scores = tmp_path / "s/broken/attic__west.csv"
    scores.parent.mkdir(parents=True)
    scores.write_text("of an earlier run")
    assert run(folder, tmp_path, "--groups", "cellar,attic", "--scores-out", str(tmp_path / "s")) == 1
    told = capsys.readouterr()
    assert told.err.splitlines() == ["failed  broken on attic/west: RuntimeError: no stairs"]
    assert [line.split()[1:4:2] for line in told.out.splitlines() if line.startswith("| broken")] == [
        ["broken", "failed"]
    ]
    found = figures(tmp_path)
    assert found["failed"] == [
        {"detector": "broken", "series": "attic/west", "why": "RuntimeError: no stairs"}
    ]
    assert found["detectors"]["good"]["mean"]["failed"] == 0
    assert "no stairs" in (tmp_path / "benchmark.html").read_text()
    assert not scores.exists()


def test_a_process_that_dies_is_told_as_well(folder, tmp_path, detectors, capsys):
    detectors(dies=labelled.make_dies)
    assert run(folder, tmp_path, "--groups", "attic") == 1
    assert "failed  dies on attic/west: BrokenProcessPool" in capsys.readouterr().err


def test_a_detector_must_answer_for_each_row(folder, tmp_path, detectors, capsys):
    detectors(brief=labelled.make_answers_too_little)
    assert run(folder, tmp_path, "--groups", "attic") == 1
    assert "the detector gave (3,) for 600 rows" in capsys.readouterr().err


def test_a_second_run_goes_on_where_the_first_one_stopped(folder, tmp_path, detectors, monkeypatch):
    diary = tmp_path / "diary"
    monkeypatch.setenv("PICANARY_TEST_DIARY", str(diary))
    detectors(diary=labelled.make_diary)

    def calls(*more):
        diary.write_text("")
        assert run(folder, tmp_path / "o", *more) == 0
        return sorted(diary.read_text().split())

    assert calls("--groups", "cellar") == ["cellar/north", "cellar/south"]
    first = figures(tmp_path / "o")
    assert calls("--groups", "cellar,attic") == ["attic/west"]
    assert calls("--groups", "cellar") == []
    assert figures(tmp_path / "o") == first
    assert calls("--groups", "cellar", "--fresh") == ["cellar/north", "cellar/south"]


def test_json_goes_to_the_standard_output_alone(folder, tmp_path, detectors, capsys):
    detectors(good=labelled.make_above_25)
    assert run(folder, tmp_path, "--json") == 0
    assert json.loads(capsys.readouterr().out) == figures(tmp_path)


def test_the_trainers_command_hands_over(folder, tmp_path, detectors, capsys):
    detectors(good=labelled.make_above_25)
    more = ["--groups", "attic", "--no-bed", "--jobs", "1"]
    assert trainer(["benchmark", "--data", str(folder), "--out", str(tmp_path), *more]) == 0
    assert (tmp_path / "benchmark.md").read_text() in capsys.readouterr().out


@pytest.mark.parametrize(
    ("more", "sentence"),
    [
        (["--detectors", "z,oracle"], "--detectors oracle: choose from picanary, "),
        (["--groups", "barn"], "no series is of the group barn"),
        (["--jobs", "0"], "--jobs must be 1 or more"),
        (["--data", "nowhere"], "nowhere: not a folder of labelled series"),
    ],
)
def test_what_the_user_can_mend_is_one_sentence(folder, tmp_path, capsys, more, sentence):
    assert run(folder, tmp_path, *more) == 2
    told = capsys.readouterr().err
    assert told.startswith("python -m trainer benchmark: ")
    assert sentence in told
    assert told.count("\n") == 1


def test_the_page_shows_tables_and_pictures_without_network(folder, tmp_path, detectors):
    detectors(picanary=labelled.make_above_25, always=labelled.make_always, broken=labelled.make_breaks)
    assert run(folder, tmp_path) == 1
    chromium = shutil.which("chromium") or shutil.which("google-chrome")
    if chromium is None:
        pytest.skip("no chromium on this machine")
    asked = []
    with sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path=chromium)
        page = browser.new_page(viewport={"width": 390, "height": 800})
        page.on("request", lambda request: asked.append(request.url))
        page.goto((tmp_path / "benchmark.html").as_uri())
        sizes = page.eval_on_selector_all("img", "all => all.map(each => each.naturalWidth)")
        text = page.inner_text("main")
        wide = page.evaluate("document.documentElement.scrollWidth")
        browser.close()
    assert len(sizes) == 2
    assert all(size > 600 for size in sizes)
    assert wide <= 390
    assert all(url.startswith(("file:", "data:")) for url in asked)
    assert "picanary ranks with VUS-PR 0.997 and finds 100% of events" in text
    assert "failed" in text


def test_the_bed_stands_in_the_report(tmp_path, detectors, monkeypatch, capsys):
    from trainer.benchmark import compare

    monkeypatch.setattr(compare, "SIMULATED_ROOMS", 1)
    detectors(always=labelled.make_always, picanary=labelled.make_above_25)
    data = write_folder(tmp_path)
    more = ["--groups", "nab_all", "--jobs", "2"]
    assert main(["--data", str(data), "--out", str(tmp_path / "o"), *more]) == 0
    found = figures(tmp_path / "o")
    lines = found["bed"]["always"]
    assert {line["days"] for line in lines} == {1.0, 3.0, 7.0, 14.0}
    assert all(math.isclose(line["recall"], 1.0) for line in lines if line["events"])
    out = capsys.readouterr().out
    assert "The test bed has simulated rooms only." in out
    assert "by kind of fault" in out

    # the summary says what the figures say, for each length and state of history
    rates = {(line["days"], line["history"]): line["false_alarms_per_week"] for line in lines}
    days = (1.0, 3.0, 7.0, 14.0)
    head, always, _ = rows_of(out, "The long test bed: simulated rooms")
    sorts = [(each, history) for history in ("clean", "contaminated") for each in days]
    assert head == ["detector", *(f"{each:g} d {history}" for each, history in sorts)]
    assert always == ["always", *(f"1.000 / {rate(rates[sort])}" for sort in sorts)]
    head, always, _ = rows_of(out, "Label-free false alarms a week on clean data")
    assert head == ["detector", *(f"simulated rooms: {each:g} d" for each in days)]
    assert always == ["always", *(rate(rates[each, "no events"]) for each in days)]
    assert "real" not in "".join(line for line in out.splitlines() if line.startswith("## The long"))

    # what the product finds, by kind after three days and seven
    mine = [line for line in found["bed"]["picanary"] if line["rooms"] == "simulated"]
    head, *kinds = rows_of(out, "The long test bed: what picanary finds")
    assert head[2:] == ["3 d clean", "3 d contaminated", "7 d clean", "7 d contaminated"]
    for row in kinds:
        for day, history, said in zip((3, 3, 7, 7), ("clean", "contaminated") * 2, row[2:], strict=True):
            line = next(line for line in mine if (line["days"], line["history"]) == (day, history))
            hits, of = line["kinds"][row[0].replace(" ", "_")]
            assert said == f"{hits / of:.3f}"

    # and the band where nothing was put in
    head, *band = rows_of(out, "The 90 % band")
    assert head == ["group", "picanary"]
    held_out = {line["days"]: line["coverage"] for line in mine if line["history"] == "no events"}
    assert band[-4:] == [
        [f"test bed, simulated rooms: {day:g} d of clean history", f"{held_out[day]:.3f}"] for day in days
    ]


def rows_of(text, title):
    """The cells of the table with that title, head first, without the rule below it."""
    body = text.split(f"## {title}\n")[1].split("\n## ")[0]
    lines = [line for line in body.splitlines() if line.startswith("|")]
    cells = [[cell.strip() for cell in line.strip("|").split("|")] for line in lines]
    return [cells[0], *cells[2:]]


def test_the_band_has_a_table_for_detectors_that_have_one(folder, tmp_path, detectors, capsys):
    detectors(picanary=labelled.make_above_25, always=labelled.make_always)
    assert run(folder, tmp_path, "--groups", "cellar,calm") == 0
    own = figures(tmp_path)["detectors"]["picanary"]["groups"]
    values, _ = labelled.room(4, event=None)
    calm = float(np.where(values[TRAIN:] > 20, 1.0, 0.5).mean())
    assert own["calm"]["coverage"] == pytest.approx(calm)
    out = capsys.readouterr().out
    assert rows_of(out, "The 90 % band") == [
        ["group", "picanary"],
        *([group, f"{own[group]['coverage']:.3f}"] for group in ("cellar", "calm")),
        ["mean", f"{own['cellar']['coverage']:.3f}"],
    ]
    assert "Stated is 0.90" in out
    detectors(always=labelled.make_always)
    assert run(folder, tmp_path, "--groups", "cellar") == 0
    assert "The 90 % band" not in capsys.readouterr().out
