"""A broker for one laptop: mosquitto where it is installed, else the embedded one. Loopback only."""

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


def is_free(port: int) -> bool:
    """Whether we could listen at that port of the loopback."""
    with closing(socket.socket()) as probe:
        # as servers do: the last one's connections may still be dying there
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((LOOPBACK, port))
        except OSError:
            return False
    return True


def answers(port: int) -> bool:
    """Whether something accepts connections at that port of the loopback."""
    with closing(socket.socket()) as probe:
        probe.settimeout(1.0)
        return probe.connect_ex((LOOPBACK, port)) == 0


def command(folder: Path, port: int) -> list[str]:
    """The command of a broker that lets everybody on this machine in; its settings go to `folder`.

    Raises MissingExtra when there is no broker to start.
    """
    program = shutil.which("mosquitto") or shutil.which("mosquitto", path="/usr/sbin:/usr/local/sbin")
    return _mosquitto(program, folder, port) if program else _embedded(folder, port)


def _mosquitto(program: str, folder: Path, port: int) -> list[str]:
    settings = folder / "mosquitto.conf"
    # as root it would become the user mosquitto, who cannot read our folder
    settings.write_text(
        f"user {getpass.getuser()}\nlistener {port} {LOOPBACK}\nallow_anonymous true\npersistence false\n"
    )
    return [program, "-c", str(settings)]


def _embedded(folder: Path, port: int) -> list[str]:
    if importlib.util.find_spec("amqtt") is None:
        raise MissingExtra(
            "no broker to start: install mosquitto, or the embedded one with: pip install 'picanary[demo]'"
        )
    settings = folder / "amqtt.yaml"
    settings.write_text(
        f"listeners: {{default: {{type: tcp, bind: '{LOOPBACK}:{port}'}}}}\n"
        "plugins: {amqtt.plugins.authentication.AnonymousAuthPlugin: {allow_anonymous: true}}\n"
    )
    return [sys.executable, "-m", "amqtt.scripts.broker_script", "-c", str(settings)]
