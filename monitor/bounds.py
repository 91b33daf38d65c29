"""How much of everything is kept, and how a store that has more lets the least telling go."""

from collections.abc import Callable, Iterable
from typing import Any

from monitor.changes import Changes
from monitor.device import Device

Run = Callable[..., Any]  # a connection's `execute`

JOURNALS_EACH, JOURNALS_MOST = 500, 50_000  # of a device, and of all
RANGES_EACH, RANGES_MOST = 2000, 200_000  # missing or gone, of a journal, and of all
EVENTS_EACH, EVENTS_MOST = 5000, 500_000  # of a journal, and of all
BOOTS_EACH = 64  # with a doubtful clock, of a journal
# All that the store has of a journal; what people have said of its events stands by the device.
_TABLES = ("tail", "chunks", "summaries", "retired", "events", "doubted")


def share(sizes: Iterable[int], each: int, most: int) -> int:
    """How much one may keep, `each` or a half of it again and again, so that all keep at most `most`."""
    sizes = list(sizes)
    while each > 1 and sum(min(size, each) for size in sizes) > most:
        each //= 2
    return each


def keep_bounds(devices: Iterable[Device], changes: Changes) -> int:
    """Devices forget the journals and gaps that are too many; how many journals and missing records."""
    devices = list(devices)
    most = share((len(device.ledgers) for device in devices), JOURNALS_EACH, JOURNALS_MOST)
    dropped = {(device.id, epoch) for device in devices for epoch in device.forget_journals(most)}
    if dropped:
        changes.drop(dropped)
    ledgers = [((device.id, epoch), each) for device in devices for epoch, each in device.ledgers.items()]
    ranges = [len(each.gaps) + len(each.declared) for _, each in ledgers]
    most = share(ranges, RANGES_EACH, RANGES_MOST)
    forgotten = 0
    for (key, ledger), count in zip(ledgers, ranges, strict=True):
        if count > most:
            forgotten += ledger.trim(most // 2)  # so that it is not full again at once
            changes.ledgers[key] = ledger
    return len(dropped) + forgotten


def forget_journals(run: Run, journals: Iterable[int]) -> None:
    """Journals with all that they hold, within a transaction of the caller's."""
    for journal in journals:
        for table in _TABLES:
            run(f"DELETE FROM {table} WHERE journal = ?", (journal,))  # noqa: S608
        run("DELETE FROM journals WHERE id = ?", (journal,))


def make_way(run: Run, devices: Iterable[str], journals: Iterable[tuple[str, str]]) -> list[int]:
    """Let devices go with all that they have sent, and journals by (device, epoch); gives their ids."""
    gone: list[int] = []
    for device in devices:
        gone += [row[0] for row in run("SELECT id FROM journals WHERE device = ?", (device,))]
        for table in ("devices", "levels", "nearness"):
            run(f"DELETE FROM {table} WHERE device = ?", (device,))  # noqa: S608
    for journal in journals:
        gone += [row[0] for row in run("SELECT id FROM journals WHERE device = ? AND epoch = ?", journal)]
    forget_journals(run, gone)
    return gone


def thin_out(run: Run) -> None:
    """Let the oldest events of a journal go, and the oldest doubts, where there are too many."""
    counts = dict(run("SELECT journal, count(*) FROM events GROUP BY journal").fetchall())
    each = share(counts.values(), EVENTS_EACH, EVENTS_MOST)
    for journal, count in counts.items():
        if count > each:
            query = "DELETE FROM events WHERE journal = ? AND id IN (SELECT id FROM events WHERE journal = ? "
            run(query + "ORDER BY onset_ms, id LIMIT ?)", (journal, journal, count - each))
    for journal, count in run("SELECT journal, count(*) FROM doubted GROUP BY journal").fetchall():
        if count > BOOTS_EACH:
            query = "DELETE FROM doubted WHERE journal = ? AND (boot, clk) IN (SELECT boot, clk FROM doubted "
            query += "WHERE journal = ? ORDER BY last LIMIT ?)"
            run(query, (journal, journal, count - BOOTS_EACH))
