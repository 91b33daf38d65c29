"""`python -m trainer`: a history to a run, with its report."""

import argparse
import json
import sys
from pathlib import Path
from typing import Any

from edge.command import run_command
from edge.errors import ConfigError
from edge.extras import expect, need
from trainer.quiet import start_tensorflow


def parser() -> argparse.ArgumentParser:
    """The command line."""
    command = argparse.ArgumentParser(prog="python -m trainer", description=__doc__)
    command.add_argument(
        "--data",
        type=Path,
        metavar="FILE",
        help="a recorded history, a CSV, an agent's journal.db or a monitor's store (default: simulate one)",
    )
    command.add_argument(
        "--device", metavar="NAME", help="which of a store's devices, when there are several"
    )
    command.add_argument("--out", type=Path, metavar="DIR", help="the run folder (default: runs/NAME)")
    command.add_argument("--name", help="the model's name (default: the file's, or 'room')")
    command.add_argument(
        "--seed", type=int, default=0, metavar="N", help="same seed, same model (default: 0)"
    )
    command.add_argument(
        "--model", default="masked", metavar="NAME", help="the architecture (default: masked)"
    )
    command.add_argument(
        "--epochs", type=int, default=8, metavar="N", help="passes of 150 steps (default: 8)"
    )
    command.add_argument(
        "--prior",
        default="shipped",
        metavar="FILE",
        help="what python -m trainer pretrain left, or 'none' (default: the one that comes with the package)",
    )
    command.add_argument("--days", type=float, default=28.0, help="days to simulate (default: 28)")
    command.add_argument(
        "--sensor",
        choices=["DHT22", "BME280"],
        default="DHT22",
        help="what to simulate; a BME280 measures pressure too (default: DHT22)",
    )
    command.add_argument(
        "--repair",
        action="store_true",
        help="drop what cannot be used in the data, and say what, instead of refusing",
    )
    command.add_argument("--json", action="store_true", help="print the measures as JSON")
    command.add_argument("--debug", action="store_true", help="show tracebacks")
    return command


def main(arguments: list[str] | None = None) -> int:
    """Train, or compare detectors. Exit status 2 with one sentence for what the user can mend."""
    arguments = sys.argv[1:] if arguments is None else arguments
    if arguments[:1] == ["benchmark"]:
        from trainer.benchmark.command import main as benchmark

        return benchmark(arguments[1:])
    if arguments[:1] == ["pretrain"]:
        from trainer.pretraining.command import main as pretrain

        return pretrain(arguments[1:])
    return run_command("trainer", parser(), _train, arguments)


def _train(options: argparse.Namespace) -> int:
    _check(options)
    for module in ("matplotlib", "jinja2", "tqdm", "msgspec"):
        need(module, "train")
    expect("tensorflow", "train")
    from trainer.material import material_for
    from trainer.order import Order, beginning

    order = Order(
        data=options.data,
        out=options.out,
        name=options.name,
        seed=options.seed,
        architecture=options.model,
        epochs=options.epochs,
        days=options.days,
        repair=options.repair,
        prior=options.prior,
        sensor=options.sensor,
        device=options.device,
    )
    prior = beginning(order)
    material = material_for(order, print if not options.json else (lambda _: None))
    start_tensorflow()  # takes seconds: what is wrong with an order or a file has been said by now
    from trainer.train import train

    out, metrics = train(order, material, prior, quiet=options.json)
    if options.json:
        print(json.dumps({"run": str(out), **metrics}, allow_nan=False))
    else:
        _say(out, metrics)
    return 0


def _check(options: argparse.Namespace) -> None:
    if not 0 <= options.epochs <= 10_000:
        raise ConfigError("--epochs must be from 0 to 10000")
    if not 2 <= options.days <= 365:
        raise ConfigError("--days must be from 2 to 365")
    if not 0 <= options.seed < 2**31:
        raise ConfigError("--seed must be from 0 to 2147483647")


def _say(out: Path, metrics: dict[str, Any]) -> None:
    def text(name: str) -> str:
        return "not measured" if metrics[name] is None else f"{metrics[name]:.2f}"

    found = f"{metrics['events_found']} of {metrics['events']} events"

    print(f"evaluated on  {metrics['evaluated_on']}")
    print(f"precision     {text('precision')}, recall {text('recall')} (reading by reading)")
    print(f"event recall  {text('event_recall')} ({found})")
    print(f"false alarms  {text('false_alarms_per_week')} a week")
    if "labels" in metrics:
        print(f"labels        {metrics['labels']['sentence']} (they took part in the training)")
    print(f"report        {out / 'report.html'}")
    print(f"next          python -m convert {out}")


if __name__ == "__main__":
    sys.exit(main())
