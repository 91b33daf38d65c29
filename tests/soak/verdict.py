"""What a soak has found: the ledger of everybody who listened, and each thing that is not as it must be."""

import sqlite3
from collections import Counter
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path

import httpx
import msgspec

from monitor.history.chunks import numbers
from tests.soak.account import Received, Row, Sent, balance, peek
from tests.soak.vitals import Vitals, judge
from tests.soak.world import AGENTS, Kill, World

Got = dict[tuple[str, str], Received]  # by device and epoch


@dataclass
class Outcome:
    """All that a soak has found."""

    seed: int
    seconds: float
    injected: Counter[str]
    rows: list[Row] = field(default_factory=list)
    causes: Counter[str] = field(default_factory=Counter)
    kills: list[Kill] = field(default_factory=list)
    vitals: list[Vitals] = field(default_factory=list)
    notes: dict[str, str] = field(default_factory=dict)
    healed_s: float = 0.0  # from the end of the last fault until nothing was missing
    wrong: list[str] = field(default_factory=list)

    @property
    def holds(self) -> bool:
        """Whether everything was as it must be."""
        return not self.wrong


def got_by_consumer(made: World) -> Got:
    """What the plain consumer has, by device and epoch."""
    return {at: account.received for at, account in list(made.consumer.accounts.items())}


def held(store: Path) -> Got:
    """What a monitor has in its store, by device and epoch."""
    found: Got = {}
    if not store.exists():
        return found
    with closing(sqlite3.connect(f"{store.as_uri()}?mode=ro", uri=True, timeout=10)) as database:
        try:
            journals = database.execute("select id, device, epoch, declared from journals").fetchall()
            for number, device, epoch, declared in journals:
                gone = {seq: why for a, b, why in msgspec.json.decode(declared) for seq in range(a, b + 1)}
                found[device, epoch] = Received(numbers(database.execute, number), gone)
        except sqlite3.OperationalError as error:
            if "no such table" not in str(error):
                raise
    return found


def conclude(made: World, outcome: Outcome) -> None:
    consumers = {"consumer": got_by_consumer(made), **{n: held(made.store(n)) for n in made.monitors}}
    for device in AGENTS:
        found = peek(made.journal(device))
        for name, got in consumers.items():
            outcome.rows += balances(made, name, device, found.epochs, got)
        differs = [
            seq
            for seq, says in found.records.items()
            for account in [made.consumer.accounts.get((device, says.split()[0]))]
            if account is not None and account.contents.get(seq, says) != says
        ]
        if differs:
            outcome.wrong.append(
                f"{device}: {len(differs)} records are other ones in the journal: {differs[:5]}"
            )
    for got in consumers.values():
        outcome.causes.update(why for r in got.values() for seq, why in r.gone.items() if seq not in r.had)
    lives = [(process.name, life) for process in made.processes for life in process.lives]
    outcome.vitals = [vitals for name, life in lives if (vitals := judge(name, life))]
    outcome.kills = made.kills
    consumer = made.consumer
    outcome.notes["the consumer"] = (
        f"asked {consumer.asked} times, got {consumer.answers} answers and {consumer.repeats} repeats"
    )
    stories = {device: Counter(told) for device, told in consumer.stories.items()}
    outcome.notes["models"] = "; ".join(
        f"{device}: " + ", ".join(f"{count} {state}" for state, count in sorted(told.items()))
        for device, told in sorted(stories.items())
    )
    outcome.wrong += [*_complaints(made, outcome), *_told(made)]


def balances(made: World, name: str, device: str, epochs: dict[str, Sent], got: Got) -> list[Row]:
    rows = []
    for epoch in dict.fromkeys([*epochs, *(its for whose, its in got if whose == device)]):
        account = made.consumer.accounts.get((device, epoch))
        span = account.at_ms if account else (0, 0)
        memory = made.was_full(device, *span)
        received = got.get((device, epoch), Received())
        rows.append(balance(name, (device, epoch), epochs.get(epoch), received, from_memory=memory))
    return rows


def _complaints(made: World, outcome: Outcome) -> list[str]:
    """Each thing that is not as it must be, in a sentence."""
    wrong = [surprise for process in made.processes for surprise in process.surprises] + made.surprises
    wrong += [f"a number was used twice: {each}" for each in made.consumer.conflicts[:10]]
    wrong += [f"the consumer did not understand {each}" for each in made.consumer.problems[:10]]
    wrong += [
        f"{row.consumer}, {row.device} {row.epoch}: {len(row.missing)} missing, {len(row.strange)} strange"
        for row in outcome.rows
        if not row.holds
    ]
    wrong += [
        f"a SIGKILL cost {kill.seen - kill.kept} records seen live, {kill.age_s:.1f} s: epoch {kill.epoch}"
        for kill in outcome.kills
        if not kill.holds
    ]
    wrong += [f"{v.name}, process {v.pid}: {fault}" for v in outcome.vitals for fault in v.faults]
    return wrong


def _told(made: World) -> list[str]:
    """What parts say of themselves: the agents' last word, the monitors' pages, tracebacks in the logs."""
    wrong = [
        f"{device} stopped in order and is {state}"
        for device in AGENTS
        if (state := made.consumer.status.get(device)) != "disconnected"
    ]
    for name, port in made.pages.items():
        try:
            devices = httpx.get(f"http://127.0.0.1:{port}/api/devices", timeout=20.0).json()["devices"]
        except (httpx.HTTPError, ValueError, KeyError) as error:
            wrong.append(f"the page of {name} does not answer: {error!r}")
            continue
        for device in devices:
            counts = device["counts"]
            if device["presence"] != "disconnected" or counts["missing"] or counts["malformed"]:
                wrong.append(f"{name} says of {device['id']}: {device['presence']}, {counts}")
    logs = {process.name: process.log.read_text(errors="replace") for process in made.processes}
    return wrong + [f"{name}: a traceback in its log" for name, log in logs.items() if "Traceback" in log]
