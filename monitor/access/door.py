"""How the page is reached: with or without a token, with or without TLS, by what names."""

import ipaddress
import socket
import ssl
from dataclasses import dataclass
from pathlib import Path

from edge.errors import ConfigError
from monitor.access import token
from monitor.access.tls import names_of, server_context
from monitor.access.token import TokenHash


@dataclass(frozen=True, slots=True)
class Door:
    """Without a `token` it is open, without `tls` it is plain HTTP; `names` are further names of the host."""

    token: TokenHash | None = None
    tls: ssl.SSLContext | None = None
    names: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class DoorFiles:
    """What the command line says of it. `open_to_all`: on purpose, without a token."""

    token: Path | None = None
    certificate: Path | None = None
    key: Path | None = None
    names: tuple[str, ...] = ()
    open_to_all: bool = False


def hang(files: DoorFiles, listener: socket.socket, listen: str) -> Door:
    """The door of a monitor that listens there. Raises ConfigError when it must not stand open."""
    if files.token and files.open_to_all:
        raise ConfigError("--open lets everybody in and --token-file does not: leave one of them out")
    if not (files.token or files.open_to_all or is_private(listener)):
        raise ConfigError(
            f"--listen {listen} can be reached from other machines, so a token is needed: make one with "
            "`python -m monitor token FILE` and start with --token-file FILE (or with --open, if anyone who "
            "reaches it may look and change things)"
        )
    if files.key and not files.certificate:
        raise ConfigError("--web-keyfile needs its --web-certfile")
    tls = server_context(files.certificate, files.key) if files.certificate else None
    more = names_of(files.certificate) if files.certificate else ()
    named = [listen.rpartition(":")[0]] if ":" in listen else []  # systemd knows where, and no name
    names = (*files.names, *more, *named)
    return Door(token.read(files.token) if files.token else None, tls, names)


def warning(door: Door, listener: socket.socket) -> str | None:
    """A sentence on what a person may not have thought of, or None."""
    if is_private(listener) or door.tls is not None:
        return None
    if door.token is None:
        return "the page is open to everyone who reaches it, and so is everything that it can change"
    return (
        "the token and the page travel unencrypted: whoever listens on the network on the way can read both; "
        "give --web-certfile and --web-keyfile, or a proxy that speaks TLS in front"
    )


def is_private(listener: socket.socket) -> bool:
    """Whether only this machine can reach it."""
    return ipaddress.ip_address(listener.getsockname()[0].partition("%")[0]).is_loopback
