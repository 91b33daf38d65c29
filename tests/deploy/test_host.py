"""A connection to a host over the system's ssh, against a real sshd on the loopback."""

import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from deploy.__main__ import main
from deploy.ssh import Host, HostError
from tests.brokers import free_port
from tests.deploy.sshd import Server, make_key, sshd


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    with sshd(tmp_path_factory.mktemp("server") / "sshd") as running:
        yield running


def _options(server: Server) -> list[str]:
    return [f"--ssh-option=-F {server.folder}/ssh_config", "--port", str(server.port)]


def test_a_host_that_nobody_answers_at_is_told_in_a_sentence(
    server: Server, capsys: pytest.CaptureFixture[str]
) -> None:
    option = f"--ssh-option=-F {server.folder}/ssh_config"
    arguments = ["push", server.target, option, "--port", str(free_port())]
    assert main(arguments) == 2
    assert "nothing listens on its ssh port" in _sentence(capsys)


def test_an_unknown_host_key_is_told_in_a_sentence(
    server: Server, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "empty").touch()
    option = f"--ssh-option=-o UserKnownHostsFile={tmp_path}/empty"
    assert main(["push", server.target, option, *_options(server)]) == 2
    assert "its host key is not known here" in _sentence(capsys)


def test_a_changed_host_key_is_told_in_a_sentence(
    server: Server, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "known").write_text(f"[127.0.0.1]:{server.port} {make_key(tmp_path / 'other')}")
    option = f"--ssh-option=-o UserKnownHostsFile={tmp_path}/known"
    assert main(["push", server.target, option, *_options(server)]) == 2
    assert "its host key is not the one it had before" in _sentence(capsys)


def test_a_key_that_is_not_accepted_is_told_in_a_sentence(
    server: Server, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    make_key(tmp_path / "stranger")
    option = f"--ssh-option=-F none -i {tmp_path}/stranger -o IdentitiesOnly=yes -o IdentityAgent=none"
    known = f"--ssh-option=-o UserKnownHostsFile={server.folder}/known_hosts"
    arguments = ["push", server.target, option, known, "--port", str(server.port)]
    assert main(arguments) == 2
    assert "it accepts none of our keys" in _sentence(capsys)


def test_no_connection_outlives_the_push(server: Server) -> None:
    with Host(server.target, server.options) as host:
        assert host.run("ask", 'printf "%s" "$1"', "it's $HOME") == "it's $HOME"
        socket = host._socket
        assert socket.exists()
    assert not socket.parent.exists()
    listed = subprocess.run(["ps", "-ewwo", "args"], capture_output=True, text=True, check=True)
    assert str(socket) not in listed.stdout


def test_a_command_that_hangs_is_given_up(server: Server) -> None:
    started = time.monotonic()
    with (
        Host(server.target, server.options) as host,
        pytest.raises(HostError, match=r"cannot wait for ever: not done after 0.5 s"),
    ):
        host.run("wait for ever", "exec sleep 30", deadline_s=0.5)
    assert time.monotonic() - started < 20


def _sentence(capsys: pytest.CaptureFixture[str]) -> str:
    """What stands on stderr, which must be one line."""
    said = capsys.readouterr().err.strip()
    assert said.startswith("python -m deploy: ")
    assert "\n" not in said
    return said
