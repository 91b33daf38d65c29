"""The fleet in a terminal: a real pseudo-terminal, a real monitor, a real broker."""

import fcntl
import os
import pty
import re
import select
import signal
import struct
import subprocess
import sys
import termios
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import ClassVar

import pytest

from monitor.__main__ import main
from monitor.top.feed import events
from monitor.top.rows import condition_of, lasting, plain
from tests.brokers import free_port, mosquitto
from tests.monitor import crowd
from tests.monitor.messages import info, record
from tests.monitor.running import PATIENCE_S, agent, monitor, until

pytest.importorskip("rich", reason="needs picanary[monitor]: rich")


class Terminal:
    """The command behind a pseudo-terminal; `text` is what it drew last."""

    def __init__(self, url: str, rows: int = 24, columns: int = 110) -> None:
        self._ours, theirs = pty.openpty()
        self.resize(rows, columns, tell=False)
        self.before = termios.tcgetattr(theirs)
        command = [sys.executable, "-m", "monitor", "top", "--page", url]
        # a size in the environment would stand above the terminal's own
        sizeless = {name: value for name, value in os.environ.items() if name not in ("COLUMNS", "LINES")}
        self.process = subprocess.Popen(
            command, stdin=theirs, stdout=theirs, stderr=theirs, env={**sizeless, "TERM": "xterm-256color"}
        )
        self._theirs = theirs
        self._drawn = b""

    def resize(self, rows: int, columns: int, tell: bool = True) -> None:
        fcntl.ioctl(self._ours, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))
        if tell:
            self.process.send_signal(signal.SIGWINCH)

    def press(self, key: str) -> None:
        os.write(self._ours, key.encode())

    def text(self) -> str:
        """What the newest picture says, without colours."""
        while select.select([self._ours], [], [], 0.05)[0]:
            self._drawn += os.read(self._ours, 65536)
        pictures = self._drawn.split(b"\x1b[H")
        newest = pictures[-1] if b"q quits" in pictures[-1] or len(pictures) < 2 else pictures[-2]
        return re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", newest.decode("utf-8", "replace"))

    def says(self, *words: str) -> bool:
        text = self.text()
        return all(word in text for word in words)

    def settings(self) -> list:
        return termios.tcgetattr(self._theirs)

    def ends(self) -> int | None:
        """Its exit status; who draws a last picture for nobody to read may wait for ever."""
        until(lambda: self.text() is not None and self.process.poll() is not None)
        return self.process.returncode

    def close(self) -> None:
        self.process.kill()
        self.process.wait(10)
        os.close(self._theirs)
        os.close(self._ours)


@contextmanager
def terminal(url: str, **size: int) -> Iterator[Terminal]:
    made = Terminal(url, **size)
    try:
        yield made
    finally:
        made.close()


def test_rooms_are_drawn_worst_first_and_move_until_q_is_pressed(tmp_path: Path) -> None:
    with mosquitto() as broker, monitor(broker, tmp_path / "m.db") as (running, _), agent(broker) as room:
        room.born()
        room.records(record(1, temperature_c=19.5))
        room.device = "attic"
        room.born()
        room.records(record(1), record(4))
        until(lambda: len(running.ingest.summaries) == 2)
        with terminal(running.server.url) as shown:
            until(lambda: shown.says("2 rooms", "2 normal", "19.5 °C", "live", "1 with missing records"))
            lines = shown.text().splitlines()
            attic, cellar = (
                next(i for i, line in enumerate(lines) if name in line) for name in ("attic", "cellar")
            )
            assert attic < cellar
            room.device = "cellar"
            room.records(record(2, state="anomalous", score=4.2))
            until(lambda: shown.says("1 anomalous", "1 normal", "4.20"))
            lines = shown.text().splitlines()
            attic, cellar = (
                next(i for i, line in enumerate(lines) if name in line) for name in ("attic", "cellar")
            )
            assert cellar < attic
            assert shown.settings() != shown.before
            shown.press("q")
            assert shown.ends() == 0
            assert shown.settings() == shown.before


