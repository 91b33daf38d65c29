"""Times that no clock can have: whoever may publish may name any, and it harms nobody else."""

import json
from pathlib import Path
from typing import Any

import pytest

from monitor.ingest import Ingest
from monitor.live import Live
from monitor.message import TIME_MOST, Malformed, decode_record
from monitor.store import Store
from tests.monitor import test_dating
from tests.monitor.messages import NOON, event, record
from tests.monitor.test_dating import LONG_AGO, OFFSET, Bench, taken

bench = test_dating.bench
YEAR_MS = 365 * 86_400_000


def batch(*records: dict[str, Any]) -> bytes:
    """A `data` message, whether it keeps the contract or not."""
    return json.dumps({"v": 1, "records": list(records)}).encode()


def beyond(seq: int, mono_ms: int = 2 * YEAR_MS) -> dict[str, Any]:
    """A record that the clock of `at_the_end` dates out of Time."""
    return record(seq, clk="unsynced", ts_ms=0, mono_ms=mono_ms)


def at_the_end(seq: int) -> dict[str, Any]:
    return record(seq, ts_ms=TIME_MOST - YEAR_MS, mono_ms=0)


@pytest.mark.parametrize("mono_ms", [-1, 2**43 + 1, TIME_MOST, 2**63, 10**19])
def test_a_monotonic_time_that_no_boot_can_have_is_malformed(mono_ms: int) -> None:
    with pytest.raises(Malformed, match="mono_ms"):
        decode_record(json.dumps(record(1, mono_ms=mono_ms)).encode())
    decode_record(json.dumps(record(1, mono_ms=2**43)).encode())


def test_a_correction_out_of_time_is_not_made_and_the_monitor_starts_again(bench: Bench) -> None:
    bench.take(leaf="event", payload=event(2, "start", 2, ts_ms=0, onset_ms=0))
    bench.take(payload=batch(beyond(2)))
    bench.take(payload=batch(at_the_end(1)))
    assert bench.times() == {1: TIME_MOST - YEAR_MS, 2: 0}
    bench.restart()
    newest = bench.fleet.devices["cellar"].newest
    assert newest is not None and newest.record.seq == 2


def test_an_event_is_not_moved_out_of_time(bench: Bench) -> None:
    told = {"ts_ms": LONG_AGO + 70_000, "onset_ms": LONG_AGO, "end_ms": TIME_MOST}
    bench.take(leaf="event", payload=event(2, "end", 2, **told))
    bench.take(taken(2, "unsynced"), taken(3))
    assert bench.times()[2] == OFFSET + 70_000
    assert json.loads(bench.store.events("cellar", 1)[0])["end_ms"] == TIME_MOST


def test_the_rest_of_a_batch_comes_in_whatever_is_wrong_with_one_late_record(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    bench.take(taken(1))
    clocks = bench.fleet.devices["cellar"].clocks
    real = clocks.true

    def true(self: Any, judged: Any) -> Any:
        if judged.record.seq == 2:
            raise Malformed("out of Time")
        return real(judged)

    monkeypatch.setattr(type(clocks), "true", true)
    bench.take(taken(2, "unsynced"), taken(3), taken(4))
    assert sorted(bench.times()) == [1, 3, 4]
    (ledger,) = bench.fleet.devices["cellar"].ledgers.values()
    assert (ledger.last, ledger.gaps) == (4, [(2, 2)]), "what was not kept is missing, not had"
    bench.take(payload=batch(beyond(9), taken(5)))
    assert 5 in bench.times()


class Cursed(Store):
    """A store that fails in a way nobody foresaw, of one device."""

    def commit(self, changes: Any) -> None:
        if any(device == "cellar" for device, _ in changes.records):
            raise OverflowError("Python int too large to convert to SQLite INTEGER")
        super().commit(changes)


def test_what_one_device_breaks_in_a_commit_costs_no_other_a_record_and_is_missing_not_had(
    tmp_path: Path,
) -> None:
    store = Cursed(tmp_path / "m.db")
    ingest = Ingest(store, Live())
    for seq in range(1, 6):
        ingest.take([(f"picanary/v1/{room}/data", batch(record(seq))) for room in ("attic", "cellar")])
    ingest.start()
    ingest.stop()
    assert [judged.record.ts_ms for judged in store.records("attic")] == [
        NOON + 10_000 * seq for seq in range(1, 6)
    ]
    assert ingest.summaries["attic"]["counts"]["received"] == 5
    assert ingest.faults == 5
    fleet = ingest._fleet.devices
    had = {(name, epoch): ledger for name in fleet for epoch, ledger in fleet[name].ledgers.items()}
    assert had == store.ledgers(), "memory claims nothing that the store has not"
    store.close()


def test_of_more_boots_in_doubt_than_are_remembered_the_newest_stay(bench: Bench) -> None:
    boots = [f"{977 * seq % 1000:03d}" for seq in range(1, 101)]  # in no order
    bench.take(payload=batch(*[taken(seq, "unsynced", boot=boot) for seq, boot in enumerate(boots, 1)]))
    bench.restart()
    bench.take(*[taken(100 + seq, boot=boot) for seq, boot in enumerate(boots, 1) if seq > 90])
    assert all(bench.times()[seq] == OFFSET + 50_000 + seq * 10_000 for seq in range(91, 101))
