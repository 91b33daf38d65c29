"""NAB's score against its definition, row by row, and against numbers that NAB's own code gave.

REFERENCE was made with nab/sweeper.py of github.com/numenta/NAB at commit ea702d7: its Sweeper scored
`corpus()` with the three cost matrices of config/profiles.json, the threshold was the best one of
`calcScoreByThreshold` over all rows (as nab/optimizer.py does it), the sum over files came from
`scoreDataSet`, and was scaled as nab/runner.py does it. On the results that the repository keeps of
the detectors windowedGaussian, relativeEntropy, numenta and ARTime this module agrees with
results/final_results.json to 1e-10 at the thresholds published with them.
"""

import itertools
import math
import time

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from trainer.benchmark.nab import PROFILES, NabSeries, nab_scores, probation, scaled_sigmoid

SCORES = st.sampled_from([0.0, 0.5, 1.0, 1.5, 40.0, math.nan])

REFERENCE = {
    "standard": 40.88817654549861,
    "reward_low_FP_rate": 24.08313118996353,
    "reward_low_FN_rate": 49.028752373235896,
}
# at the thresholds of OWN
REFERENCE_OWN = {
    "standard": -0.7052687061532973,
    "reward_low_FP_rate": -91.36639756397328,
    "reward_low_FN_rate": 31.09639509578985,
}
OWN = {"a": 0.9, "b": 0.99, "c": 1.0, "d": 0.5}


