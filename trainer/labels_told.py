"""What the report says of labelled alarms: each before and after, and what that is worth."""

from collections.abc import Mapping
from typing import Any

PEOPLE = {"true_alarm": "true alarm", "false_alarm": "false alarm", "missed": "missed alarm"}


def labels_told(metrics: Mapping[str, Any]) -> dict[str, Any] | None:
    """`labels` of metrics.json for a person; None where nobody said anything. Raises KeyError, TypeError."""
    labels = metrics.get("labels")
    if labels is None:
        return None
    sentence = labels["sentence"] or "none of them could be tried"
    return {
        "sentence": f"{sentence[0].upper()}{sentence[1:]}.",
        "lines": [_honest(labels), _levels(metrics, labels)],
        "events": [_event(each) for each in labels["events"]],
    }


def _honest(labels: Mapping[str, Any]) -> str:
    of, learnt = labels["false_alarm"]["of"], labels["learnt_from"]
    return (
        "These alarms took part in the training, so that this is no promise for alarms to come, and the "
        "later part under Measures, where some of them may lie, is no longer unseen. The readings of false "
        f"alarms count as normal: the network learnt from {learnt} of them, and the alarm levels were set by "
        f"all {of} that could be tried. The readings of true and missed alarms were left out, and no level "
        "rose so far that one of those that rang fell silent."
    )


def _levels(metrics: Mapping[str, Any], labels: Mapping[str, Any]) -> str:
    raised, alone = labels["levels_raised"], labels["false_alarm"]
    if not raised:
        return "No alarm level had to rise for them."
    signals = ", ".join(f"{name.replace('_', ' ')} times {by:.2g}" for name, by in raised.items())
    before, gone = labels["unheeded"]["events_found"], alone["as_wanted_unheeded"]
    return (
        f"Levels that rose: {signals}. Without that, {gone} of the {alone['of']} false alarms would be gone. "
        f"The price: of the {metrics['events']} faults under Measures {metrics['events_found']} are found, "
        f"at the lower levels it was {before}."
    )


def _event(event: Mapping[str, Any]) -> dict[str, Any]:
    then, after = event["then"], event["now"]
    height = event["times_the_level"]
    level = "" if height is None else f", {height:.2g} times the alarm level"
    missed = event["verdict"] == "missed"
    return {
        "when": event["when"].removesuffix(" UTC"),
        "lasted": event["lasted"],
        "people": PEOPLE[event["verdict"]],
        "note": event["note"],
        "before": "no alarm" if missed else _alarm(then),
        "said": then["why"],
        "after": f"{after}{level}",
        "says": event["says"],
        "tried": event["rings"] is not None,
        "good": event["rings"] is not None and event["rings"] == (event["verdict"] != "false_alarm"),
    }


def _alarm(then: Mapping[str, Any]) -> str:
    score = "" if then["score"] is None else f", score {then['score']:.2f}"
    return f"alarm{score}" + (f" ({then['model']})" if then["model"] else "")
