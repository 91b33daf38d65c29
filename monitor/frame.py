"""A live frame: what one commit changed, in few bytes for every page, and whole for who looks at one room."""

from collections.abc import Mapping
from typing import Any

import msgspec

from monitor.fleet import News
from monitor.live import Frame
from monitor.outline import outline_news, summary_news
from monitor.shown_event import event_to_page

RECORDS_MOST = 200  # of a device; a page that gets more loads its range again

Summaries = Mapping[str, dict[str, Any]]


def make_frame(news: News, before: Summaries, after: Summaries) -> Frame:
    """`before` and `after` are summaries by device; `after` may hold only those that changed."""
    everyone = {
        "devices": [outline_news(before.get(each), after[each]) for each in after],
        "events": {
            each: [event_to_page(event, after[each]) for event in events]
            for each, events in news.events.items()
            if each in after
        },
        "dated": sorted(news.dated),
    }
    return Frame(msgspec.json.encode(everyone), {each: _whole(each, news, before, after) for each in after})


def _whole(device: str, news: News, before: Summaries, after: Summaries) -> bytes:
    """For a page on which that device is open."""
    records = news.records.get(device, ())[-RECORDS_MOST:]
    whole = {
        "device": summary_news(before.get(device), after[device]),
        "records": [judged.to_page() for judged in records],
        "more": len(news.records.get(device, ())) - len(records),
    }
    return msgspec.json.encode(whole)
