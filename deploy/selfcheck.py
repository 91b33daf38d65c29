"""`python -m deploy.selfcheck`: does this installation work on this machine?

Runs on the host that was pushed to, in the new release, before the release is used: the agent
reads the simulator for a moment, with no broker, and the readings must be in its journal.
"""

import argparse
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

from edge.command import run_command
from edge.config import read_config
from edge.errors import ConfigError, PicanaryError
from edge.journal import Journal

RUN_S = 2.0
DEADLINE_S = 60.0


class SelfCheckError(PicanaryError):
    """The agent does not work here."""


def check(command: Sequence[str], run_s: float = RUN_S, deadline_s: float = DEADLINE_S) -> int:
    """Run an agent until its journal exists and `run_s` longer; the number of readings in it.

    `command` gets `--journal PATH` added. Raises SelfCheckError when the agent ends by itself,
    ends with an error, or leaves no reading.
    """
    with tempfile.TemporaryDirectory(prefix="picanary-check-") as folder:
        journal, log = Path(folder, "journal.db"), Path(folder, "log")
        with log.open("wb") as output:
            agent = subprocess.Popen(
                [*command, "--journal", str(journal)],
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
            )
        try:
            _wait(agent, journal, run_s, deadline_s)
            agent.terminate()
            status = agent.wait(deadline_s)
        except subprocess.TimeoutExpired as error:
            raise SelfCheckError(f"the agent did not stop within {deadline_s:g} s") from error
        finally:
            agent.kill()
            agent.wait()
        if status != 0 or not journal.exists():
            raise SelfCheckError(f"the agent ended with status {status}: {_last_line(log)}")
        return _count(journal)


def _wait(agent: subprocess.Popen[bytes], journal: Path, run_s: float, deadline_s: float) -> None:
    """Until the journal is there and `run_s` have passed, the agent has ended, or the deadline."""
    deadline = time.monotonic() + deadline_s
    while agent.poll() is None and not journal.exists() and time.monotonic() < deadline:
        time.sleep(0.05)
    try:
        agent.wait(run_s)
    except subprocess.TimeoutExpired:
        return


def _count(path: Path) -> int:
    journal = Journal(path)
    try:
        readings = journal.count()
    finally:
        journal.close()
    if readings == 0:
        raise SelfCheckError("the agent ran, but left no reading in its journal")
    return readings


def _last_line(log: Path) -> str:
    lines = log.read_text(errors="replace").strip().splitlines()
    return lines[-1] if lines else "it said nothing"


def require_bundle(config: Path, bundle: Path | None) -> None:
    """Raises ConfigError when `config` is wrong, or leaves a bundle that is there unused."""
    if read_config(config).agent.bundle is None and bundle is not None:
        raise ConfigError(
            f"{config.name} names no bundle, so {bundle.name} would not be used: put a line "
            f'bundle = "PREFIX/current/{bundle.name}" under [agent]'
        )


def main(arguments: list[str] | None = None) -> int:
    """Check, and say in a line what was found. Exit status 2 with a sentence when it does not work."""
    parser = argparse.ArgumentParser(prog="python -m deploy.selfcheck", description=__doc__)
    parser.add_argument("--bundle", type=Path, help="the bundle to judge the readings with")
    parser.add_argument(
        "--config", type=Path, help="a configuration that must be readable, and use the bundle"
    )
    return run_command("deploy.selfcheck", parser, _main, arguments)


def _main(options: argparse.Namespace) -> int:
    if options.config is not None:
        require_bundle(options.config, options.bundle)
    command = [
        sys.executable,
        "-m",
        "edge",
        "--source",
        "simulator",
        "--speed",
        "60",
        "--device",
        "selfcheck",
    ]
    if options.bundle is not None:
        command += ["--bundle", str(options.bundle.resolve())]
    print(f"{check(command)} simulated readings in the journal")
    return 0


if __name__ == "__main__":
    sys.exit(main())
