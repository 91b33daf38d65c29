"""A run's report: one HTML file without network, for the person who decides whether to trust the model."""

import base64
import json
import shlex
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from markupsafe import Markup

from edge.errors import RecordingError
from trainer.labels_told import labels_told
from trainer.measures import MEASURES, verdict
from trainer.page import render


@dataclass(frozen=True, slots=True)
class Picture:
    """A plot with its caption, as it stands in the page."""

    title: str
    caption: str
    source: str


CAPTIONS = {
    "series": (
        "The series, judged",
        "Each channel on the band that the model expected. Red: flagged. Amber: true faults. "
        "Below: some of them close by.",
    ),
    "error": (
        "Reconstruction error and threshold",
        "How surprising each reading was, 1 at the alarm threshold. The scale is logarithmic.",
    ),
    "histogram": ("Histogram of errors", "The further the two heaps lie apart, the easier the alarm."),
    "precision_recall": (
        "Precision and recall",
        "What other thresholds would give, reading by reading. The dot is where this model works; an "
        "alarm outlasts the score that raised it, so the dot may lie off the line.",
    ),
    "loss": (
        "Loss",
        "On the data trained on, and on later data held out. Validation that climbs while training "
        "falls means that the model learns by heart.",
    ),
}


def write_report(run: Path) -> Path:
    """Write `report.html` into the run folder, from its metrics, settings and plots, and return its path.

    Raises RecordingError where the folder is no run or a file in it is damaged.
    """
    metrics, settings = _table(run, "metrics.json"), _table(run, "settings.json")
    try:
        page = _page(run, metrics, settings)
    except (KeyError, TypeError, AttributeError, ValueError) as error:
        raise RecordingError(
            f"{run}: metrics.json or settings.json is not of the expected form ({error}); train again"
        ) from error
    path = run / "report.html"
    path.write_text(page, encoding="utf-8")
    return path


def _table(run: Path, name: str) -> dict[str, Any]:
    path = run / name
    if not path.is_file():
        raise RecordingError(f"{run}: not a run (no {name} in it); make one with: python -m trainer")
    try:
        table = json.loads(path.read_text(encoding="utf-8"))
    except ValueError as error:
        raise RecordingError(f"{path}: damaged ({error}); train again") from error
    if not isinstance(table, dict):
        raise RecordingError(f"{path}: damaged (not a JSON object); train again")
    return table


def _page(run: Path, metrics: dict[str, Any], settings: dict[str, Any]) -> str:
    data = dict(settings.get("data", {}))
    return render(
        Path(__file__).with_name("report.html.jinja"),
        name=settings["name"],
        verdict=verdict(metrics),
        evaluated_on=metrics.get("evaluated_on", ""),
        found=data.pop("found", []),
        labels=labels_told(metrics),
        measures=[(m.name, m.said(metrics), m.meaning) for m in MEASURES],
        kinds={k.replace("_", " "): count for k, count in (metrics.get("by_kind") or {}).items()},
        pictures=_pictures(run / "plots"),
        sections={"data": data, **_sections(settings)},
        everything=json.dumps(settings, indent=1, ensure_ascii=False),
        convert=f"python -m convert {shlex.quote(str(run))}",
    )


def _sections(settings: Mapping[str, Any]) -> dict[str, dict[str, Any]]:
    """The settings that a person asks for, in tables of names and values."""
    model = {key: settings[key] for key in ("architecture", "seed") if key in settings}
    sections = {"model": {**model, **settings.get("window", {})}}
    for key in ("training", "split", "versions"):
        sections[key] = dict(settings.get(key, {}))
    return {
        key: {name.replace("_", " "): _plain(value) for name, value in section.items()}
        for key, section in sections.items()
        if section
    }


def _plain(value: object) -> str:
    """A value of settings.json without its brackets."""
    if isinstance(value, dict):
        return ", ".join(f"{name} {_plain(part)}" for name, part in value.items())
    if isinstance(value, list):
        return ", ".join(map(_plain, value))
    return f"{value:g}" if isinstance(value, float) else str(value)


def _pictures(folder: Path) -> list[Picture]:
    """All plots of the folder, the known ones first and in the order of reading."""
    order = list(CAPTIONS)
    paths = sorted(
        folder.glob("*.png"),
        key=lambda path: (order.index(path.stem) if path.stem in order else 99, path.stem),
    )
    pictures = []
    for path in paths:
        title, caption = CAPTIONS.get(path.stem, (path.stem.replace("_", " ").capitalize(), ""))
        data = base64.b64encode(path.read_bytes()).decode("ascii")
        pictures.append(Picture(title, caption, Markup(f"data:image/png;base64,{data}")))  # noqa: S704 - base64 has nothing to escape
    return pictures
