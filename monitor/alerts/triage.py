"""What of all that is the case is worth a word now: a state machine without clock, disk or network.

`step` is fed with what is the case and gives what is to be told. Times are seconds of any clock
that never goes back. There is one alert at most of each device and kind; a recovery is told only
of what was told.
"""

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, replace

from monitor.alerts.alert import Acknowledgement, Alert
from monitor.alerts.condition import EVERYONE, MONITOR, Condition, Key, Observation
from monitor.alerts.notice import Notice, What
from monitor.alerts.rules import WORSE, Rule, Rules


@dataclass(frozen=True, slots=True)
class Spoken:
    """The last word of one device and kind: when, and how bad it had been."""

    at: float
    level: float


class Triage:
    """`alerts`, `spoken` and `snoozes` are its whole memory: who keeps them can go on after a restart.

    `changed` and `closed` collect what has to be kept; who keeps it empties them.
    """

    def __init__(self, rules: Rules, next_id: int = 1) -> None:
        """`next_id` is larger than any id that was given before."""
        self._rules = rules
        self._next_id = next_id
        self.alerts: dict[Key, Alert] = {}
        self.spoken: dict[Key, Spoken] = {}
        self.snoozes: dict[str, float] = {}  # by device, or EVERYONE: until when
        self.changed: dict[int, Alert] = {}
        self.closed: list[Alert] = []

    def step(self, now: float, wall_ms: int, seen: Observation) -> list[Notice]:
        """What is to be told, now that this is the case."""
        for key, condition in seen.conditions.items():
            if self._rules.by_kind[key[1]].tell:
                self._enter(key, condition, now)
        notices = [*self._over(now, wall_ms, seen), *self._groups_over(now, wall_ms, seen)]
        notices += self._onsets(now, wall_ms, seen)
        notices += self._reminders(now, wall_ms, seen)
        self._forget(now)
        return notices

    def acknowledge(self, number: int, said: Acknowledgement) -> bool:
        """Of one alert or a group, by id; False when there is none."""
        found = [each for each in self.alerts.values() if each.open and number in (each.id, each.group)]
        for alert in found:
            alert.acknowledged = said
            self._note(alert)
        return bool(found)

    def snooze(self, device: str, until: float) -> None:
        """No onset and no reminder of that device, or of EVERYONE, until then. One that is past ends it."""
        self.snoozes[device] = until

    def is_snoozed(self, device: str, now: float) -> bool:
        """Whether a person wants to hear nothing of it."""
        return any(now < self.snoozes.get(name, now) for name in (device, EVERYONE))

    def _enter(self, key: Key, condition: Condition, now: float) -> None:
        alert = self.alerts.get(key)
        if alert is not None:
            alert.see(condition)
            return
        device, kind = key
        self.alerts[key] = Alert(
            self._id(), device, kind, condition.since_ms, condition.sentence, condition.level, now, now
        )

    def _over(self, now: float, wall_ms: int, seen: Observation) -> list[Notice]:
        """What is absent, and has been for long enough."""
        notices = []
        for key, alert in list(self.alerts.items()):
            if key in seen.conditions or alert.over_at is not None:
                continue
            if seen.is_unseen(key) and alert.open:
                alert.gone_at = None
            elif not alert.open:
                del self.alerts[key]
            elif self._has_calmed(alert, now):
                notices += self._end(alert, now, wall_ms, seen)
        return notices

    def _has_calmed(self, alert: Alert, now: float) -> bool:
        if alert.gone_at is None:
            alert.gone_at = now
        return now - alert.gone_at >= self._rule(alert).calm_s

    def _end(self, alert: Alert, now: float, wall_ms: int, seen: Observation) -> list[Notice]:
        alert.over_ms = wall_ms - round(1000 * (now - (alert.gone_at if alert.gone_at is not None else now)))
        if alert.told and alert.group is not None:
            alert.over_at = now
            self._note(alert)
            return []
        self._close(alert, now)
        return [self._notice("recovery", [alert], wall_ms, seen)] if alert.told else []

    def _groups_over(self, now: float, wall_ms: int, seen: Observation) -> list[Notice]:
        """Groups of which all are over, or some and no other for a while."""
        groups: dict[int, list[Alert]] = defaultdict(list)
        for alert in self.alerts.values():
            if alert.group is not None:
                groups[alert.group].append(alert)
        notices = []
        for group, members in groups.items():
            over = [each for each in members if each.over_at is not None]
            if not over:
                continue
            newest = max(each.over_at or 0.0 for each in over)
            if len(over) < len(members) and now - newest < self._rules.group.within_s:
                continue
            for alert in over:
                self._close(alert, now)
            remaining = tuple(sorted(each.device for each in members if each.over_at is None))
            told = self._notice("recovery", over, wall_ms, seen, group)
            notices.append(replace(told, remaining=remaining))
        return notices

    def _close(self, alert: Alert, now: float) -> None:
        del self.alerts[alert.key]
        self.changed.pop(alert.id, None)
        self.closed.append(alert)
        if alert.told:
            self.spoken[alert.key] = Spoken(now, alert.level)

    def _onsets(self, now: float, wall_ms: int, seen: Observation) -> list[Notice]:
        untold: dict[str, list[Alert]] = defaultdict(list)
        for key, alert in self.alerts.items():
            if key not in seen.conditions:
                continue
            if not alert.open and self._is_due(alert, now):
                alert.open = True
                self._note(alert)
            if alert.told:
                continue
            if self._is_blocked(alert, now, seen):
                alert.fresh = now
            else:
                untold[alert.kind].append(alert)
        return [
            self._tell("onset", each, now, wall_ms, seen)
            for alerts in untold.values()
            for each in self._batches(alerts, now, seen)
        ]

    def _is_blocked(self, alert: Alert, now: float, seen: Observation) -> bool:
        if alert.device in seen.quiet or self.is_snoozed(alert.device, now):
            return True
        last = self.spoken.get(alert.key)
        if last is None or alert.level >= WORSE * last.level:
            return False
        return now - last.at < 60.0 * self._rule(alert).cooldown_min

    def _batches(self, alerts: Iterable[Alert], now: float, seen: Observation) -> list[list[Alert]]:
        """What can be told now, by message. Whoever might get company waits until it would have come."""
        group, rest = self._rules.group, sorted(alerts, key=lambda each: (each.fresh, each.device))
        batches = []
        while rest:
            first = rest[0]
            may_have_company = first.device != MONITOR and len(seen.devices) >= group.devices
            within_s = group.within_s if may_have_company else 0.0
            if now < first.fresh + within_s:
                break
            batch = [each for each in rest if each.fresh <= first.fresh + within_s]
            if not may_have_company or len(batch) < group.devices:
                batch = [first]
            if not all(each.open for each in batch):
                break
            batches.append(batch)
            rest = rest[len(batch) :]
        return batches

    def _tell(self, what: What, alerts: list[Alert], now: float, wall_ms: int, seen: Observation) -> Notice:
        if what == "onset" and len(alerts) > 1:
            group = self._id()
            for alert in alerts:
                alert.group = group
        for alert in alerts:
            alert.told, alert.spoke_at = True, now
            self.spoken[alert.key] = Spoken(now, alert.level)
            self._note(alert)
        return self._notice(what, alerts, wall_ms, seen, alerts[0].group)

    def _reminders(self, now: float, wall_ms: int, seen: Observation) -> list[Notice]:
        due: dict[int, list[Alert]] = defaultdict(list)
        for key, alert in self.alerts.items():
            if key in seen.conditions and self._wants_reminder(alert, now, seen):
                due[alert.group or alert.id].append(alert)
        return [self._tell("reminder", alerts, now, wall_ms, seen) for alerts in due.values()]

    def _wants_reminder(self, alert: Alert, now: float, seen: Observation) -> bool:
        every_s = 60.0 * self._rule(alert).remind_min
        if not every_s or alert.spoke_at is None or alert.acknowledged:
            return False
        is_quiet = alert.device in seen.quiet or self.is_snoozed(alert.device, now)
        return now - alert.spoke_at >= every_s and not is_quiet

    def _forget(self, now: float) -> None:
        """What can no longer matter."""
        self.snoozes = {device: until for device, until in self.snoozes.items() if now < until}
        self.spoken = {
            key: last
            for key, last in self.spoken.items()
            if key in self.alerts or now - last.at < 60.0 * self._rules.by_kind[key[1]].cooldown_min
        }

    def _notice(
        self, what: What, alerts: list[Alert], wall_ms: int, seen: Observation, group: int | None = None
    ) -> Notice:
        copies = tuple(replace(each) for each in sorted(alerts, key=lambda each: each.device))
        unwatched = frozenset(
            each.device for each in copies if each.device not in seen.devices or each.device in seen.stopped
        ) - {MONITOR}
        return Notice(what, copies[0].kind, copies, len(seen.devices), wall_ms, group, (), unwatched)

    def _is_due(self, alert: Alert, now: float) -> bool:
        return now - alert.onset >= self._rule(alert).after_s

    def _rule(self, alert: Alert) -> Rule:
        return self._rules.by_kind[alert.kind]

    def _note(self, alert: Alert) -> None:
        self.changed[alert.id] = alert

    def _id(self) -> int:
        self._next_id += 1
        return self._next_id - 1
