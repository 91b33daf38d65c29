"""The comparison for people and programs: Markdown, JSON, and one HTML page without network."""

import base64
import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from markupsafe import Markup

from trainer.benchmark.comparison import Comparison
from trainer.benchmark.panels import MEAN, rule, tables
from trainer.benchmark.pictures import alarm_scatter, png, ranking_bars
from trainer.benchmark.registry import PRODUCT
from trainer.benchmark.sheet import rate, share
from trainer.page import render


@dataclass(frozen=True, slots=True)
class Picture:
    """A picture with its caption, as it stands in the page."""

    title: str
    caption: str
    source: str


def write(out: Path, comparison: Comparison) -> None:
    """benchmark.json, benchmark.md and benchmark.html into the folder."""
    text = json.dumps(comparison.as_json(), indent=1, allow_nan=False)
    (out / "benchmark.json").write_text(text + "\n", encoding="utf-8")
    (out / "benchmark.md").write_text(markdown(comparison), encoding="utf-8")
    (out / "benchmark.html").write_text(html(comparison), encoding="utf-8")


def markdown(comparison: Comparison) -> str:
    """All tables as Markdown."""
    parts = ["# Benchmark", verdict(comparison), rule(comparison), *comparison.notes]
    for table in tables(comparison):
        parts += [f"## {table.title}", table.says, _markdown_rows(table.rows)]
    if comparison.failures:
        parts += ["## Failed", "\n".join(f"- {line}" for line in _failures(comparison))]
    return "\n\n".join(part for part in parts if part) + "\n"


def html(comparison: Comparison) -> str:
    """The page; everything is in it."""
    return render(
        Path(__file__).with_name("report.html.jinja"),
        verdict=verdict(comparison),
        rule=" ".join([rule(comparison), *comparison.notes]),
        failures=_failures(comparison),
        tables=tables(comparison),
        pictures=_pictures(comparison),
        product=PRODUCT,
        mean=MEAN,
    )


def verdict(comparison: Comparison) -> str:
    """The comparison in one sentence: the product beside the best of the others, by VUS-PR."""
    said = {}
    for detector in comparison.detectors:
        cell = comparison.mean(detector)
        ranks, found, alarms = (cell[n] for n in ("vus_pr", "event_recall", "false_alarms_per_week"))
        if ranks is not None and found is not None and alarms is not None and not cell.failed:
            words = f"{detector} ranks with VUS-PR {share(ranks)} and finds {found:.0%} of events"
            said[detector] = (ranks, f"{words} at {rate(alarms)} false alarms a week")
    others = [found for detector, found in said.items() if not detector.startswith(PRODUCT)]
    sentences = [said[PRODUCT][1]] if PRODUCT in said else []
    if others:
        sentences.append(f"{'best of the others, by rank: ' if sentences else ''}{max(others)[1]}")
    return "; ".join(sentences) + "." if sentences else "No detector was measured on labelled events."


def _failures(comparison: Comparison) -> list[str]:
    return [f"{detector} on {title}: {why}" for (detector, title), why in comparison.failures.items()]


def _pictures(comparison: Comparison) -> list[Picture]:
    if not comparison.counted:
        return []
    return [
        Picture(
            "How well the scores rank",
            "VUS-PR of each group and the mean. Higher is better; 1 ranks every anomaly above all else.",
            _inline(png(ranking_bars(comparison))),
        ),
        Picture(
            "What the alarms are worth",
            "Each detector at its own alarm level, which knows no labels: large its mean, small its groups. "
            "High and left is good.",
            _inline(png(alarm_scatter(comparison))),
        ),
    ]


def _inline(data: bytes) -> str:
    text = base64.b64encode(data).decode("ascii")
    return Markup(f"data:image/png;base64,{text}")  # noqa: S704 - base64 has nothing to escape


def _markdown_rows(rows: Sequence[Sequence[str]]) -> str:
    widths = [max(len(row[c]) for row in rows) for c in range(len(rows[0]))]
    lines = [
        "| " + " | ".join(text.ljust(w) for text, w in zip(row, widths, strict=True)) + " |" for row in rows
    ]
    lines.insert(1, "|" + "|".join("-" * (w + 2) for w in widths) + "|")
    return "\n".join(lines)
