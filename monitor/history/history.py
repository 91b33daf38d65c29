"""The writing half: records into the tail, and a tail that is long enough into chunks and summaries."""

import time
from collections import Counter
from collections.abc import Callable
from typing import Any

from monitor.history import chunks, pyramid, retention
from monitor.history.packing import CHUNK_RECORDS, sorted_by_time, to_row
from monitor.message import Judged

SCHEMA = chunks.SCHEMA + pyramid.SCHEMA + retention.SCHEMA
# The tails of a fleet that was switched on at once fill up at once; nobody should wait for all of them.
PACKED_AT_ONCE = 32

Run = Callable[..., Any]  # a connection's `execute`


class History:
    """Belongs to the writer of the store; every method runs within a transaction of the caller's."""

    def __init__(self, run: Run) -> None:
        self._run = run
        self._loose: Counter[int] = Counter()  # records in the tail, by journal
        self._left = PACKED_AT_ONCE
        self.recount()

    def recount(self) -> None:
        """After a transaction that was undone."""
        self._loose = Counter(dict(self._run("SELECT journal, count(*) FROM tail GROUP BY journal")))

    def forget(self, journals: list[int]) -> None:
        """They have gone."""
        for journal in journals:
            self._loose.pop(journal, None)

    def append(self, journal: int, records: list[Judged]) -> None:
        """Records that the ledger calls new, in any order."""
        if self._loose[journal] + len(records) >= CHUNK_RECORDS and self._left > 0:
            self._pack(journal, records)
        else:
            self._insert(journal, records)

    def pack_some(self) -> bool:
        """Pack the longest tails, if any are worth it and time is left; begin a new count of time."""
        full = [journal for journal, count in self._loose.items() if count >= CHUNK_RECORDS]
        for journal in sorted(full, key=lambda each: -self._loose[each])[: self._left]:
            self._pack(journal, [])
        self._left = PACKED_AT_ONCE
        return any(count >= CHUNK_RECORDS for count in self._loose.values())

    def _insert(self, journal: int, records: list[Judged]) -> None:
        for one in records:
            row = (journal, one.record.seq, one.record.ts_ms, to_row(one))
            self._run("INSERT INTO tail VALUES (?, ?, ?, ?) ON CONFLICT DO NOTHING", row)
        self._loose[journal] += len(records)

    def _pack(self, journal: int, records: list[Judged]) -> None:
        """Whole chunks of the tail and of what comes now, the earliest first; the rest is the tail."""
        self._left -= 1
        loose = chunks.tail(self._run, journal)
        by_seq = {one.record.seq: one for one in (*records, *loose)}
        every = sorted_by_time(by_seq.values())
        whole = len(every) // CHUNK_RECORDS * CHUNK_RECORDS
        if whole:
            self.put(journal, every[:whole])
        self._run("DELETE FROM tail WHERE journal = ?", (journal,))
        self._loose[journal] = 0
        self._insert(journal, every[whole:])

    def put(self, journal: int, records: list[Judged]) -> None:
        """Records in the order of time, past the tail; those that are packed already are left out."""
        seqs = [one.record.seq for one in records]
        had = chunks.known(self._run, journal, (min(seqs), max(seqs)))
        new = [one for one in records if one.record.seq not in had] if had else records
        now_ms = int(time.time() * 1000)
        for block in chunks.keep(self._run, journal, new, now_ms):
            pyramid.add(self._run, journal, block)
