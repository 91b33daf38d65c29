"""Log lines, as the agent itself writes them and as journald files them."""

import json
import logging
import os
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge.log import Journald, Json, is_journal

ROOT = Path(__file__).parents[2]


def record(message: str, level: int = logging.INFO) -> logging.LogRecord:
    return logging.LogRecord("edge.journal", level, __file__, 1, message, None, None)


def agent(tmp_path: Path, *flags: str, journal: bool = False, status: int = 0) -> list[str]:
    """The lines of an agent that replays a short recording, and then ends."""
    series = tmp_path / "series.csv"
    rows = [f"2026-01-01T00:00:{second:02d}Z,21.5,48.6" for second in range(0, 60, 10)]
    series.write_text("\n".join(["time,temperature_c,humidity_pct", *rows, ""]))
    out = tmp_path / "stderr"
    with out.open("w") as stderr:
        found = os.fstat(stderr.fileno())
        # so does systemd tell a service that journald reads it
        more = {"JOURNAL_STREAM": f"{found.st_dev}:{found.st_ino}"} if journal else {}
        command = [sys.executable, "-m", "edge", "--source", "replay", "--file", str(series)]
        done = subprocess.run(
            [*command, "--journal", str(tmp_path / "journal.db"), *flags],
            cwd=ROOT,
            stderr=stderr,
            env={**os.environ, **more},
            check=False,
        )
    assert done.returncode == status, out.read_text()
    return out.read_text().splitlines()


def test_a_person_reads_plain_lines(tmp_path: Path) -> None:
    assert "INFO edge.agent: the recording has ended" in agent(tmp_path)


def test_a_program_reads_one_object_a_line(tmp_path: Path) -> None:
    lines = [json.loads(line) for line in agent(tmp_path, "--json")]
    (ended,) = [line for line in lines if line["message"] == "the recording has ended"]
    assert ended.keys() == {"time", "level", "logger", "message"}
    assert (ended["level"], ended["logger"]) == ("info", "edge.agent")
    assert ended["time"].endswith("Z") and ended["time"][10] == "T"


def test_journald_gets_a_level_with_each_line(tmp_path: Path) -> None:
    lines = agent(tmp_path, "--log", "debug", journal=True)
    assert "<6>INFO edge.agent: the recording has ended" in lines
    assert "<4>WARNING edge.swap.beginning: no model: readings are published without a verdict" in lines
    assert all(line[0] == "<" and line[1] in "34567" and line[2] == ">" for line in lines)


def test_journald_gets_objects_too(tmp_path: Path) -> None:
    lines = agent(tmp_path, "--json", journal=True)
    assert all(json.loads(line[3:])["message"] for line in lines)


def test_journald_files_the_last_sentence_with_the_errors(tmp_path: Path) -> None:
    (said,) = agent(tmp_path, "--period", "10", journal=True, status=2)
    assert said.startswith("<3>python -m edge: a replay has the period of its recording")
    (said,) = agent(tmp_path, "--period", "10", status=2)
    assert said.startswith("python -m edge: ")


def test_a_stream_that_is_not_the_journal_has_no_levels(tmp_path: Path) -> None:
    with (tmp_path / "out").open("w") as stream:
        assert not is_journal(stream, {})
        assert not is_journal(stream, {"JOURNAL_STREAM": "1:2"})


@pytest.mark.parametrize(
    "level, priority",
    [("CRITICAL", 2), ("ERROR", 3), ("WARNING", 4), ("INFO", 6), ("DEBUG", 7)],
)
def test_levels_are_syslogs(level: str, priority: int) -> None:
    shape = Journald(logging.Formatter("%(message)s"))
    assert (
        shape.format(record("the card is full", getattr(logging, level))) == f"<{priority}>the card is full"
    )


def test_every_line_of_a_traceback_has_its_level() -> None:
    try:
        raise ValueError("wet")
    except ValueError:
        made = logging.LogRecord("edge", logging.ERROR, __file__, 1, "it broke", None, sys.exc_info())
    lines = Journald(logging.Formatter("%(message)s")).format(made).split("\n")
    assert len(lines) > 3 and all(line.startswith("<3>") for line in lines)
    assert "ValueError: wet" in json.loads(Json().format(made))["traceback"]


@given(st.text())
def test_any_message_is_one_line_of_json(message: str) -> None:
    line = Json().format(record(message))
    assert "\n" not in line and json.loads(line)["message"] == message
