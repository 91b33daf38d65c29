"""The web server in a thread of its own, so that the main thread is free to hear signals."""

import asyncio
import logging
import os
import socket
import ssl
import threading
from collections.abc import Mapping

import uvicorn
from starlette.types import ASGIApp

from edge.errors import ConfigError
from monitor.live import Live

SYSTEMD = "systemd"  # said instead of an address
FIRST_FD = 3  # sd_listen_fds(3)
STOP_S = 1  # what an answer in flight may still take when the monitor ends

LOG = logging.getLogger(__name__)


def bind(host: str, port: int) -> socket.socket:
    """A listening socket; port 0 takes a free one. Raises ConfigError when it cannot be had."""
    try:
        family = socket.AF_INET6 if ":" in host else socket.AF_INET
        listener = socket.create_server((host, port), family=family)
        # asyncio would set it only on sockets that name their protocol, which those of create_server do
        # not; without it head and body of an answer lie 40 ms apart. Who is accepted inherits it.
        listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        return listener
    except (OSError, UnicodeError) as error:
        reason = getattr(error, "strerror", None) or str(error)
        raise ConfigError(
            f"cannot listen at {host}:{port}: {reason.lower()}; choose another with --listen ADDRESS:PORT"
        ) from error


def inherited(environment: Mapping[str, str] = os.environ) -> socket.socket:
    """The socket that systemd opened for us, so that we need no right to a port below 1024.

    Raises ConfigError when it gave none, or several.
    """
    ours = environment.get("LISTEN_PID") == str(os.getpid())
    if not ours or environment.get("LISTEN_FDS") != "1":
        raise ConfigError(
            "--listen systemd takes the one socket of a systemd socket unit, and there is none: "
            "give ADDRESS:PORT"
        )
    os.set_inheritable(FIRST_FD, False)
    return socket.socket(fileno=FIRST_FD)


class Server:
    """Serves one application on one socket from `start` to `stop`, with `tls` or without."""

    def __init__(
        self, app: ASGIApp, listener: socket.socket, live: Live, tls: ssl.SSLContext | None = None
    ) -> None:
        self._listener = listener
        self._live = live
        self._tls = tls
        self._ready = threading.Event()
        self._loop: asyncio.AbstractEventLoop | None = None
        config = uvicorn.Config(
            app,
            log_config=None,
            access_log=False,
            lifespan="off",
            timeout_graceful_shutdown=STOP_S,
            server_header=False,
            ssl_context_factory=(lambda *_: tls) if tls else None,
        )
        logging.getLogger("uvicorn.error").addFilter(_is_news)
        self._uvicorn = uvicorn.Server(config)
        self._thread = threading.Thread(target=self._run, name="web", daemon=True)

    @property
    def url(self) -> str:
        """The page's address."""
        host, port = self._listener.getsockname()[:2]
        if host in ("0.0.0.0", "::"):  # noqa: S104  (any address of ours: we say our name)
            host = socket.gethostname()
        scheme = "https" if self._tls else "http"
        return f"{scheme}://[{host}]:{port}/" if ":" in host else f"{scheme}://{host}:{port}/"

    def start(self) -> None:
        """Begin to answer."""
        self._thread.start()
        self._ready.wait(10)

    def comes_round(self, within_s: float) -> bool:
        """Whether the thread that answers still turns to what is new."""
        came = threading.Event()
        if self._loop is None:
            return False
        try:
            self._loop.call_soon_threadsafe(came.set)
        except RuntimeError:  # it has ended
            return False
        return came.wait(within_s)

    def stop(self) -> None:
        """End all streams, let other answers finish for a second, end the thread."""
        self._live.close()
        self._uvicorn.should_exit = True
        if self._thread.is_alive():
            self._thread.join(STOP_S + 4)
        self._listener.close()

    def _run(self) -> None:
        asyncio.run(self._serve())

    async def _serve(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._live.bind(self._loop)
        self._ready.set()
        await self._uvicorn.serve(sockets=[self._listener])
        for connection in list(self._uvicorn.server_state.connections):
            if (transport := connection.transport) is not None:
                transport.abort()  # what waits there for somebody who does not read
        await asyncio.sleep(0)  # in which they close


def _is_news(record: logging.LogRecord) -> bool:
    """Not the trace of an answer that was cut off at the end, because whoever had asked did not read it."""
    return not (record.exc_info and isinstance(record.exc_info[1], asyncio.CancelledError))
