"""A device in a list: the part of its summary that every page gets of all, and what of it changed."""

from collections.abc import Mapping
from typing import Any

Table = dict[str, Any]

_PLAIN = ("condition", "presence", "heard_ms")
_NEWEST = ("ts_ms", "state", "score", "values", "sim", "model")
_INFO = ("period_s", "channels", "sim", "model")


def outline(summary: Mapping[str, Any]) -> Table:
    """Keys as in the summary, but fewer: no sentence, no expectation, no journals, no health."""
    made: Table = {"id": summary["id"], **{name: summary[name] for name in _PLAIN}}
    for key, names in (("newest", _NEWEST), ("info", _INFO)):
        whole = summary[key]
        made[key] = None if whole is None else {name: whole[name] for name in names}
    made["counts"] = summary["counts"]
    return made


def outline_news(before: Mapping[str, Any] | None, after: Mapping[str, Any]) -> Table:
    """What differs in the outlines, with the id; tables hold only those of their keys that differ."""
    if before is None:
        return outline(after)
    news: Table = {"id": after["id"]}
    news |= {name: after[name] for name in _PLAIN if after[name] != before[name]}
    for key, names in (("newest", _NEWEST), ("info", _INFO), ("counts", tuple(after["counts"]))):
        changed = _changed(before[key], after[key], names)
        if changed is not None:
            news[key] = changed
    return news


def hear(known: dict[str, Table], news: Table) -> bool:
    """News into outlines by id, as static/shell/known.js does it; False when too little is known for them."""
    device = known.get(news["id"])
    if device is None:
        if not news.get("counts") or "presence" not in news:
            return False
        known[news["id"]] = news
        return True
    for key, value in news.items():
        is_part = key in ("newest", "info", "counts") and value and device[key]
        device[key] = {**device[key], **value} if is_part else value
    return True


def summary_news(before: Mapping[str, Any] | None, after: Mapping[str, Any]) -> Table:
    """What differs in whole summaries, with the id: each part that has changed, whole."""
    if before is None:
        return dict(after)
    news = {key: value for key, value in after.items() if value is not before[key] and value != before[key]}
    if "journals" in news and _lost(news["journals"]) == _lost(before["journals"]):
        del news["journals"]  # their last numbers grow with every record, and nobody looks
    return {"id": after["id"], **news}


def _changed(before: Table | None, after: Table | None, names: tuple[str, ...]) -> Table | None:
    if after is before or after is None:
        return None
    if before is None:
        return {name: after[name] for name in names}
    return {name: after[name] for name in names if after[name] != before[name]} or None


def _lost(journals: Mapping[str, Table]) -> Table:
    return {epoch: (one["missing"], one["gone"]) for epoch, one in journals.items()}
