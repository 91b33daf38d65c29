"""Takes new models while the agent runs: a replaced file, SIGHUP or `model/set`; and settles the default one.

A thread of its own, so that a model that is slow to prove itself delays no reading.
"""

import logging
import queue
import threading
from collections import deque
from collections.abc import Callable
from pathlib import Path

from edge.bundle import bundle as bundles
from edge.bundle.bundle import Bundle
from edge.errors import BundleError, ConfigError, PicanaryError
from edge.judge import Outcome
from edge.swap.admission import admit
from edge.swap.desk import Desk, Offer
from edge.swap.loaded import Loaded
from edge.swap.probation import Probation
from edge.swap.rehearsal import Rehearsal
from edge.swap.sensitivity import Sensitivity
from edge.swap.store import digest_of
from edge.swap.succession import Succession
from edge.swap.withdrawal import Withdrawal

LOG = logging.getLogger(__name__)
POLL_S = 2.0


class Updates:
    """The way of a model from outside to the judge."""

    def __init__(
        self,
        desk: Desk,
        at_work: Loaded | None,
        on_trial: Loaded | None = None,
        tell_level: Callable[[float | None], None] = lambda _: None,
    ) -> None:
        """`at_work` is the judge's; `on_trial` one whose trial a restart has interrupted."""
        self._desk = desk
        self._store = desk.opening.store
        self._models = Succession(at_work, self._store, desk.story, desk.trial)
        self._interrupted = on_trial
        self._sensitivity = Sensitivity(desk.judge, tell_level)
        self._rehearsal = Rehearsal(desk, self._sensitivity.carry)
        self._withdrawal = Withdrawal(desk, self._models, self._rehearsal)
        self._seen = self._look()
        self._jobs: queue.SimpleQueue[Callable[[], None] | None] = queue.SimpleQueue()
        self._outcomes: deque[Outcome] = deque()
        self._asked = threading.Event()
        self._thread = threading.Thread(target=self._run, name="models", daemon=True)

    def start(self, *, warm: bool) -> None:
        """Begin; `warm` shows the model at work the past first."""
        if warm:
            self._jobs.put(self._warm_up)
        self._thread.start()

    def stop(self) -> None:
        """End; a model that is being proven is forgotten."""
        self._jobs.put(None)
        if self._thread.is_alive():
            self._thread.join(1.0)  # a proof may take longer; the thread is a daemon
        if not self._thread.is_alive():  # else it may be writing the same file
            self._keep_memory(now=True)

    def ask(self) -> None:
        """Look at the configured file again, whether it has changed or not. Safe in a signal handler."""
        self._asked.set()

    def receive(self, content: bytes) -> None:
        """A model came by MQTT. Does not block."""
        self._jobs.put(lambda: self._from_broker(content))

    def recalibrate(self, level: float | None = None) -> None:
        """Judge by so many times the alarm levels at once; without, learn the room anew, in a moment.

        Raises ConfigError where nothing judges yet, or where the model at work learns nothing.
        """
        loaded = self._models.at_work
        if level is not None:
            self._sensitivity.ask(loaded.bundle if loaded else None, level)
            self._jobs.put(self._keep_memory)
            return
        if self._desk.lessons is None or loaded is None or not loaded.bundle.settles:
            raise ConfigError("the model at work was calibrated by convert, and learns nothing on the device")
        self._desk.lessons.again()

    def withdraw(self, label: str) -> None:
        """Back to the model before that one, which came by MQTT. Raises ConfigError where that may not be."""
        self._withdrawal.check(label)
        self._jobs.put(lambda: self._withdraw(label))

    def _withdraw(self, label: str) -> None:
        self._heed()
        try:
            self._withdrawal.carry_out(label)
        except PicanaryError as error:
            LOG.error("%s is not withdrawn: %s", label, error)
            return
        self._interrupted = None

    def outcome(self, outcome: Outcome) -> None:
        """The judge says what became of a model. Does not block."""
        self._outcomes.append(outcome)
        self._jobs.put(self._heed)

    def _run(self) -> None:
        while True:
            try:
                job = self._jobs.get(timeout=POLL_S)
            except queue.Empty:
                job = self._look_around
            if job is None:
                return
            try:
                job()
            except Exception:  # whatever it is: the next model must find the door open
                LOG.exception("the models' thread stumbled")

    def _look(self) -> tuple[int, ...]:
        """What tells one file from the next, without reading it; empty when there is none."""
        try:
            found = self._desk.file.stat() if self._desk.file else None
        except OSError:
            return ()
        return (found.st_ino, found.st_mtime_ns, found.st_size) if found else ()

    def _look_around(self) -> None:
        self._try_again()
        asked = self._asked.is_set()
        self._asked.clear()
        now = self._look()
        if asked and self._desk.file is None:
            LOG.warning("asked to look for a new model, but no bundle is configured")
        elif self._desk.file is not None and (asked or (now and now != self._seen)):
            self._seen = now
            self._from_file(self._desk.file)
        self._go_on()
        self._keep_memory()
        self._sensitivity.tell()

    def _from_file(self, file: Path) -> None:
        try:
            content = bundles.read(file)
        except BundleError as error:
            self._models.refuse(error, "file")
            return
        if digest_of(content) == self._store.state.current:
            LOG.info("%s is the model at work", file)
            return
        self._store.note_offered(digest_of(content))
        self._take(Offer(content, str(file), "file"))

    def _from_broker(self, content: bytes) -> None:
        if digest_of(content) == self._store.state.current:
            return  # retained: it comes again with each connection
        if self._desk.rules.trusted:
            self._take(Offer(content, "model/set", "mqtt"))
            return
        why = "model/set: a model by MQTT must be signed, and this device knows no key: set trusted_keys"
        self._models.refuse(BundleError(why), "mqtt")

    def _take(self, offer: Offer) -> None:
        """Admit it, show it the past, and let it take over."""
        story = self._desk.story
        story.goes_on(state="verifying", latest=None, source=offer.source)
        try:
            bundle = admit(offer.content, offer.where, self._desk.rules, self._store)
        except BundleError as error:
            self._models.refuse(error, offer.source)
            return
        self._interrupted = None  # what came later is not turned out by what a restart has kept
        story.goes_on(state="warming", latest=bundle.label, source=offer.source)
        probation = self._probation(bundle) if self._models.at_work else None
        try:
            newcomer = self._rehearsal.of(bundle, probation)
        except PicanaryError as error:
            self._models.refuse(error, offer.source, bundle.label)
            return
        self._heed()  # what became of the one before decides to whom we would go back
        since = self._desk.journal.last_seq if offer.source == "mqtt" else None
        self._models.follow(Loaded(bundle, offer.content), since)
        self._desk.judge.offer(newcomer)

    def _try_again(self) -> None:
        """A restart has ended a trial: it begins anew, once the one before it is warm."""
        loaded = self._interrupted
        if loaded is not None and not self._desk.judge.expecting:
            self._interrupted = None
            self._take(Offer(loaded.content, "the model on trial", "file"))

    def _probation(self, bundle: Bundle) -> Probation:
        return Probation(
            self._desk.trial.readings,
            period_s=self._desk.rules.period_s,
            calm_s=bundle.detector.calm_s,
            false_alarms_per_week=self._desk.opening.budget(bundle),
            budgets=self._desk.trial.budgets,
        )

    def _warm_up(self) -> None:
        """The model at work once more, with the past in its window."""
        loaded = self._models.at_work
        if loaded is None or not self._desk.journal.last_seq:
            return
        try:
            newcomer = self._rehearsal.of(loaded.bundle)
        except PicanaryError as error:
            LOG.warning("%s; the window fills from new readings", error)
            return
        self._desk.judge.offer(newcomer)

    def _heed(self) -> None:
        while self._outcomes:
            self._models.conclude(self._outcomes.popleft())

    def _go_on(self) -> None:
        self._models.tell_progress(self._desk.judge.readings_left)
        lessons, loaded = self._desk.lessons, self._models.at_work
        if lessons is None or loaded is None or self._models.trying:
            return
        if lessons.learn(loaded, self._rehearsal.commit):
            if lessons.anew:  # what is known is another room's weeks
                self._sensitivity.forget()
            else:
                self._keep_memory(now=True)
            self._desk.judge.offer(self._rehearsal.of(loaded.bundle))

    def _keep_memory(self, *, now: bool = False) -> None:
        memories, loaded = self._desk.opening.memories, self._models.at_work
        # one that is on trial may be rolled back, and one that is on its way may know more
        if memories is None or loaded is None or self._models.trying or self._desk.judge.expecting:
            return
        asked, self._sensitivity.unsaved = self._sensitivity.unsaved, False
        memories.keep(loaded.bundle, lambda: self._desk.judge.memory(loaded.bundle.label), now=now or asked)
