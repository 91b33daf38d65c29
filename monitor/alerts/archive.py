"""What the triage must not forget over a restart, and what was told in the past, in the monitor's store."""

import json
import sqlite3
from collections.abc import Callable
from typing import Any

from monitor.alerts.alert import Alert
from monitor.alerts.triage import Spoken, Triage
from monitor.store import Store

PAST_MOST = 5000
SCHEMA = """
CREATE TABLE IF NOT EXISTS alerts(id INTEGER PRIMARY KEY, over_ms INTEGER, body TEXT NOT NULL)
"""
MEMORY = """
CREATE TABLE IF NOT EXISTS alert_memory(name TEXT PRIMARY KEY, body TEXT NOT NULL)
"""
INDEX = "CREATE INDEX IF NOT EXISTS alerts_by_end ON alerts(over_ms)"
Run = Callable[..., sqlite3.Cursor]


class Archive:
    """Its reading half may be used from any thread."""

    def __init__(self, store: Store) -> None:
        """Make the tables. Raises sqlite3.Error."""
        self._store = store
        with store.writing() as run:
            for statement in (SCHEMA, MEMORY, INDEX):
                run(statement)

    def load(self, triage: Triage) -> float:
        """Give the triage its memory back; the latest time in it, 0 when there is none."""
        with self._store.reading() as run:
            for (body,) in run("SELECT body FROM alerts WHERE over_ms IS NULL"):
                alert = Alert.from_row(json.loads(body))
                triage.alerts[alert.key] = alert
            found = run("SELECT body FROM alert_memory WHERE name = 'triage'").fetchone()
        times = [each.spoke_at or each.onset for each in triage.alerts.values()]
        if found:
            memory = json.loads(found[0])
            triage.snoozes = dict(memory["snoozes"])
            triage.spoken = {
                (device, kind): Spoken(at, level) for device, kind, at, level in memory["spoken"]
            }
            times += [memory["at"], *(each.at for each in triage.spoken.values())]
        return max(times, default=0.0)

    def next_id(self) -> int:
        """Larger than any that was given."""
        with self._store.reading() as run:
            (alert,) = run("SELECT max(id) FROM alerts").fetchone()
            (group,) = run("SELECT max(json_extract(body, '$.group')) FROM alerts").fetchone()
        return max(alert or 0, group or 0) + 1

    def keep(self, run: Run, triage: Triage, now: float) -> None:
        """All that the triage has changed, as a part of a transaction."""
        # what waits for its group is over for people, and not for us
        rows = [(each, None) for each in triage.changed.values()]
        for alert, over_ms in [*rows, *((each, each.over_ms) for each in triage.closed)]:
            body = json.dumps(alert.to_row(), ensure_ascii=False)
            run("INSERT OR REPLACE INTO alerts VALUES (?, ?, ?)", (alert.id, over_ms, body))
        memory = {
            "at": now,
            "snoozes": triage.snoozes,
            "spoken": [[*key, last.at, last.level] for key, last in triage.spoken.items()],
        }
        run("INSERT OR REPLACE INTO alert_memory VALUES ('triage', ?)", (json.dumps(memory),))
        if triage.closed:
            run(
                "DELETE FROM alerts WHERE over_ms IS NOT NULL AND id NOT IN "
                "(SELECT id FROM alerts WHERE over_ms IS NOT NULL ORDER BY over_ms DESC LIMIT ?)",
                (PAST_MOST,),
            )

    def past(self, limit: int) -> list[dict[str, Any]]:
        """Rows of alerts that are over, the newest end first."""
        with self._store.reading() as run:
            rows = run(
                "SELECT body FROM alerts WHERE over_ms IS NOT NULL ORDER BY over_ms DESC, id DESC LIMIT ?",
                (limit,),
            )
            return [json.loads(body) for (body,) in rows]
