"""A broker that a command starts itself: mosquitto where it is installed, else the embedded one.

The agent never loads this. Everybody who can reach such a broker is let in: it belongs on the loopback.
"""

import getpass
import importlib.util
import shutil
import socket
import sys
from contextlib import closing
from pathlib import Path

from edge.errors import MissingExtra

LOOPBACK = "127.0.0.1"


def free_port() -> int:
    """A port of the loopback that nobody listens at just now."""
    with closing(socket.socket()) as probe:
        probe.bind((LOOPBACK, 0))
        return int(probe.getsockname()[1])


def is_free(port: int, host: str = LOOPBACK) -> bool:
    """Whether we could listen at that port."""
    with closing(socket.socket(_family(host))) as probe:
        # as servers do: the last one's connections may still be dying there
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError:
            return False
    return True


def answers(port: int, host: str = LOOPBACK) -> bool:
    """Whether something accepts connections at that port."""
    with closing(socket.socket(_family(host))) as probe:
        probe.settimeout(1.0)
        return probe.connect_ex((host, port)) == 0


def command(folder: Path, port: int, host: str = LOOPBACK, keep: bool = False) -> list[str]:
    """The command of a broker that lets everybody in; its settings go to `folder`.

    With `keep` mosquitto keeps retained messages there as well, over its end; the embedded one never
    does, and agents say anew what they had said. Raises MissingExtra when there is no broker to start.
    """
    program = shutil.which("mosquitto") or shutil.which("mosquitto", path="/usr/sbin:/usr/local/sbin")
    if program:
        return _mosquitto(program, folder, (host, port), keep)
    return _embedded(folder, f"[{host}]:{port}" if ":" in host else f"{host}:{port}")


def _mosquitto(program: str, folder: Path, at: tuple[str, int], keep: bool) -> list[str]:
    settings = folder / "mosquitto.conf"
    kept = f"persistence_location {folder.resolve()}/\nautosave_interval 60\n" if keep else ""
    # as root it would become the user mosquitto, who cannot read our folder
    settings.write_text(
        f"user {getpass.getuser()}\nlistener {at[1]} {at[0]}\nallow_anonymous true\n"
        f"persistence {str(keep).lower()}\n{kept}"
    )
    return [program, "-c", str(settings)]


def _embedded(folder: Path, address: str) -> list[str]:
    if importlib.util.find_spec("amqtt") is None:
        raise MissingExtra(
            "no broker to start: install mosquitto, or the embedded one with: pip install 'picanary[demo]'"
        )
    settings = folder / "amqtt.yaml"
    settings.write_text(
        f"listeners: {{default: {{type: tcp, bind: '{address}'}}}}\n"
        "plugins: {amqtt.plugins.authentication.AnonymousAuthPlugin: {allow_anonymous: true}}\n"
    )
    return [sys.executable, "-m", "amqtt.scripts.broker_script", "-c", str(settings)]


def _family(host: str) -> socket.AddressFamily:
    return socket.AF_INET6 if ":" in host else socket.AF_INET
