"""A real sshd on a free port of the loopback, with keys and an ssh configuration made for the test."""

import contextlib
import getpass
import os
import shutil
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.brokers import free_port, is_listening

PATIENCE_S = 20.0


@dataclass(frozen=True, slots=True)
class Server:
    """How to reach it: `options` are for ssh, `folder` holds its keys and logs."""

    target: str
    options: tuple[str, ...]
    port: int
    folder: Path


def make_key(path: Path) -> str:
    """A new key pair without a passphrase; the public key."""
    command = ["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", str(path)]
    subprocess.run(command, check=True, stdin=subprocess.DEVNULL)
    return path.with_suffix(".pub").read_text()


@contextmanager
def sshd(folder: Path, environment: dict[str, str] | None = None) -> Iterator[Server]:
    """A server that lets the current user in; `environment` is set for whatever runs there.

    Skips the test, with a sentence, when there is no sshd.
    """
    program = shutil.which("sshd") or shutil.which("sshd", path="/usr/sbin:/usr/local/sbin")
    if program is None:
        pytest.skip("sshd is not installed: apt-get install openssh-server")
    if os.geteuid() == 0:
        # sshd's own shelter, which Debian makes when the service starts
        Path("/run/sshd").mkdir(mode=0o755, exist_ok=True)
    folder.mkdir(parents=True)
    port = free_port()
    _configure(folder, port, environment or {})
    with (folder / "sshd.log").open("wb") as log:
        server = subprocess.Popen([program, "-D", "-e", "-f", str(folder / "sshd_config")], stderr=log)
    try:
        deadline = time.monotonic() + PATIENCE_S
        while not is_listening(port):
            if server.poll() is not None or time.monotonic() > deadline:
                pytest.fail(f"sshd did not start: {(folder / 'sshd.log').read_text()}")
            time.sleep(0.02)
        target = f"{getpass.getuser()}@127.0.0.1"
        yield Server(target, ("-F", str(folder / "ssh_config"), "-p", str(port)), port, folder)
    finally:
        server.terminate()
        with contextlib.suppress(subprocess.TimeoutExpired):
            server.wait(5)
        server.kill()
        server.wait()


def _configure(folder: Path, port: int, environment: dict[str, str]) -> None:
    host_key, user_key = make_key(folder / "host_key"), make_key(folder / "user_key")
    (folder / "authorized_keys").write_text(user_key)
    (folder / "known_hosts").write_text(f"[127.0.0.1]:{port} {host_key}")
    (folder / "ssh_config").write_text(
        f"IdentityFile {folder}/user_key\nIdentitiesOnly yes\nIdentityAgent none\n"
        f"UserKnownHostsFile {folder}/known_hosts\nGlobalKnownHostsFile /dev/null\n"
        "StrictHostKeyChecking yes\n"
    )
    settings = [
        f"ListenAddress 127.0.0.1:{port}",
        f"HostKey {folder}/host_key",
        f"AuthorizedKeysFile {folder}/authorized_keys",
        f"PidFile {folder}/pid",
        "StrictModes no",
        "UsePAM no",
        "PasswordAuthentication no",
        "KbdInteractiveAuthentication no",
        "PermitRootLogin prohibit-password",
        "LogLevel ERROR",
    ]
    if environment:
        # sh is asked for by its path: the environment may have a PATH of its own
        words = " ".join(f"{name}='{value}'" for name, value in environment.items())
        settings.append(f'ForceCommand {words} /bin/sh -c "$SSH_ORIGINAL_COMMAND"')
    (folder / "sshd_config").write_text("\n".join(settings) + "\n")


# What a host without Python still has.
PLAIN = ("sh", "uname", "id", "df", "awk", "dirname", "getent", "mkdir", "rm", "cat", "wc", "mv")


def link_programs(folder: Path, names: tuple[str, ...]) -> Path:
    """A folder to be a PATH, with just these programs."""
    folder.mkdir()
    for name in names:
        found = shutil.which(name)
        assert found, name
        (folder / name).symlink_to(found)
    return folder


def write_script(path: Path, text: str) -> None:
    """A stand-in for a program."""
    path.write_text(f"#!/bin/sh\n{text}\n")
    path.chmod(0o755)
