"""What is to be trained, and from what it begins: known, or refused, before TensorFlow is loaded."""

from dataclasses import dataclass
from pathlib import Path

from edge.errors import ConfigError
from trainer.prior import Prior, load, shipped

# As trainer.architectures has them, which takes seconds to import.
ARCHITECTURES = ("masked", "conv", "dense")


@dataclass(frozen=True, slots=True)
class Order:
    """What to train, and where to leave it."""

    data: Path | None
    out: Path | None
    name: str | None
    seed: int
    architecture: str
    epochs: int
    days: float
    repair: bool
    prior: str  # "shipped", "none" or a file
    sensor: str = "DHT22"  # of the simulated room
    device: str | None = None  # of a monitor's store that has several


def beginning(order: Order) -> Prior | None:
    """What the training begins from; None for nothing. Raises ConfigError when it does not fit the order."""
    if order.architecture not in ARCHITECTURES:
        raise ConfigError(f"--model {order.architecture}: choose one of {', '.join(ARCHITECTURES)}")
    prior = _named(order)
    if prior is None and not order.epochs:
        raise ConfigError("--epochs 0 leaves the network as the prior has it, and here there is none")
    if prior is not None and prior.architecture != order.architecture:
        raise ConfigError(
            f"{order.prior} is of the architecture {prior.architecture}; add --model {prior.architecture}"
        )
    return prior


def _named(order: Order) -> Prior | None:
    if order.prior == "none":
        return None
    return shipped(order.architecture) if order.prior == "shipped" else load(Path(order.prior))
