"""What a soak has found, as Markdown."""

from collections import defaultdict
from collections.abc import Sequence
from datetime import UTC, datetime

from tests.soak.account import Row, ranges
from tests.soak.verdict import Outcome
from tests.soak.vitals import JUDGED_S, MOST_DESCRIPTORS, MOST_RISE_MB, MOST_RISE_MB_H
from tests.soak.world import COMMIT_RECORDS, COMMIT_S, READINGS_PER_S


def markdown(outcome: Outcome) -> str:
    """The whole report."""
    parts = [
        "# A soak with random faults\n",
        _summary(outcome),
        "## Faults\n",
        _table(("fault", "times"), [(name, str(n)) for name, n in sorted(outcome.injected.items())]),
        "## Ledger\n",
        _ledger(outcome),
        "## SIGKILLs of an agent\n",
        _kills(outcome),
        "## Memory and descriptors\n",
        _vitals(outcome),
        "## Also\n",
        "\n".join(f"- {name}: {note}" for name, note in outcome.notes.items()) + "\n",
    ]
    return "\n".join(parts)


def _summary(outcome: Outcome) -> str:
    verdict = "Everything holds." if outcome.holds else "**Not everything holds:**"
    wrong = "".join(f"- {sentence}\n" for sentence in outcome.wrong)
    day = datetime.now(UTC).strftime("%Y-%m-%d")
    return (
        f"{day}: {outcome.seconds:.0f} s with {sum(outcome.injected.values())} faults, seed {outcome.seed}; "
        f"two agents with {READINGS_PER_S:g} readings a second each, mosquitto, two monitors and a plain "
        f"consumer. Nothing was missing {outcome.healed_s:.0f} s after the last fault. {verdict}\n"
    ) + (f"\n{wrong}" if wrong else "")


def _table(head: tuple[str, ...], rows: Sequence[tuple[str, ...]]) -> str:
    lines = [head, tuple("---" for _ in head), *rows]
    return "".join(f"| {' | '.join(line)} |\n" for line in lines)


def _ledger(outcome: Outcome) -> str:
    by: dict[tuple[str, str], list[Row]] = defaultdict(list)
    for row in outcome.rows:
        by[row.consumer, row.device].append(row)
    lines = []
    for (consumer, device), rows in by.items():
        numbers = [sum(row.sent for row in rows), sum(row.received for row in rows)]
        numbers += [sum(row.declared for row in rows), sum(len(row.missing) for row in rows)]
        lines.append((consumer, device, str(len(rows)), *(f"{number:,}" for number in numbers)))
    head = ("who", "device", "epochs", "sent", "received", "declared gone", "missing")
    causes = ", ".join(f"{count:,} {why}" for why, count in outcome.causes.most_common()) or "none"
    bad = "".join(
        f"- {row.consumer}, {row.device} {row.epoch}: missing {ranges(row.missing) or 'none'}; "
        f"strange {ranges(row.strange) or 'none'}\n"
        for row in outcome.rows
        if not row.holds
    )
    return (
        f"{_table(head, lines)}\nsent = received + declared gone, for each epoch. "
        f"Causes of all gaps: {causes}.\n{bad}"
    )


def _kills(outcome: Outcome) -> str:
    if not outcome.kills:
        return "There was none.\n"
    sound = [kill for kill in outcome.kills if not kill.disk_full]
    worst = max((kill.seen - kill.kept for kill in sound), default=0)
    oldest = max((kill.age_s for kill in sound), default=0.0)
    return (
        f"{len(outcome.kills)}, {len(outcome.kills) - len(sound)} of them while its disk was full, for which "
        f"nothing is promised. Of the others the worst cost {max(0, worst)} records that had been seen live, "
        f"and the newest record on the disk was {oldest:.2f} s old. Declared: {COMMIT_RECORDS} records or "
        f"{COMMIT_S:g} s.\n"
    )


def _vitals(outcome: Outcome) -> str:
    shown = [v for v in outcome.vitals if v.slope is not None]
    rows = [
        (
            f"{v.name} {v.pid}",
            f"{v.seconds:.0f}",
            " / ".join(f"{mb:.1f}" for mb in v.memory),
            f"{v.slope:+.1f}",
            " / ".join(str(n) for n in v.descriptors),
        )
        for v in shown
    ]
    head = ("process", "s", "MiB warm / last / most", "MiB an hour", "descriptors warm / last / most")
    short = len(outcome.vitals) - len(shown)
    return (
        f"{_table(head, rows)}\n{short} lives were shorter than {JUDGED_S:g} s and are not judged. Flat "
        "means: after the warm-up (a third of the life, at most ten minutes) the line through what was "
        f"measured rises by at most {MOST_RISE_MB_H:g} MiB an hour where it covers half an hour or more, by "
        f"at most {MOST_RISE_MB:g} MiB in a shorter one (the first verdict loads the interpreter); and there "
        f"are at most {MOST_DESCRIPTORS} descriptors more at the end than after the warm-up.\n"
    )
