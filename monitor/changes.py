"""What one commit brings to the store."""

from dataclasses import dataclass, field

from edge.journal.corrections import Correction
from monitor import dating
from monitor.ledger import Ledger
from monitor.message import Judged


@dataclass(slots=True)
class Changes:
    """Device and epoch name a journal."""

    records: list[tuple[str, Judged]] = field(default_factory=list)  # with the device
    events: list[tuple[str, str, int, int, int, bytes]] = field(default_factory=list)  # id, seq, onset, body
    devices: dict[str, dict[str, bytes]] = field(default_factory=dict)  # status, info, health as they came
    ledgers: dict[tuple[str, str], Ledger] = field(default_factory=dict)
    doubted: dict[tuple[str, str, dating.Doubt], dating.Span] = field(default_factory=dict)  # device, epoch
    dated: list[tuple[str, Correction]] = field(
        default_factory=list
    )  # device, what its clock turned out to be

    def note_doubt(self, device: str, epoch: str, doubt: dating.Doubt, seq: int) -> None:
        """A record whose time a later one may know better."""
        first, last = self.doubted.get((device, epoch, doubt), (seq, seq))
        self.doubted[device, epoch, doubt] = min(first, seq), max(last, seq)

    def by_journal(self) -> dict[tuple[str, str], list[Judged]]:
        """The records of each."""
        found: dict[tuple[str, str], list[Judged]] = {}
        for device, judged in self.records:
            found.setdefault((device, judged.record.epoch), []).append(judged)
        return found
