"""The picture in the terminal: each wave, how far it has come, and what happened last."""

import time
from collections import Counter, deque
from typing import Any

from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.table import Table
from rich.text import Text

from deploy.rollout.member import OUT, Stage
from deploy.rollout.rules import LOOKS, hours
from deploy.rollout.state import Phase, State

LAST = 12
EVERY_S = 0.5
_PHASES = {
    Phase.BEFORE: "watching how devices are without it",
    Phase.WAVE: "going on",
    Phase.LATE: "waiting for the last",
    Phase.DONE: "done",
    Phase.BACK: "going back",
    Phase.STOPPED: "stopped",
}
_COLUMNS = ("waiting", "sent", "has it", "out", "going back", "back", "keeps it")


class Picture:
    """Live, on the console; what happened stands below the table."""

    def __init__(self, console: Console | None = None) -> None:
        self._console = console or Console(highlight=False)
        self._live = Live(console=self._console, auto_refresh=False)
        self._last: deque[str] = deque(maxlen=LAST)
        self._drawn = 0.0

    def tell(self, what: str, text: str, **_: Any) -> None:
        """It happened. A large fleet says `sent` too often for it to be news."""
        if what not in ("sent", "has", "withdrawn"):
            self._last.append(f"{time.strftime('%H:%M:%S')}  {text}")

    def draw(self, state: State) -> None:
        """As it is now."""
        now = time.monotonic()
        if now - self._drawn >= EVERY_S or state.phase in (Phase.DONE, Phase.STOPPED):
            self._drawn = now
            self._live.update(picture(state, list(self._last)), refresh=True)

    def __enter__(self) -> "Picture":
        self._live.start()
        return self

    def __exit__(self, *_: object) -> None:
        """The last picture stays."""
        self._live.stop()


def picture(state: State, last: list[str]) -> RenderableType:
    """All of it."""
    watching = state.watching
    title = Text(f"{state.label}: {_PHASES[state.phase]}", style="bold")
    if state.phase == Phase.WAVE:
        title.append(f", wave {state.wave + 1} of {state.waves}", style="bold")
    if state.reason:
        title.append(f"\n{state.reason}", style="red")
    alarms = Text(
        f"alarms: {watching.new.alarms} in {hours(watching.new.seconds)} with the new model, "
        f"{watching.control.alarms} in {hours(watching.control.seconds)} beside it, "
        f"{watching.earlier.alarms} in {hours(watching.earlier.seconds)} before   "
        f"looks: {state.looks} of {state.waves * LOOKS}"
    )
    return Group(title, Text(), _waves(state), Text(), alarms, *(Text(line) for line in last))


def _waves(state: State) -> Table:
    made = Table(box=None, pad_edge=False, header_style="bright_black")
    made.add_column("wave")
    for name in ("devices", *_COLUMNS, "watched"):
        made.add_column(name, justify="right")
    for number in range(state.waves):
        members = [each for each in state.members.values() if each.wave == number]
        counts = Counter(_column(each.stage) for each in members)
        has = [each.watched_s for each in members if each.stage == Stage.HAS]
        share = min(1.0, min(has, default=0.0) / state.plan.watch_s)
        cells = [str(counts[name] or "") for name in _COLUMNS]
        made.add_row(_name(number), str(len(members)), *cells, f"{share:.0%}" if has else "")
    return made


def _name(number: int) -> str:
    return "canaries" if number == 0 else f"wave {number + 1}"


def _column(stage: Stage) -> str:
    if stage in OUT:
        return "out"
    return {
        Stage.HAS: "has it",
        Stage.RECALLED: "going back",
        Stage.WITHDRAWN: "back",
        Stage.KEEPS: "keeps it",
    }.get(stage, stage.value)
