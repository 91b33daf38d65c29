"""The flags by which a command line names its MQTT broker, and who we are to it."""

import argparse
from pathlib import Path
from typing import Any

from edge.config import BrokerSection

FLAGS = ("username", "password_file", "tls", "cafile", "certfile", "keyfile")


def add_entry(add: Any) -> None:
    """Add the flags for a broker that asks who is there, to a parser or a group of one."""
    add.add_argument("--username", metavar="NAME")
    add.add_argument("--password-file", type=Path, metavar="FILE")
    add.add_argument("--tls", action="store_true", help="speak TLS; the port is then 8883 unless given")
    add.add_argument("--cafile", type=Path, metavar="FILE", help="the authority to trust")
    add.add_argument("--certfile", type=Path, metavar="FILE")
    add.add_argument("--keyfile", type=Path, metavar="FILE")


def section(options: argparse.Namespace) -> BrokerSection:
    """What they say, as a configuration's `[broker]` says it; `--broker` may be missing."""
    return BrokerSection(address=options.broker or "", **{flag: getattr(options, flag) for flag in FLAGS})
