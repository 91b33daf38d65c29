"""The command as a person starts and ends it."""

import json
import os
import signal
import socket
import subprocess
import sys
import time
from contextlib import closing, contextmanager

import httpx
import pytest

from monitor import service
from monitor.__main__ import main
from tests.brokers import free_port, mosquitto


@contextmanager
def started(*arguments: str):
    """The command in a process of its own."""
    command = [sys.executable, "-m", "monitor", *arguments]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    try:
        yield process
    finally:
        process.kill()
        process.communicate(timeout=10)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_ends_it_within_two_seconds_although_pages_are_open(tmp_path, number):
    with mosquitto() as broker:
        store = tmp_path / "m.db"
        arguments = ["--broker", f"127.0.0.1:{broker.port}", "--listen", "127.0.0.1:0", "--json"]
        with started(*arguments, "--store", str(store)) as process:
            ready = json.loads(process.stdout.readline())
            with (
                httpx.Client(base_url=ready["page"], timeout=10) as client,
                client.stream("GET", "/live") as one,
                client.stream("GET", "/live") as other,
            ):
                assert next(one.iter_lines()) and next(other.iter_lines())
                began = time.monotonic()
                process.send_signal(number)
                process.wait(10)
                assert time.monotonic() - began < 2.0
            assert process.returncode == 0
            assert process.stderr.read() == ""
            assert json.loads(process.stdout.readline()) == {"received": {}}
        assert store.exists()


def refusal(capsys, *arguments: str) -> str:
    """The one sentence of a start that must fail with status 2."""
    assert main([*arguments]) == 2
    said = capsys.readouterr()
    assert said.out == ""
    assert said.err.startswith("python -m monitor: ")
    assert said.err.count("\n") == 1
    return said.err


def test_a_broker_that_is_not_there_is_a_sentence(capsys, tmp_path, monkeypatch):
    monkeypatch.setattr(service, "START_WAIT_S", 0.3)
    options = ["--listen", "127.0.0.1:0", "--store", str(tmp_path / "m.db")]
    assert "nobody listens at 127.0.0.1:" in refusal(capsys, "--broker", f"127.0.0.1:{free_port()}", *options)
    assert "must be HOST or HOST:PORT" in refusal(capsys, "--broker", "a:b:c", *options)


def test_a_wrong_password_is_a_sentence(capsys, tmp_path):
    passwords, secret = tmp_path / "passwords", tmp_path / "secret"
    passwords.write_text("me:right\n")
    secret.write_text("wrong\n")
    secret.chmod(0o600)
    subprocess.run(["mosquitto_passwd", "-U", str(passwords)], check=True)
    with mosquitto(f"allow_anonymous false\npassword_file {passwords}") as broker:
        options = ["--broker", f"127.0.0.1:{broker.port}", "--store", str(tmp_path / "m.db")]
        entry = ["--listen", "127.0.0.1:0", "--username", "me", "--password-file", str(secret)]
        assert "refused the connection" in refusal(capsys, *options, *entry)
        secret.chmod(0o644)
        assert "can be read by everybody" in refusal(capsys, *options, *entry)


def test_a_port_in_use_is_a_sentence(capsys, tmp_path):
    with closing(socket.create_server(("127.0.0.1", 0))) as taken:
        port = taken.getsockname()[1]
        said = refusal(
            capsys,
            *("--broker", "127.0.0.1", "--listen", f"127.0.0.1:{port}", "--store", str(tmp_path / "m.db")),
        )
    assert f"cannot listen at 127.0.0.1:{port}: address already in use" in said


@pytest.mark.parametrize("listen", ["nonsense:x", "127.0.0.1:99999", ":8080", "::1"])
def test_an_address_that_cannot_be_is_a_sentence(capsys, listen, tmp_path):
    said = refusal(capsys, "--broker", "127.0.0.1", "--listen", listen, "--store", str(tmp_path / "m.db"))
    assert "--listen" in said


@pytest.mark.parametrize("option", ["--keep-days", "--keep-gb"])
def test_a_history_of_no_length_is_a_sentence(capsys, option, tmp_path):
    where = ["--listen", "127.0.0.1:0", "--store", str(tmp_path / "m.db")]
    for value in ("0", "-3", "nan", "inf"):
        assert option in refusal(capsys, "--broker", "127.0.0.1", *where, option, value)


def test_a_store_that_is_something_else_is_a_sentence(capsys, tmp_path):
    path = tmp_path / "notes.txt"
    path.write_text("these are my notes, and no database " * 10)
    said = refusal(capsys, "--broker", "127.0.0.1", "--listen", "127.0.0.1:0", "--store", str(path))
    assert "notes.txt" in said


def test_what_is_not_installed_is_named_with_its_extra(tmp_path):
    hidden = tmp_path / "hidden"
    (hidden / "starlette").mkdir(parents=True)
    (hidden / "starlette" / "__init__.py").write_text("raise ModuleNotFoundError('gone', name='starlette')")
    command = [sys.executable, "-m", "monitor", "--broker", "127.0.0.1"]
    path = os.pathsep.join([str(hidden), os.environ.get("PYTHONPATH", "")])
    done = subprocess.run(
        command, env={**os.environ, "PYTHONPATH": path}, capture_output=True, text=True, timeout=60
    )
    assert done.returncode == 2
    assert "picanary[monitor]" in done.stderr
    assert "Traceback" not in done.stderr
