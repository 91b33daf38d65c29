"""What a record costs in the journal, on a real disk, checkpoints and all."""

import time
from pathlib import Path

from edge.journal import COMMIT_RECORDS, Journal
from tests.bench.machine import file_system
from tests.bench.part import Part, Row, below
from tests.bench.records import a_day, days
from tests.bench.workplace import Workplace

RECORDS = 20_000


def measure(place: Workplace) -> Part:
    """Time and bytes of a record that the agent made."""
    day = a_day(place.bundle, "0" * 16)
    bodies = list(days(day, RECORDS))
    size = sum(map(len, bodies)) / RECORDS
    kind = file_system(place.folder)[0]
    rows = []
    for together in (COMMIT_RECORDS, 5):
        cpu_us, wall_us, written = _keep(place.fresh("journal"), bodies, together)
        how = (
            f"{size:.0f} bytes of JSON, {together} a commit"
            + (
                " (the default)"
                if together == COMMIT_RECORDS
                else " (one reading in 2 s: 10 s are over first)"
            )
            + f", full fsync, {kind}"
        )
        rows.append(
            Row(
                f"one record in the journal, {together} a commit",
                f"{cpu_us:.0f} µs CPU",
                f"{how}; {wall_us:.0f} µs of wall",
            )
        )
        asked = below(written, 700, "bytes") if together == COMMIT_RECORDS else {}
        rows.append(
            Row(
                "bytes written to disk for it",
                f"{written:,.0f}",
                "the kernel's write_bytes; checkpoints included",
                **asked,
            )
        )
    return Part("Journal", rows)


def _keep(folder: Path, bodies: list[bytes], together: int) -> tuple[float, float, float]:
    """Microseconds of CPU and of wall, and bytes written, a record."""
    journal = Journal(folder / "journal.db", commit_s=1e9, commit_records=together)
    written, cpu, wall = _written(), time.process_time(), time.perf_counter()
    for seq, body in enumerate(bodies, 1):
        journal.append(body)
        journal.mark_sent(seq - together)  # as when a broker has what was committed before
    journal.close()
    spent = time.process_time() - cpu, time.perf_counter() - wall, _written() - written
    return 1e6 * spent[0] / RECORDS, 1e6 * spent[1] / RECORDS, spent[2] / RECORDS


def _written() -> int:
    """Bytes that this process gave the file system to write."""
    lines = Path("/proc/self/io").read_text().splitlines()
    return int(next(line.split()[1] for line in lines if line.startswith("write_bytes")))
