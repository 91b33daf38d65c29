"""A process that only takes records in, so that a test can kill it: python -m tests.monitor.writing."""

import random
import sys
from contextlib import closing
from pathlib import Path

import msgspec

from monitor.fleet import Fleet, News
from monitor.history.packing import to_json
from monitor.store import Store
from tests.monitor.history import lively

RECORDS = 6000
DEVICES = ("attic", "cellar")


def payload(seqs: list[int]) -> bytes:
    """A `data` message with those records."""
    return msgspec.json.encode({"v": 1, "records": [to_json(lively(seq)) for seq in seqs]})


def main(path: Path, seed: int) -> None:
    """From the beginning again, in an order that the seed tells; each line says how far it is on the disk."""
    chance = random.Random(seed)
    with closing(Store(path)) as store:
        fleet = Fleet.load(store)
        at = 1
        while at <= RECORDS:
            some = list(range(at, min(at + chance.choice([1, 50, 900]), RECORDS + 1)))
            at += len(some)
            chance.shuffle(some)
            news = News()
            for device in DEVICES:
                for each in range(0, len(some), 50):
                    fleet.take(f"picanary/v1/{device}/data", payload(some[each : each + 50]), news)
            store.commit(news.changes)
            store.tidy(0)
            print(at - 1, flush=True)


if __name__ == "__main__":
    main(Path(sys.argv[1]), int(sys.argv[2]))