def corpus():
    """Four files: long and short, with a window at the end, one in the probation, and none."""
    files = {
        "a": (humming(400, 7919, 101), [(100, 140), (300, 330)]),
        "b": (humming(6000, 104729, 211), [(740, 800), (3000, 3600), (5900, 6000)]),
        "c": (humming(250, 31, 53), []),
        "d": (humming(120, 3, 7), [(10, 15), (60, 63)]),
    }
    for score, windows in files.values():
        for start, stop in windows[::2]:
            score[(start + stop) // 2], score[stop - 1] = 0.995, 0.999
    return {name: series(score, windows) for name, (score, windows) in files.items()}


def humming(n, factor, modulus):
    return [((row * factor + 13) % modulus) / modulus for row in range(n)]


def series(score, windows):
    return NabSeries(np.array(score, float), tuple(windows), probation(len(score)))


@st.composite
def corpora(draw):
    """One to three short files with ties, and windows of one row and more, some in the probation."""
    files = {}
    for name in "abc"[: draw(st.integers(1, 3))]:
        n = draw(st.integers(1, 40))
        edges = sorted(draw(st.sets(st.integers(0, n), max_size=6)))
        windows = list(zip(edges[::2], edges[1::2], strict=False))
        files[name] = series(draw(st.lists(SCORES, min_size=n, max_size=n)), windows)
    return files


def naive_raw(file, threshold, profile):
    """Raw score of one file as the definition says it, row by row."""
    found, false = {}, 0.0
    for row, score in enumerate(file.score):
        if row < file.probation:
            continue
        inside = [w for w in file.windows if w[0] <= row < w[1]]
        before = [w for w in file.windows if w[1] <= row]
        if inside:
            start, stop = inside[0]
            worth = naive_sigmoid(-(stop - row) / (stop - start)) / naive_sigmoid(-1.0)
            best = found.get(inside[0], -profile.false_negative)
            found[inside[0]] = max(best, worth) if score >= threshold else best
        elif score >= threshold:
            false += profile.false_positive * (naive_after(row, *before[-1]) if before else -1.0)
    return sum(found.values()) + false


def naive_after(row, start, stop):
    length = stop - 1 - start
    return naive_sigmoid((row - (stop - 1)) / length) if length else -1.0


def naive_sigmoid(position):
    return -1.0 if position > 3.0 else 2.0 / (1.0 + math.exp(5.0 * position)) - 1.0


def naive_scores(files, thresholds=None):
    scores = {}
    windows = sum(len(file.windows) for file in files.values())
    levels = {math.inf, *(s for file in files.values() for s in file.score if not math.isnan(s))}
    for name, profile in PROFILES.items():
        silence = sum(naive_raw(file, math.inf, profile) for file in files.values())
        if thresholds is None:
            raw = max(sum(naive_raw(file, level, profile) for file in files.values()) for level in levels)
        else:
            raw = sum(naive_raw(file, thresholds[key], profile) for key, file in files.items())
        scores[name] = 100.0 * (raw - silence) / (windows - silence)
    return scores


@given(corpora())
def test_the_sweep_finds_what_trying_each_threshold_finds(files):
    if any(file.windows for file in files.values()):
        assert nab_scores(files) == pytest.approx(naive_scores(files), abs=1e-9)


@given(corpora(), st.lists(st.sampled_from([0.0, 0.7, 1.0, 50.0]), min_size=3, max_size=3))
def test_own_thresholds_are_scored_as_they_stand(files, levels):
    own = dict(zip("abc", levels, strict=True))
    if any(file.windows for file in files.values()):
        assert nab_scores(files, own) == pytest.approx(naive_scores(files, own), abs=1e-9)


def test_a_corpus_scores_as_nabs_own_code_scores_it():
    assert nab_scores(corpus()) == pytest.approx(REFERENCE, abs=1e-9)


def test_a_corpus_at_given_thresholds_scores_as_nabs_own_code_scores_it():
    assert nab_scores(corpus(), OWN) == pytest.approx(REFERENCE_OWN, abs=1e-9)


@given(corpora())
def test_only_the_order_of_scores_matters(files):
    if not any(file.windows for file in files.values()):
        return
    other = {name: NabSeries(np.expm1(f.score) - 3.0, f.windows, f.probation) for name, f in files.items()}
    assert nab_scores(other) == pytest.approx(nab_scores(files), abs=1e-9)


def test_silence_is_worth_0_and_the_first_row_of_each_window_100():
    silent, perfect = np.zeros(1000), np.zeros(1000)
    windows = ((300, 350), (700, 800))
    perfect[[300, 700]] = 1.0
    assert nab_scores({"x": NabSeries(silent, windows, 150)}, {"x": 0.5}) == dict.fromkeys(PROFILES, 0.0)
    assert nab_scores({"x": NabSeries(perfect, windows, 150)}) == pytest.approx(
        dict.fromkeys(PROFILES, 100.0)
    )


def test_an_early_find_is_worth_more_than_a_late_one():
    def found_at(row):
        score = np.zeros(1000)
        score[row] = 1.0
        return nab_scores({"x": NabSeries(score, ((300, 400),), 150)})["standard"]

    values = [found_at(row) for row in range(300, 400)]
    assert all(a > b for a, b in itertools.pairwise(values))


def test_a_false_alarm_costs_more_the_later_it_follows_a_window():
    def at(row):
        score = np.zeros(1000)
        score[[300, row]] = 1.0
        return nab_scores({"x": NabSeries(score, ((300, 340),), 150)}, {"x": 0.5})["standard"]

    assert at(341) > at(360) > at(400) > at(900) == at(200) == pytest.approx(100.0 - 11.0 / 2)


def test_rows_in_the_probation_are_not_judged():
    calm = np.zeros(100)
    wild = calm.copy()
    wild[:15] = 9.0
    files = [{"x": NabSeries.labelled(score, np.arange(100) // 10 == 5)} for score in (calm, wild)]
    assert nab_scores(files[0], {"x": 1.0}) == nab_scores(files[1], {"x": 1.0})


@pytest.mark.parametrize(("n", "rows"), [(0, 0), (6, 0), (7, 1), (4032, 604), (5000, 750), (22695, 750)])
def test_the_probation_is_15_percent_of_a_file_and_750_rows_at_most(n, rows):
    assert probation(n) == rows


def test_windows_are_the_runs_of_labels():
    labels = [0, 0, 1, 1, 0, 1, 0]
    assert NabSeries.labelled(np.zeros(7), labels).windows == ((2, 4), (5, 6))


def test_the_sigmoid_has_the_values_that_nab_states():
    np.testing.assert_allclose(
        scaled_sigmoid([-1.0, -0.5, 0.0, 1.0, 3.1]), [0.98661, 0.84828, 0.0, -0.98661, -1.0], atol=1e-5
    )


@pytest.mark.parametrize("windows", [((5, 3),), ((0, 4), (3, 6)), ((8, 11),), ((4, 4),)])
def test_impossible_windows_are_refused(windows):
    with pytest.raises(ValueError, match="do not follow each other in 10 rows"):
        NabSeries(np.zeros(10), windows, 1)


def test_a_corpus_without_windows_has_no_score():
    with pytest.raises(ValueError, match="nothing to find"):
        nab_scores({"x": series([1.0, 2.0], [])})


def test_a_corpus_of_nabs_size_takes_a_moment():
    rng = np.random.default_rng(1)
    files = {str(number): series(rng.random(6300), [(2000, 2400), (4000, 4300)]) for number in range(58)}
    began = time.monotonic()
    nab_scores(files)
    assert time.monotonic() - began < 10.0


@pytest.mark.data
def test_the_labelled_corpus_has_nabs_windows_and_probation(climate):
    from trainer.benchmark.series import read_index

    files = read_index(climate, ["nab_all"])
    made = [NabSeries.labelled(np.zeros(len(each.ts_ms)), each.labels) for each in files]
    assert len(files) == 58
    assert sum(len(each.windows) for each in made) == 116  # as in NAB's combined_windows.json
    assert [each.probation for each in made] == [each.train for each in files]
