"""What came over the air can be taken back over the air: for a week, and only to the model before it.

Whoever may ask needs no key, so there is little to ask for: no model comes with the request, nothing
that a file or a person at the device has put in place is touched, and there is one step and no second.
The week is of the device's own readings: no clock that can be set makes it longer.
"""

from dataclasses import replace

from edge.bundle.bundle import unpack
from edge.errors import BundleError, ConfigError
from edge.judge import Newcomer
from edge.swap.admission import admit
from edge.swap.beginning import of_the_package
from edge.swap.desk import Desk
from edge.swap.loaded import Loaded
from edge.swap.rehearsal import Rehearsal
from edge.swap.store import digest_of
from edge.swap.succession import Succession

WITHIN_S = 7 * 86_400.0
WHY = "withdrawn by whoever rolls it out"


class Withdrawal:
    """On the desk of the models' thread."""

    def __init__(self, desk: Desk, models: Succession, rehearsal: Rehearsal) -> None:
        self._desk, self._models, self._rehearsal = desk, models, rehearsal

    def check(self, label: str) -> None:
        """Whether that model may be withdrawn here, now. Raises ConfigError. Safe from any thread."""
        store = self._desk.opening.store
        state = store.state
        if self._current() != label:
            raise ConfigError(f"{label} is not the newest model here")
        if state.since is None:
            raise ConfigError(f"{label} did not come by MQTT, or there is no way back from it any more")
        readings = self._desk.journal.last_seq - state.since
        if not 0 <= readings * self._desk.rules.period_s <= WITHIN_S:
            days = WITHIN_S / 86_400
            raise ConfigError(f"{label} has judged here for more than {days:g} days of readings: it stays")

    def carry_out(self, label: str) -> None:
        """Back to the one before, which is shown the past. Raises PicanaryError where that cannot be."""
        self.check(label)
        before = self._before()
        if before is None:
            newcomer = Newcomer(self._desk.opening.no_model())
            self._desk.judge.expect(newcomer)
        else:
            newcomer = self._rehearsal.of(before.bundle)
        self._models.withdraw(before, label, WHY)
        self._desk.judge.offer(newcomer)

    def _current(self) -> str | None:
        """The newest model's label: what a restart has put back on trial is not at work yet."""
        digest, at_work = self._desk.opening.store.state.current, self._models.at_work
        if at_work is not None and digest_of(at_work.content) == digest:
            return at_work.bundle.label
        content = self._desk.opening.store.content(digest)
        return None if content is None else unpack(content, "the newest model").label

    def _before(self) -> Loaded | None:
        """The last good one, older than the newest though it is. Raises BundleError."""
        store, rules = self._desk.opening.store, self._desk.rules
        if store.way_back is None:
            return of_the_package(rules)
        content = store.content(store.way_back)
        if content is None:
            raise BundleError("the model before it is damaged on disk: there is no way back")
        rules = replace(rules, allow_older=True)
        return Loaded(admit(content, "the model before it", rules, store, insist=True), content)
