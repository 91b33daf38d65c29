"""What a demo came to: readings from the agent's journal and the monitor's ledger, faults, alarms."""

import json
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from deploy.tally import Tally, tally
from edge.journal import Journal
from edge.message import BATCH_BYTES, decode


@dataclass(frozen=True, slots=True)
class Summary:
    """Readings and faults of one demo."""

    taken: int
    received: int
    missing: int
    tally: Tally

    def failure(self) -> str | None:
        """Why the demo did not work, or None when it did."""
        faults, found = self.tally.faults, self.tally.found
        if self.received == 0:
            return "no reading reached the monitor"
        if self.missing:
            return f"{self.missing} of {self.taken} readings did not reach the monitor"
        if faults == 0:
            return "no fault was put in that the model could have judged; let the demo run longer"
        if 2 * found < faults:
            return f"only {found} of {faults} faults were found, at least half must be"
        return None

    def lines(self) -> list[str]:
        """For a person, a figure a line."""
        unjudged = self.tally.unjudged
        note = f"  (and {unjudged} before the first verdict or cut short by the end)" if unjudged else ""
        return [
            f"readings taken     {self.taken}",
            f"readings received  {self.received}",
            f"readings missing   {self.missing}",
            f"faults put in      {self.tally.faults}{note}",
            f"faults found       {self.tally.found}",
            f"false alarms       {self.tally.false_alarms}",
        ]

    def to_json(self) -> str:
        """For a program, in a line."""
        flat = {name: value for name, value in asdict(self).items() if name != "tally"}
        return json.dumps({**flat, **asdict(self.tally), "failure": self.failure()})


def summarise(journal: Path, ledger: dict[str, Any] | None, speed: float) -> Summary:
    """From the journal of an agent that has ended, and what the monitor's API says of its device.

    A reading that the monitor has not got counts as missing, whether or not it noticed. Raises
    JournalError.
    """
    opened = Journal(journal)
    try:
        taken = opened.count()
        counted = tally(_records(opened), speed)
    finally:
        opened.close()
    counts = (ledger or {}).get("counts", {})
    received = int(counts.get("received", 0))
    missing = max(int(counts.get("missing", 0)), taken - received)
    return Summary(taken, received, missing, counted)


def _records(journal: Journal) -> Iterator[dict[str, Any]]:
    last = 0
    while rows := journal.after(last, 1000, 20 * BATCH_BYTES):
        yield from (decode(body) for _, body in rows)
        last = rows[-1][0]