def test_it_follows_the_size_of_the_terminal_and_scrolls(tmp_path: Path) -> None:
    crowd.fill(tmp_path / "m.db", 100, records=3)
    with (
        mosquitto() as broker,
        monitor(broker, tmp_path / "m.db") as (running, _),
        terminal(running.server.url, rows=20) as shown,
    ):
        until(lambda: shown.says("100 rooms", "rows 1 to 14 of 100"))
        shown.resize(40, 110)
        until(lambda: shown.says("rows 1 to 34 of 100"))
        shown.press("\x1b[6~")
        until(lambda: shown.says("rows 35 to 68 of 100"))
        shown.press("G")
        until(lambda: shown.says("rows 67 to 100 of 100"))
        assert max(map(len, shown.text().splitlines())) <= 110
        shown.resize(20, 48)
        until(lambda: shown.says("rows 67 to 7", "q quits"))  # beside counts that take more lines
        shown.press("G")
        until(lambda: shown.says("to 100 of 100", "q quits"))
        assert len(shown.text().splitlines()) <= 20
        shown.process.terminate()
        assert shown.ends() == 0
        assert shown.settings() == shown.before


def test_a_monitor_that_goes_away_is_said_and_its_return_too(tmp_path: Path) -> None:
    port = free_port()
    from edge.mqtt.broker import BrokerSettings
    from monitor.server import bind
    from monitor.service import Monitor, Settings

    with mosquitto() as broker, agent(broker) as room:

        def start() -> Monitor:
            settings = BrokerSettings("127.0.0.1", broker.port, "monitor-top")
            made = Monitor(Settings(settings, bind("127.0.0.1", port), tmp_path / "m.db"))
            made.start()
            return made

        first = start()
        room.born()
        room.records(record(1))
        until(lambda: first.ingest.summaries)
        with terminal(f"http://127.0.0.1:{port}/") as shown:
            until(lambda: shown.says("live"))
            first.stop()
            until(lambda: shown.says("reconnecting"))
            second = start()
            try:
                until(lambda: shown.says("live") and not shown.says("reconnecting"))
                room.records(record(2, state="sensor_fault", score=None))
                until(lambda: shown.says("1 sensor fault"))
            finally:
                second.stop()


def test_into_a_file_it_is_a_plain_table_once(tmp_path: Path) -> None:
    crowd.fill(tmp_path / "m.db", 12, records=3)
    with mosquitto() as broker, monitor(broker, tmp_path / "m.db") as (running, _):
        command = [sys.executable, "-m", "monitor", "top", "--page", running.server.url]
        done = subprocess.run(command, capture_output=True, text=True, timeout=PATIENCE_S, check=True)
    assert "\x1b" not in done.stdout
    assert done.stderr == ""
    assert done.stdout.startswith("12 rooms")
    rows = [line for line in done.stdout.splitlines() if "room-00" in line]
    assert len(rows) == 12
    assert any("offline" in line and "room-0002" in line for line in rows)


def refusal(capsys: pytest.CaptureFixture[str], *arguments: str) -> str:
    """The one sentence of a start that must fail with status 2."""
    assert main(["top", *arguments]) == 2
    said = capsys.readouterr()
    assert said.out == ""
    assert said.err.startswith("python -m monitor top: ")
    assert said.err.count("\n") == 1
    return said.err


def test_a_monitor_that_is_not_there_is_a_sentence(capsys: pytest.CaptureFixture[str]) -> None:
    said = refusal(capsys, "--page", f"http://127.0.0.1:{free_port()}")
    assert "no monitor answers at http://127.0.0.1:" in said
    assert "--page" in said
    assert "must begin with http" in refusal(capsys, "--page", "file:///etc/passwd")


