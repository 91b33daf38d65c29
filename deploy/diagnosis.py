"""`python -m deploy.diagnosis`: what `edge doctor` finds on the Pi, and which of it forbids to go on.

Runs on the Pi, for deploy/installer/install.sh. A sensor that is not wired yet, a broker that is away or a
clock that is not set will be mended some day and are told; a release that cannot run there is not taken.
"""

import argparse
import logging
import sys
from pathlib import Path

from edge.command import run_command
from edge.config import check, read_config
from edge.doctor.command import examine
from edge.doctor.report import Finding
from edge.errors import PicanaryError

FATAL = frozenset({"runtime", "bundle"})
# of the service that is there now, not of the one to come
NOT_ASKED = frozenset({"systemd", "configuration"})


class Forbidden(PicanaryError):
    """The release would not work there."""


def diagnose(config: Path) -> list[Finding]:
    """All but what is well. Raises Forbidden when one of them is fatal, ConfigError for a wrong file."""
    logging.basicConfig(level=logging.CRITICAL + 1)
    found = [each for each in examine(check(read_config(config)), config) if each.level != "ok"]
    for each in found:
        if each.level == "fail" and each.subject in FATAL:
            raise Forbidden(f"edge doctor says: {_sentence(each)}")
    return [each for each in found if each.subject not in NOT_ASKED]


def _sentence(finding: Finding) -> str:
    return f"{finding.subject}: {finding.found}" + (f"; {finding.do}" if finding.do else "")


def main(arguments: list[str] | None = None) -> int:
    """Print a line for each finding. Exit status 2 with a sentence when the release must not be used."""
    parser = argparse.ArgumentParser(prog="python -m deploy.diagnosis", description=__doc__)
    parser.add_argument("--config", type=Path, required=True, metavar="FILE", help="the agent's edge.toml")
    return run_command("deploy.diagnosis", parser, _main, arguments)


def _main(options: argparse.Namespace) -> int:
    for finding in diagnose(options.config):
        print(finding.line)
    return 0


if __name__ == "__main__":
    sys.exit(main())
