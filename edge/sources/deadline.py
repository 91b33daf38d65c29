"""A sensor whose call may hang, asked from a thread of its own: the agent goes on without it."""

import threading
import time
from collections.abc import Callable

from edge.errors import SensorError
from edge.reading import Channel, Reading
from edge.sources import Source

# The slowest sensor that works, a DHT behind the kernel's driver, needs two seconds.
DEADLINE_S = 10.0
# How soon a call that is waited for makes way for the end of the process.
GLANCE_S = 0.25


class _Call:
    """One call of the sensor, and what came of it."""

    def __init__(self, ask: Callable[[], Reading], begun: float) -> None:
        self.begun = begun
        self.ended = threading.Event()
        self.outcome: Reading | BaseException | None = None
        self._ask = ask
        # a daemon: a call that hangs must not keep the process from ending
        threading.Thread(target=self._run, name="sensor", daemon=True).start()

    def _run(self) -> None:
        try:
            self.outcome = self._ask()
        except BaseException as error:  # handed over to who waits for the answer
            self.outcome = error
        self.ended.set()

    def answer(self) -> Reading:
        """What the sensor said, or raises what it raised."""
        if isinstance(self.outcome, Reading):
            return self.outcome
        raise self.outcome or SensorError("the sensor gave nothing")


class Deadline:
    """A source that answers in time or raises SensorError.

    While a call hangs no second one is begun; what it says in the end is of another time, and
    is not used.
    """

    def __init__(
        self, source: Source, stop: threading.Event | None = None, deadline_s: float = DEADLINE_S
    ) -> None:
        """`stop`: the end of the process, which waits for no sensor."""
        self._source = source
        self._stop = stop or threading.Event()
        self._deadline_s = deadline_s
        self._late: _Call | None = None

    @property
    def name(self) -> str:
        """The source's."""
        return self._source.name

    @property
    def channels(self) -> tuple[Channel, ...]:
        """The source's."""
        return self._source.channels

    @property
    def simulated(self) -> bool:
        """The source's."""
        return self._source.simulated

    @property
    def hangs(self) -> bool:
        """Whether the last call has not come back in time."""
        return self._late is not None

    def read(self) -> Reading:
        """One fresh measurement. Raises SensorError when there is none in time."""
        if self._late is not None:
            if not self._late.ended.is_set():
                raise self._silence(self._late)
            self._late = None
        call = _Call(self._source.read, time.monotonic())
        until = call.begun + self._deadline_s
        while not call.ended.wait(min(GLANCE_S, max(0.0, until - time.monotonic()))):
            if self._stop.is_set() or time.monotonic() >= until:
                self._late = call
                raise self._silence(call)
        return call.answer()

    def _silence(self, call: _Call) -> SensorError:
        waited_s = time.monotonic() - call.begun
        return SensorError(f"the sensor has not answered for {waited_s:.1f} s; check its wiring and power")

    def close(self) -> None:
        """Lets go of the hardware, unless it hangs: then the end of the process does."""
        if self._late is None or self._late.ended.is_set():
            self._source.close()


def hangs(source: Source) -> bool:
    """Whether a call of that source is out beyond its deadline."""
    return isinstance(source, Deadline) and source.hangs
