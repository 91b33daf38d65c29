"""The agent as a user starts it, on a simulated room of one reading in so many seconds."""

import sqlite3
import sys
from contextlib import closing, suppress
from pathlib import Path

from tests.brokers import Broker

ROOM_S = 10.0  # between readings, as the default training has them
DEVICE = "bench"


def agent_command(
    folder: Path,
    *,
    every_s: float,
    bundle: Path | None = None,
    broker: Broker | None = None,
    commit_records: int | None = None,
) -> list[str]:
    """The command line; the journal is FOLDER/journal.db."""
    settings = folder / "edge.toml"
    settings.write_text(f"[journal]\ncommit_records = {commit_records}\n" if commit_records else "")
    command = [sys.executable, "-m", "edge", "--config", str(settings), "--device", DEVICE]
    command += ["--source", "simulator", "--speed", f"{ROOM_S / every_s:g}"]
    command += ["--journal", str(folder / "journal.db")]
    if bundle is not None:
        command += ["--bundle", str(bundle)]
    if broker is not None:
        command += ["--broker", f"{broker.host}:{broker.port}"]
    return command


def newest_on_disk(folder: Path) -> int:
    """The number of the newest record that the journal's file holds; 0 when there is none."""
    uri = f"{(folder / 'journal.db').as_uri()}?mode=ro"
    with suppress(sqlite3.Error), closing(sqlite3.connect(uri, uri=True)) as database:
        return int(database.execute("select coalesce(max(seq), 0) from records").fetchone()[0])
    return 0
