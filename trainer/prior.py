"""What is known before the first room: weights trained on many rooms, and where a fleet's alarms begin.

`python -m trainer pretrain` makes these files; those in `trainer/priors/` come with the package. They
were trained on simulated rooms and made-up signals alone, so that no data's licence hangs on them.
"""

import io
import json
import zlib
from dataclasses import dataclass
from pathlib import Path
from tokenize import TokenError
from typing import Any
from zipfile import BadZipFile

import numpy as np
from numpy.typing import NDArray

from edge.detection.fleet import Fleet
from edge.detection.signals import SHAPES, SIGNALS
from edge.detection.windowing import Windowing
from edge.errors import ConfigError

# The architectures that know shapes, and can be trained on many rooms before they meet one.
PRETRAINABLE = ("masked", "conv")
SHIPPED = Path(__file__).parent / "priors"
_ABOUT = "about"
# What reading numpy's files ends in where one is none, half of one, or changed by a byte: the names and
# shapes in them are parsed as Python.
DAMAGED = (
    *(OSError, EOFError, ValueError, KeyError, TypeError, AttributeError, RuntimeError),
    *(zlib.error, BadZipFile, SyntaxError, TokenError),
)
Weights = dict[str, list[NDArray[np.float32]]]


@dataclass(frozen=True, slots=True, eq=False)
class Prior:
    """One architecture's weights by network, and the levels of its signals."""

    architecture: str
    shapes: tuple[str, ...]  # the kinds of event that its recogniser knows, in the order of its answers
    weights: Weights  # of each network inside the model, by the network's name
    fleet: Fleet
    about: dict[str, Any]  # seed, how many lives, versions

    def model(self, windowing: Windowing) -> Any:
        """A Keras model for one device, ready to be used; `windowing` must name the same shapes or none.

        Raises ConfigError when the weights do not fit it.
        """
        from trainer.architectures import ARCHITECTURES  # TensorFlow: seconds to import

        model = ARCHITECTURES[self.architecture](windowing)
        try:
            for name in ("expectation", "recogniser") if windowing.shapes else ("expectation",):
                model.get_layer(name).set_weights(self.weights[name])
        except (KeyError, ValueError) as error:
            raise ConfigError(
                f"the prior's weights are not of the architecture {self.architecture} as it is now; "
                "make it again with: python -m trainer pretrain"
            ) from error
        return model


def save(path: Path, prior: Prior) -> None:
    """One file; the same prior, the same bytes."""
    about = {
        "architecture": prior.architecture,
        "shapes": list(prior.shapes),
        "fleet": prior.fleet.to_json(),
        "about": prior.about,
    }
    arrays = {
        f"{name}/{place:02}": weights.astype(np.float32)
        for name, layers in prior.weights.items()
        for place, weights in enumerate(layers)
    }
    text = np.frombuffer(json.dumps(about, sort_keys=True).encode(), np.uint8)
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("wb") as file:  # given a path, numpy would write to another one that ends in .npz
        np.savez_compressed(file, **{_ABOUT: text}, **arrays)  # type: ignore[arg-type]


def load(path: Path) -> Prior:
    """Read one. Raises ConfigError, one sentence, when it is none or is damaged."""
    try:
        with np.load(io.BytesIO(path.read_bytes()), allow_pickle=False) as arrays:
            about = json.loads(arrays[_ABOUT].tobytes())
            weights: Weights = {}
            for key in sorted(set(arrays.files) - {_ABOUT}):
                weights.setdefault(key.split("/")[0], []).append(arrays[key])
        prior = Prior(
            str(about["architecture"]),
            tuple(str(name) for name in about["shapes"]),
            weights,
            Fleet.from_json(about["fleet"]),
            dict(about["about"]),
        )
        _check(prior)
    except FileNotFoundError as error:
        raise ConfigError(f"{path}: no such file; make one with: python -m trainer pretrain") from error
    except DAMAGED as error:
        raise ConfigError(f"{path}: not what python -m trainer pretrain writes ({error})") from error
    return prior


def _check(prior: Prior) -> None:
    if prior.architecture not in PRETRAINABLE:
        raise ValueError(f"unknown architecture {prior.architecture}")
    if unknown := set(prior.shapes) - set(SHAPES) | prior.fleet.levels.keys() - SIGNALS.keys():
        raise ValueError(f"unknown signals: {', '.join(sorted(unknown))}")
    if not all(0 < level < np.inf for level in prior.fleet.levels.values()):
        raise ValueError("a level is not above zero")


def shipped(architecture: str) -> Prior | None:
    """The prior that comes with the package, if that architecture has one."""
    path = SHIPPED / f"{architecture}.npz"
    return load(path) if path.is_file() else None
