"""A network of the test's own, in which packets may get lost and names be looked up wrong. Needs root."""

import ctypes
import os
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

CLONE_NEWNET = 0x40000000


@contextmanager
def own_network() -> Iterator[None]:
    """A loopback that nobody else has, for this thread and all threads and processes that it starts.

    Skips the test, with a sentence, where that is not allowed.
    """
    if os.geteuid() != 0 or shutil.which("tc") is None:
        pytest.skip("a network of its own needs root, and iproute2")
    libc = ctypes.CDLL(None, use_errno=True)
    before = os.open("/proc/thread-self/ns/net", os.O_RDONLY)
    try:
        if libc.unshare(CLONE_NEWNET) != 0:
            pytest.skip(f"no network of its own: {os.strerror(ctypes.get_errno())}")
        try:
            subprocess.run(["ip", "link", "set", "lo", "up"], check=True)
            yield
        finally:
            assert libc.setns(before, CLONE_NEWNET) == 0, os.strerror(ctypes.get_errno())
    finally:
        os.close(before)


def drop_packets() -> None:
    """From now on nothing arrives in this network, and nobody is told: a queue without a place."""
    subprocess.run(["tc", "qdisc", "replace", "dev", "lo", "root", "pfifo", "limit", "0"], check=True)


def pass_packets() -> None:
    """What is sent arrives again."""
    subprocess.run(["tc", "qdisc", "del", "dev", "lo", "root"], check=True)


def asking(name_server: str, seconds: float, folder: Path) -> list[str]:
    """What to write before a command that is to look names up there, by the system's own resolver.

    It gives up after `seconds`.
    """
    if os.geteuid() != 0 or shutil.which("unshare") is None:
        pytest.skip("a resolv.conf of its own needs root, and util-linux")
    settings = folder / "resolv.conf"
    settings.write_text(f"nameserver {name_server}\noptions timeout:{seconds:g} attempts:1\n")
    script = f'mount --bind {settings} /etc/resolv.conf && exec "$@"'
    return ["unshare", "--mount", "--propagation", "private", "sh", "-c", script, "sh"]
