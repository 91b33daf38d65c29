"""All detectors of the benchmark by name. To add one: a function that makes it, and a line here.

What stands here are functions that import the detector and return it, so that TensorFlow and
scikit-learn are loaded in the processes that need them and nowhere else.
"""

from collections.abc import Callable
from functools import partial

from trainer.benchmark.detection import Detector

# The detector that the others are compared with.
PRODUCT = "picanary"


def robust_z() -> Detector:
    """|x - median| against the history."""
    from trainer.benchmark.baselines import robust_z

    return robust_z


def first_difference() -> Detector:
    """|x[t] - x[t-1]| against the history."""
    from trainer.benchmark.baselines import first_difference

    return first_difference


def causal_pca() -> Detector:
    """Reconstruction error of windows by principal components."""
    from trainer.benchmark.baselines import causal_pca

    return causal_pca


def isolation_forest() -> Detector:
    """Isolation forest on values, changes and rolling statistics."""
    from trainer.benchmark.baselines import isolation_forest

    return isolation_forest


def plain_autoencoder() -> Detector:
    """Dense autoencoder, min-max windows, squared error, 95th percentile."""
    from trainer.benchmark.plain import plain_autoencoder

    return plain_autoencoder


def settling() -> Detector:
    """The package's model as it lives on a device, learning the room again and again."""
    from trainer.benchmark.settling import picanary_settling
    from trainer.quiet import start_tensorflow

    start_tensorflow()
    return picanary_settling()


def _product(name: str) -> Detector:
    from trainer.benchmark import product
    from trainer.quiet import start_tensorflow

    start_tensorflow()
    make: Callable[[], Detector] = getattr(product, name)
    return make()


DETECTORS: dict[str, Callable[[], Detector]] = {
    PRODUCT: partial(_product, "picanary"),
    "picanary-conv": partial(_product, "picanary_conv"),
    "picanary-no-network": partial(_product, "picanary_no_network"),
    "picanary-no-shapes": partial(_product, "picanary_no_shapes"),
    "picanary-no-variance": partial(_product, "picanary_no_variance"),
    "picanary-no-calibration": partial(_product, "picanary_no_calibration"),
    "picanary-own-levels": partial(_product, "picanary_own_levels"),
    "picanary-settling": settling,
    "z": robust_z,
    "diff": first_difference,
    "pca": causal_pca,
    "forest": isolation_forest,
    "plain": plain_autoencoder,
}
