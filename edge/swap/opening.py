"""A bundle to the model that judges: on the device's budget, and with what was learnt of its room."""

from dataclasses import dataclass

from edge.bundle.bundle import Bundle
from edge.judge import Model
from edge.onlooker import Onlooker
from edge.reading import Channel
from edge.settling import FILE, POINTS_DAYS, Settled, settled_from
from edge.swap.memories import Memories
from edge.swap.store import ModelStore

NO_MODEL = "no model: readings without a verdict"
NEW_HERE = (
    f"getting to know the room: the first verdicts come after {POINTS_DAYS[0] * 24:g} hours of readings"
)


@dataclass(frozen=True, slots=True)
class Opening:
    """What turns bundles into models on this device."""

    store: ModelStore
    channels: tuple[Channel, ...]  # the source's
    speed: float
    false_alarms_per_week: float | None  # None: the bundle's
    memories: Memories | None = None  # None where no room is got to know

    def budget(self, bundle: Bundle) -> float:
        """False alarms a week that a model may cost here."""
        return self.false_alarms_per_week or sum(bundle.detector.budgets.values())

    def no_model(self) -> Model:
        """Readings without a verdict."""
        return Model(None, (), Onlooker(self.channels, "no_model", NO_MODEL, self.speed))

    def learnt(self, bundle: Bundle) -> Settled | None:
        """What this device has learnt of its room, for a model that needs to."""
        return settled_from(self.store.read(FILE), bundle) if bundle.settles else None

    def model(self, bundle: Bundle) -> Model:
        """The bundle at work. Raises BundleError when it does not load."""
        label = bundle.label
        if bundle.settles:
            settled = self.learnt(bundle)
            if settled is None:
                return Model(label, bundle.channels, Onlooker(self.channels, "warming", NEW_HERE, self.speed))
            bundle, label = settled.of(bundle), f"{label}+{settled.days:.3g}d"
        detector = bundle.open_detector(self.speed, self.false_alarms_per_week, self.channels)
        model = Model(label, bundle.channels, detector)
        self.remind(bundle, model)
        return model

    def remind(self, bundle: Bundle, model: Model) -> None:
        """What it knew when it last judged here, in place of what it knows now."""
        memory = self.memories.of(bundle) if self.memories else None
        if memory is not None:
            model.watcher.restore(memory)
