"""`python -m edge`: the agent. `replay FILE`: a recording through the same detector. `doctor`: what works."""

import argparse
import sys
from pathlib import Path

from edge import __version__
from edge.command import run_command
from edge.config import BrokerSection, Config, check, overlay, read_config
from edge.later import import_later
from edge.sources import SOURCES


def parser() -> argparse.ArgumentParser:
    """The agent's command line."""
    command = argparse.ArgumentParser(
        prog="python -m edge",
        description="The agent: reads the sensor, judges the room, tells the broker.",
        epilog="python -m edge replay --help: judge a recorded CSV file instead. "
        "python -m edge doctor --help: say what works here and what does not.",
    )
    _add_settings(command)
    command.add_argument("--json", action="store_true", help="log lines as JSON objects")
    return command


def doctor_parser() -> argparse.ArgumentParser:
    """The command line of the doctor: all settings of the agent, to look at what would run."""
    command = argparse.ArgumentParser(
        prog="python -m edge doctor",
        description="What works here and what does not: one line each, ok, warn or fail, with what to do.",
    )
    _add_settings(command)
    command.add_argument("--json", action="store_true", help="the findings as one JSON object")
    return command


def _add_settings(command: argparse.ArgumentParser) -> None:
    add = command.add_argument
    add("--config", type=Path, metavar="FILE", help="settings as TOML; the flags below win over it")
    add("--source", choices=list(SOURCES), help="where readings come from (default: iio)")
    add("--bundle", type=Path, metavar="FILE", help="the model (default: the package's); none: no verdicts")
    add("--allow-older", action="store_true", default=None, help="take an older version of the model")
    add("--broker", metavar="HOST[:PORT]", help="the MQTT broker; without one records stay in the journal")
    add("--wait", action="store_true", default=None, help="keep trying when the broker refuses at the start")
    add("--device", metavar="ID", help="the device's id in topics (default: the host name)")
    add("--journal", type=Path, metavar="FILE", help="the durable log of records")
    add("--commit-s", type=float, metavar="S", help="records may wait so long for the disk (default: 10)")
    add("--period", type=float, metavar="S", help="seconds between readings (default: the bundle's, or 10)")
    add("--sensor-device", metavar="NAME", help="iio: the device's name or path, or several by commas")
    add("--pin", type=int, help="dht: the GPIO number (default: 4)")
    add(
        "--sensor",
        choices=["DHT11", "DHT22", "BME280"],
        help="dht: DHT11 or DHT22; simulator: DHT22 or, with pressure, BME280 (default: DHT22)",
    )
    add("--file", type=Path, help="replay: the recorded CSV file")
    add("--repair", action="store_true", default=None, help="replay: drop rows that cannot be used")
    add("--seed", type=int, metavar="N", help="simulator: same seed, same room (default: 0)")
    add(
        "--speed",
        type=float,
        metavar="X",
        help="simulator, replay: times faster than life",
    )
    add("--faults-every", type=float, metavar="S", help="simulator: a fault about every S seconds")
    add("--log", choices=["debug", "info", "warning", "error"], default="info", help="how much to say")
    add("--debug", action="store_true", help="show tracebacks")
    add("--version", action="version", version=f"picanary {__version__}")


def replay_parser() -> argparse.ArgumentParser:
    """The command line of replay."""
    command = argparse.ArgumentParser(
        prog="python -m edge replay",
        description="A recorded series through the very same detector: CSV in, scores and flags out.",
    )
    command.add_argument("file", type=Path, metavar="FILE", help="the recorded CSV file")
    command.add_argument("--bundle", type=Path, required=True, metavar="FILE", help="the model")
    command.add_argument("--out", type=Path, metavar="FILE", help="where to write (default: standard output)")
    command.add_argument(
        "--one-by-one", action="store_true", help="judge reading by reading, as the agent does"
    )
    command.add_argument(
        "--level",
        type=float,
        default=1.0,
        metavar="X",
        help="multiply all alarm levels: above 1 fewer alarms, below more (%(default)g)",
    )
    command.add_argument("--repair", action="store_true", help="drop rows that cannot be used")
    command.add_argument("--debug", action="store_true", help="show tracebacks")
    return command


def main(arguments: list[str] | None = None) -> int:
    """Run the agent, a replay or the doctor; exit status 2 with one sentence for what the user can mend."""
    given = sys.argv[1:] if arguments is None else arguments
    if given[:1] == ["replay"]:
        return run_command("edge replay", replay_parser(), _replay, given[1:])
    if given[:1] == ["doctor"]:
        return run_command("edge doctor", doctor_parser(), _doctor, given[1:])
    return run_command("edge", parser(), _agent, given)


def _replay(options: argparse.Namespace) -> int:
    from edge.replay_command import replay

    return replay(
        options.file,
        options.bundle,
        options.out,
        one_by_one=options.one_by_one,
        repair=options.repair,
        level=options.level,
    )


def _doctor(options: argparse.Namespace) -> int:
    from edge.doctor.command import doctor

    return doctor(configuration(options), options.config, json=options.json)


def _agent(options: argparse.Namespace) -> int:
    import_later("urllib.request")  # paho asks it for a proxy, where PySocks is installed; 3 MB
    from edge.service import serve

    return serve(
        configuration(options),
        typed_bundle=options.bundle is not None,
        log_level=options.log,
        log_json=options.json,
    )


def configuration(options: argparse.Namespace) -> Config:
    """The configuration file, with the flags on top. Raises ConfigError."""
    base = read_config(options.config) if options.config else Config(broker=BrokerSection(wait=False))
    typed_broker = False if options.broker and not options.wait else None
    return check(
        Config(
            agent=overlay(base.agent, device=options.device, bundle=options.bundle, period_s=options.period),
            source=overlay(
                base.source,
                kind=options.source,
                device=options.sensor_device,
                pin=options.pin,
                sensor=options.sensor,
                file=options.file,
                repair=options.repair,
                seed=options.seed,
                speed=_speed(options),
                faults_every_s=options.faults_every,
            ),
            model=overlay(base.model, allow_older=options.allow_older),
            journal=overlay(base.journal, path=options.journal, commit_s=options.commit_s),
            broker=overlay(
                base.broker,
                address=options.broker,
                wait=typed_broker if typed_broker is not None else options.wait,
            ),
        )
    )


def _speed(options: argparse.Namespace) -> float | None:
    """A recording is replayed without pause unless a speed is asked for."""
    if options.source == "replay" and options.speed is None:
        return 0.0
    return float(options.speed) if options.speed is not None else None


if __name__ == "__main__":
    sys.exit(main())