class Doorman(BaseHTTPRequestHandler):
    """Lets nobody in but who has the token; sends whoever asks for /there elsewhere."""

    seen: ClassVar[list[str | None]] = []

    def do_GET(self) -> None:
        self.seen.append(self.headers["authorization"])
        if self.path.startswith("/there"):
            self.send_response(302)
            self.send_header("location", "/api/devices")
        elif self.headers["authorization"] != "Bearer secret":
            self.send_response(401)
        else:
            self.send_response(200)
        self.end_headers()
        if self.headers["authorization"] == "Bearer secret":
            self.wfile.write(b'{"now_ms": 1, "problem": null, "devices": []}')

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def door() -> Iterator[str]:
    Doorman.seen = []
    server = HTTPServer(("127.0.0.1", 0), Doorman)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    thread.join(10)
    server.server_close()


def test_a_token_comes_from_a_file_or_the_environment(door, capsys, monkeypatch, tmp_path: Path) -> None:
    monkeypatch.delenv("PICANARY_TOKEN", raising=False)
    assert "wants a token" in refusal(capsys, "--page", door)
    monkeypatch.setenv("PICANARY_TOKEN", "secret")
    assert main(["top", "--once", "--page", door]) == 0
    assert capsys.readouterr().out.startswith("0 rooms")
    file = tmp_path / "token"
    file.write_text("another\n")
    assert "wants a token" in refusal(capsys, "--page", door, "--bearer-file", str(file))
    file.write_text("secret\n")
    assert main(["top", "--once", "--page", door, "--bearer-file", str(file)]) == 0
    capsys.readouterr()
    for wrong in ("", "two words", "zwölf"):
        file.write_text(wrong)
        assert str(file) in refusal(capsys, "--page", door, "--bearer-file", str(file))
    assert "no such file" in refusal(capsys, "--bearer-file", str(tmp_path / "none")).lower()


def test_the_token_goes_to_no_other_address(door, capsys, monkeypatch) -> None:
    monkeypatch.setenv("PICANARY_TOKEN", "secret")
    assert "HTTP status 302" in refusal(capsys, "--page", f"{door}/there")
    assert len(Doorman.seen) == 1


def test_what_came_by_mqtt_commands_no_terminal(tmp_path: Path) -> None:
    evil = "\x1b[2Jgone\x07[bold]x[/bold]\n"
    with mosquitto() as broker, monitor(broker, tmp_path / "m.db") as (running, _), agent(broker) as room:
        room.send("info", info(model=evil))
        room.records(record(1, model=evil))
        until(lambda: running.ingest.summaries)
        command = [sys.executable, "-m", "monitor", "top", "--once", "--page", running.server.url]
        done = subprocess.run(command, capture_output=True, text=True, timeout=PATIENCE_S, check=True)
    assert "\x1b" not in done.stdout
    assert "\x07" not in done.stdout
    assert "·[2Jgone·[bold]x[/bold]·" in done.stdout


def test_streams_are_read_as_the_browser_reads_them() -> None:
    lines = b'retry: 2000\n\n: still here\n\nid: a-1\ndata: {"a":1}\n\n'
    lines += b"id: a-2\nevent: reset\ndata: {}\n\ndata: half"
    assert list(events(iter(lines.splitlines(keepends=True)))) == [("message", '{"a":1}'), ("reset", "{}")]


def test_words_are_those_of_the_page() -> None:
    device = {"condition": "normal", "presence": "online", "heard_ms": 0, "info": {"period_s": 10.0}}
    assert condition_of(device, 50_000) == "normal"
    assert condition_of(device, 50_001) == "silent"
    assert condition_of({**device, "presence": "offline", "condition": "offline"}, 10**9) == "offline"
    assert condition_of({**device, "condition": "something new"}, 0) == "unknown"
    assert [lasting(1000 * each) for each in (0, 119, 120, 7199, 7200, 200_000)] == [
        *("0 s", "119 s", "2 min", "119 min", "2 h", "2 d")
    ]
    assert plain("a\tb\u202ec") == "a·b·c"
