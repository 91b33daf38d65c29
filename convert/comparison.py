"""`python -m convert RUN --compare`: what each format costs and changes, in one table, and which to take."""

import sys
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from typing import Any

from convert import runtimes, verify
from convert.conversion import difference, export, windows_of
from convert.runtimes import Loading
from convert.tflite import FORMATS
from convert.verify import Agreement
from edge.detection.calibration import calibrate
from edge.detection.scorer import Answers
from trainer.run import Run

# A format that answers otherwise must be this much smaller or faster to be worth it.
WORTH = 2.0


@dataclass(frozen=True, slots=True)
class Row:
    """One format."""

    form: str
    size: int  # bytes of the model file
    load_ms: float
    median_us: float  # of one window
    p99_us: float
    difference: float  # largest, from Keras
    agreement: Agreement
    loadings: tuple[Loading, ...]  # in this machine's runtime, and in tflite-runtime 2.14

    @property
    def fits(self) -> bool:
        """Whether it may be chosen: it loads everywhere, and its flags are the model's."""
        return self.agreement.holds and all(loading.refused is None for loading in self.loadings)

    def to_json(self) -> dict[str, Any]:
        """For programs."""
        return {
            "format": self.form,
            "bytes": self.size,
            "load_ms": round(self.load_ms, 3),
            "window_us": {"median": round(self.median_us, 1), "p99": round(self.p99_us, 1)},
            "largest_difference": self.difference,
            "same_flags": self.agreement.share,
            "readings_judged": self.agreement.readings,
            "alarms": self.agreement.alarms,
            "alarms_of_keras": self.agreement.trained_alarms,
            "runtimes": [{"loads": each.refused is None, **asdict(each)} for each in self.loadings],
        }

    def __str__(self) -> str:
        """A line of the table, under `head`."""
        here, old = self.loadings
        loads = f"{here!s:{len(here.runtime)}}  {old}"
        alarms = f"{self.agreement.alarms} to {self.agreement.trained_alarms}"
        return (
            f"{self.form:14} {self.size:6} {self.load_ms:8.2f} {self.median_us:9.1f} {self.p99_us:6.1f} "
            f"{self.difference:10.2g} {self.agreement.share:10.3%} {alarms:>9}  {loads}"
        )


def head(row: Row) -> str:
    """The line above the rows, of which this is one."""
    here, old = row.loadings
    return (
        f"{'format':14} {'bytes':>6} {'load ms':>8} {'window µs':>9} {'99 %':>6} {'from Keras':>10} "
        f"{'same flags':>10} {'alarms':>9}  {here.runtime}  {old.runtime}"
    )


def rows(run: Run, false_alarms_per_week: float, old_python: str | None) -> Iterator[Row]:
    """Each format, exported and measured; `old_python` has tflite-runtime. Raises PicanaryError."""
    from trainer.fit import KerasNetwork  # TensorFlow: seconds to import

    windowing, inputs = run.habits.windowing, windows_of(run)
    few = verify.golden_inputs(inputs)
    trained = KerasNetwork(run.model)

    def flags(network: Answers) -> verify.Flags:
        settings = calibrate(run.history, run.habits, network, false_alarms_per_week, run.fleet)
        return verify.flags(run.history, network, windowing, settings)

    theirs = flags(trained)
    for form in FORMATS:
        model, network = export(run, form, inputs)
        away = difference(form, network, trained, inputs)
        old = runtimes.old(model, old_python, few, windowing.outputs)
        agreement = verify.agree(flags(network), theirs)
        here = runtimes.probe(sys.executable, model, few, windowing.outputs)
        yield Row(
            form, len(model), here.load_ms, here.median_us, here.p99_us, away, agreement, (here.loading, old)
        )


def choose(table: list[Row]) -> tuple[str | None, str]:
    """The format to take, and why in a sentence."""
    fitting = [row for row in table if row.fits]
    if not fitting:
        return None, "no format loads in both runtimes and judges as the trained model does"
    plain = {row.form: row for row in fitting}.get("float32")
    if plain is None:
        nearest = min(fitting, key=lambda row: row.difference)
        return nearest.form, f"of those that load in both its answers are nearest ({nearest.difference:.2g})"
    others = [row for row in fitting if row is not plain]
    if not others:
        return plain.form, "the only one that loads in both runtimes and judges as the trained model does"
    best = max(others, key=lambda row: gain(row, plain))
    if gain(best, plain) >= WORTH:
        return (
            best.form,
            f"it {saves(best, plain)}, and {best.agreement.share:.2%} of its flags are the model's",
        )
    return plain.form, (
        f"answers as the trained model does and loads in both runtimes; {best.form} {saves(best, plain)}: "
        "less than half would be worth answers that differ"
    )


def gain(row: Row, plain: Row) -> float:
    """How many times smaller, or faster if that is more."""
    return max(plain.size / row.size, plain.median_us / row.median_us)


def saves(row: Row, plain: Row) -> str:
    """The same in words."""
    return (
        f"takes {row.size / 1024:.0f} KiB where float32 takes {plain.size / 1024:.0f}, "
        f"and {row.median_us:.0f} µs a window where that takes {plain.median_us:.0f}"
    )
