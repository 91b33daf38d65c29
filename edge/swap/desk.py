"""What the thread that takes new models works with, and what it is offered."""

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from edge.journal import Journal
from edge.judge import Judge
from edge.reading import Reading
from edge.swap.admission import Rules
from edge.swap.lessons import Lessons
from edge.swap.opening import Opening
from edge.swap.story import Origin, Story
from edge.swap.succession import Trial


@dataclass(frozen=True, slots=True)
class Offer:
    """A model that somebody wants to see at work."""

    content: bytes
    where: str
    source: Origin


@dataclass(frozen=True, slots=True)
class Desk:
    """What the thread works with.

    `recall` gives the readings of the past, oldest first; `lessons` is None where no room is learnt.
    """

    judge: Judge
    journal: Journal
    rules: Rules
    opening: Opening
    story: Story
    recall: Callable[[], list[Reading]]
    lessons: Lessons | None = None
    file: Path | None = None  # that is configured
    trial: Trial = field(default_factory=Trial)
