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
    forgotten: list[str] = field(default_factory=list)  # devices that have made way, with all they sent
    dropped: list[tuple[str, str]] = field(default_factory=list)  # journals that have

    def note_doubt(self, device: str, epoch: str, doubt: dating.Doubt, seq: int) -> None:
        """A record whose time a later one may know better."""
        first, last = self.doubted.get((device, epoch, doubt), (seq, seq))
        self.doubted[device, epoch, doubt] = min(first, seq), max(last, seq)

    def drop(self, journals: set[tuple[str, str]]) -> None:
        """They go, with what has just come of them."""
        self.dropped += sorted(journals)
        self.records = [one for one in self.records if (one[0], one[1].record.epoch) not in journals]
        self.events = [row for row in self.events if row[:2] not in journals]
        self.ledgers = {key: ledger for key, ledger in self.ledgers.items() if key not in journals}
        self.doubted = {key: span for key, span in self.doubted.items() if key[:2] not in journals}

    def by_journal(self) -> dict[tuple[str, str], list[Judged]]:
        """The records of each."""
        found: dict[tuple[str, str], list[Judged]] = {}
        for device, judged in self.records:
            found.setdefault((device, judged.record.epoch), []).append(judged)
        return found
