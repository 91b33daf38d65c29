"""Whether a model can judge a source or a recording: its channels, and how often it is read."""

from edge.bundle.bundle import Bundle
from edge.detection.habits import blocks_for
from edge.errors import ConfigError
from edge.reading import Channel


def check_fits(model: Bundle, channels: tuple[Channel, ...], period_s: float, what: str) -> None:
    """Raises ConfigError when a series or source is not of the kind that the model was made for."""
    missing = [c.name for c in model.channels if c not in channels]
    if missing:
        have = ", ".join(c.name for c in channels)
        raise ConfigError(f"{what} has no {', '.join(missing)} (only {have}), which {model.label} judges by")
    wanted = model.windowing.period_s
    if model.settles:
        if blocks_for(period_s)[1:] and len(model.windowing.views) == 2:
            return
        raise ConfigError(
            f"{what} has a reading every {period_s:g} s, but {model.label} needs one every 150 s or less"
        )
    if not 0.9 * wanted <= period_s <= 1.1 * wanted:
        raise ConfigError(
            f"{what} has a reading every {period_s:g} s, but {model.label} was trained on one every "
            f"{wanted:g} s; train on data of this period"
        )
