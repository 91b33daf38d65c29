"""What an agent's health says it has sent: that is missing, though nothing that came tells of it."""

import json

from monitor.repair import GRACE_S
from tests.monitor.messages import EPOCH, health, valid
from tests.monitor.repair_bench import Bench

LATER = "fedcba9876543210"


def test_health_tells_of_records_that_were_sent_last_and_never_came():
    bench = Bench()
    bench.records(1, 2)
    told = json.loads(health())
    told |= {"epoch": EPOCH, "journal": {**told["journal"], "sent_seq": 5, "storage": "ok"}}
    news = bench.take("health", valid("health", told))
    assert news.changes.ledgers and bench.counts == (2, 3, 0)
    bench.take("health", valid("health", {**told, "epoch": LATER}))
    assert bench.counts == (2, 3, 0), "of another journal"


def health_with(*epochs: tuple[str, int, int]) -> bytes:
    told = json.loads(health())
    return valid(
        "health", {**told, "epoch": LATER, "journal": {**told["journal"], "epochs": list(map(list, epochs))}}
    )


def test_health_tells_of_the_end_of_an_epoch_and_of_one_that_never_came():
    bench = Bench()
    bench.records(3, 4)
    bench.records(12, epoch=LATER)
    middle = "0" * 16
    told = health_with(("f" * 16, 1, 1), (EPOCH, 2, 6), (middle, 7, 9), (LATER, 10, 13))
    news = bench.take("health", told)
    assert {epoch for _, epoch in news.changes.ledgers} == {EPOCH, middle, LATER}
    assert bench.counts == (3, 8, 0), "from the first record on that ever came"
    assert not bench.take("health", told).changes.ledgers
    bench.wait(0.0)
    for asked, (epoch, first, last) in enumerate([(EPOCH, 5, 6), (middle, 7, 9), (LATER, 10, 11)]):
        assert bench.wait(GRACE_S) == asked + 1
        one = bench.asked[asked]
        assert (one["epoch"], one["from"], one["to"]) == (epoch, first, last)
        bench.records(*range(first, last + 1), epoch=epoch)
        bench.answer(sent=last - first + 1)
        bench.wait(0.0)
    bench.records(13, epoch=LATER)
    assert bench.counts == (11, 0, 0)


def test_a_device_that_is_new_here_owes_nothing_of_before():
    bench = Bench()
    bench.take("health", health_with((EPOCH, 1, 500), (LATER, 501, 900)))
    assert bench.counts == (0, 0, 0)
    bench.records(901, epoch=LATER)
    bench.take("health", health_with((EPOCH, 1, 500), (LATER, 501, 902)))
    assert bench.counts == (1, 1, 0)


def test_another_journal_than_that_which_is_known_counts_from_its_beginning():
    bench = Bench()
    bench.records(7)
    bench.take("health", health_with((LATER, 1, 5)))
    assert bench.counts == (1, 5, 0)


def test_health_that_breaks_the_contract_promises_nothing():
    bench = Bench()
    bench.records(7)
    told = json.loads(health_with((EPOCH, 1, 9)))
    for wrong in ([["x", 1, 2]], [[EPOCH, 0, 2]], [[EPOCH, 1]], {"a": 1}, [[EPOCH, 1, 2**60]], [7]):
        told["journal"]["epochs"] = wrong
        bench.take("health", json.dumps(told).encode())
    assert bench.counts == (1, 0, 0)
    assert bench.fleet.devices["cellar"].malformed == 6
