"""`python -m convert keygen`: one key to sign bundles with, and one for the devices that trust it."""

import argparse
from pathlib import Path

from edge.bundle.keys import fingerprint, generate, write_pair
from edge.command import run_command
from edge.errors import ConfigError


def parser() -> argparse.ArgumentParser:
    """The command line."""
    command = argparse.ArgumentParser(prog="python -m convert keygen", description=__doc__)
    command.add_argument(
        "--out",
        type=Path,
        default=Path("picanary"),
        metavar="NAME",
        help="writes NAME.key and NAME.pub (default: picanary)",
    )
    command.add_argument("--debug", action="store_true", help="show tracebacks")
    return command


def main(arguments: list[str] | None = None) -> int:
    """Make the keys. Exit status 2 with one sentence when a file of that name exists."""
    return run_command("convert keygen", parser(), _generate, arguments)


def _generate(options: argparse.Namespace) -> int:
    if not options.out.name or options.out.is_dir():
        raise ConfigError(f"--out {options.out} is a folder; add a name, such as {options.out / 'picanary'}")
    key = generate()
    private, public = write_pair(options.out, key)
    print(f"private key  {private} (keep it here: whoever has it can sign for your devices)")
    print(f"public key   {public} ({fingerprint(key.public_key())})")
    print(f"sign         python -m convert RUN --key {private}")
    print(f"on the Pi    copy {public.name} there, and name it in trusted_keys of the configuration")
    return 0
