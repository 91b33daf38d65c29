"""A recorded series through the very same detector: many rows at once, the same figures as one by one."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from edge.detection.arithmetic import Floats
from edge.detection.decision import Decision
from edge.detection.detector_settings import DetectorSettings
from edge.detection.judgement import Judgement
from edge.detection.looked import Calm
from edge.detection.observation import Observation, one_of
from edge.detection.scorer import Answers, Scorer
from edge.detection.stretches import Ints, pieces
from edge.detection.verdict import after
from edge.detection.window import Window
from edge.detection.windowing import Windowing
from edge.gate import Gate, beside, fault_after
from edge.recording import Recording

# Rows at a time: enough that numpy is worth its calls, and few enough for a processor's cache.
ROWS = 1024

Complaint = tuple[str, bool]  # why the gate held a row back, and whether it is a sensor fault


@dataclass(frozen=True, slots=True)
class Piece:
    """m rows that passed the gate, without a long gap between them."""

    rows: Ints  # (m,)
    elapsed_s: Floats  # (m,) since the row before that passed
    starts: bool  # whether a long gap was before the first
    seen: Observation[Floats] | None  # of the last n of them; the others warm up


@dataclass(frozen=True, slots=True)
class Part:
    """Rows [start, stop) of a recording that are scored, but not yet judged."""

    start: int
    stop: int
    held: dict[int, Complaint]  # rows that the gate held back
    pieces: list[Piece]


def observe(recording: Recording, scorer: Scorer, windowing: Windowing) -> Iterator[Part]:
    """Gate, window and score all rows, ROWS of them at a time."""
    judged = windowing.measured
    gate = Gate(judged, fault_after(windowing.period_s), beside=beside(recording.channels, judged))
    window = Window(windowing, max(ROWS, windowing.gap_limit + 1))
    order = [[c.name for c in recording.channels].index(name) for name in windowing.channels]
    mono_ms, last_ms = recording.ts_ms - recording.ts_ms[:1], None
    for start in range(0, len(recording), ROWS):
        stop = min(start + ROWS, len(recording))
        values = recording.values[start:stop, order]
        held = hold_back(gate, recording, start, values, mono_ms[start:stop])
        good = np.delete(np.arange(start, stop), [row - start for row in held])
        found = []
        if len(good):
            before = mono_ms[good[:1]] if last_ms is None else last_ms
            elapsed_s, last_ms = np.diff(mono_ms[good], prepend=before) / 1000.0, mono_ms[good[-1:]]
            for at, missing in pieces(windowing, values[good - start], elapsed_s, ROWS):
                rows, starts = good[at], bool(missing[0] > windowing.gap_limit)
                windows = window.push_many(values[rows - start], missing)
                seen = None
                if windows is not None:
                    warm = rows[-len(windows.inputs) :]
                    seen = scorer.many(windows, recording.ts_ms[warm], values[warm - start])
                found.append(Piece(rows, elapsed_s[at], starts, seen))
        yield Part(start, stop, held, found)


def hold_back(
    gate: Gate, recording: Recording, start: int, values: Floats, mono_ms: Ints
) -> dict[int, Complaint]:
    """The gate's complaints by row, about those from `start` on, whose values (n, C) are judged."""
    doubtful = np.append(np.flatnonzero(~gate.unsuspicious(values, mono_ms)), len(values)).tolist()
    held: dict[int, Complaint] = {}
    row = at = 0
    while row < len(values):
        while doubtful[at] < row:
            at += 1
        if row < doubtful[at] and gate.trusts:
            row = doubtful[at]
            gate.pass_by(tuple(values[row - 1].tolist()), int(mono_ms[row - 1]))
            continue
        gate.check(recording.reading(start + row))
        if gate.reason is not None:
            held[start + row] = gate.reason, gate.sensor_fault
        row += 1
    return held


def judge(
    recording: Recording, network: Answers, windowing: Windowing, settings: DetectorSettings
) -> Judgement:
    """Every row's verdict, bit for bit as `Detector.see` gives them one by one."""
    return Judgement.joined(list(judge_parts(recording, network, windowing, settings)))


def judge_parts(
    recording: Recording, network: Answers, windowing: Windowing, settings: DetectorSettings
) -> Iterator[Judgement]:
    """The same in parts that follow one another, for series that are long."""
    decision = Decision(windowing, settings)
    for part in observe(recording, Scorer(network, windowing, settings.floor), windowing):
        judging = _Judging(
            recording, decision, part, Judgement.blank(part.stop - part.start, len(windowing.channels))
        )
        for piece in part.pieces:
            judging.judge(piece)
        judging.fail_before(part.stop)
        yield judging.judgement


class _Judging:
    """The rows of one part, in their order."""

    def __init__(self, recording: Recording, decision: Decision, part: Part, judgement: Judgement) -> None:
        self._recording, self._decision, self._start = recording, decision, part.start
        self._held = sorted(part.held.items(), reverse=True)
        self.judgement = judgement

    def fail_before(self, row: int) -> None:
        """The rows before this one that the gate held back."""
        while self._held and self._held[-1][0] < row:
            failed, complaint = self._held.pop()
            verdict = self._decision.failed(self._recording.reading(failed), *complaint)
            self.judgement.note(failed - self._start, verdict)

    def judge(self, piece: Piece) -> None:
        """The rows of a piece, and those between them that were held back."""
        scored = 0 if piece.seen is None else len(piece.seen.ts_ms)
        self.fail_before(int(piece.rows[0]))
        ended, room_s = self._decision.elapse_many(piece.elapsed_s)
        for row in piece.rows[: len(piece.rows) - scored].tolist():
            self.fail_before(row)
            self.judgement.note(row - self._start, after(ended, self._decision.unscored()))
            ended = ()
        if piece.seen is not None:
            self._judge_scored(piece.seen, piece.rows[-scored:], room_s[-scored:])

    def _judge_scored(self, seen: Observation[Floats], rows: Ints, room_s: Floats) -> None:
        if not np.all(seen.finite):  # one that is no number must not reach the signals
            for at, row in enumerate(rows.tolist()):
                self.fail_before(row)
                self.judgement.note(
                    row - self._start, self._decision.scored(one_of(seen, at), float(room_s[at]))
                )
            return
        looked, at = self._decision.look(seen, room_s), 0
        doubtful = iter(looked.doubtful)
        doubt = next(doubtful)
        while at < len(rows):
            self.fail_before(int(rows[at]))
            while doubt < at:
                doubt = next(doubtful)
            if self._decision.is_calm and at < doubt:
                stop = min(doubt, self._next_held(rows))
                self._note_calm(rows[at:stop] - self._start, self._decision.pass_by(looked, at, stop))
                at = stop
            else:
                self.judgement.note(int(rows[at]) - self._start, self._decision.decide(looked, at))
                at += 1

    def _next_held(self, rows: Ints) -> int:
        """How many of the rows are before the next that was held back."""
        return int(np.searchsorted(rows, self._held[-1][0])) if self._held else len(rows)

    def _note_calm(self, rows: Ints, calm: Calm) -> None:
        judgement = self.judgement
        judgement.score[rows], judgement.expected[rows], judgement.spread[rows] = (
            calm.score, calm.expected, calm.spread
        )  # fmt: skip
        judgement.shift[rows], judgement.level[rows] = calm.shift, calm.level
