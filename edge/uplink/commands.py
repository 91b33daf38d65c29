"""Takes commands from the broker, refuses what is not in order, and has the rest carried out.

Nothing here deletes, fetches or runs anything that a command names. The connection's thread only
counts and queues; a thread of its own does the work.
"""

import logging
import threading
import time
from collections import OrderedDict, deque
from collections.abc import Callable, Mapping

from edge.clock import clock_quality
from edge.errors import PicanaryError
from edge.journal import Journal
from edge.message import BATCH_BYTES, VERSION, encode
from edge.uplink.allowance import Allowance
from edge.uplink.request import LARGEST_BYTES, Refused, Request, parse
from edge.uplink.resend import Resend, Told

LOG = logging.getLogger(__name__)
QUEUE = 64
RATE_PER_S = 5.0
BURST = 20.0
# at the rate above more than twice as long as a command may be late
REMEMBERED = 4096
IDLE_S = 60.0

Action = Callable[[Request], None]


class Commands:
    """From `receive` to what is done and its answer on `res/{request}`.

    An action raises PicanaryError with the sentence why it could not be done; `refused` counts
    what was not carried out. Resending is this class's own; it answers when all is sent.
    """

    def __init__(
        self,
        journal: Journal,
        send: Callable[[str, bytes, Told], bool],
        actions: Mapping[str, Action],
        batch_bytes: Callable[[], int] = lambda: BATCH_BYTES,
    ) -> None:
        """`send` is `Uplink.send`; `actions` are the commands, apart from resend, that this agent knows.

        `batch_bytes` is asked how large a message the broker takes now.
        """
        self._send = send
        self._wake = threading.Event()
        self._resend = Resend(journal, send, self._wake.set, batch_bytes)
        self._actions = {"resend": self._resend.take, **actions}
        self._allowance = Allowance(RATE_PER_S, BURST)
        self._waiting: deque[tuple[str, bytes]] = deque()
        self._seen: OrderedDict[str, None] = OrderedDict()
        self._stopping = False
        self._thread = threading.Thread(target=self._run, name="commands", daemon=True)
        self.refused = 0

    def start(self) -> None:
        """Begin to carry out."""
        self._thread.start()

    def stop(self) -> None:
        """Finish the command under way; the others are forgotten."""
        self._stopping = True
        self._wake.set()
        if self._thread.is_alive():
            self._thread.join(5.0)

    def receive(self, name: str, payload: bytes, retained: bool) -> None:
        """One message on `cmd/...`; never blocks. What the broker had kept is no command for now."""
        if not payload:
            return None  # a retained command was cleared
        crowded = len(self._waiting) >= QUEUE
        if retained or len(payload) > LARGEST_BYTES or crowded or not self._allowance.take():
            return self._refuse("retained, too large, or one of too many", None)
        self._waiting.append((name.rpartition("/")[2], payload))
        self._wake.set()
        return None

    def _run(self) -> None:
        while not self._stopping:
            wait_s = self._resend.wait_s
            self._wake.wait(IDLE_S if wait_s is None else wait_s)
            self._wake.clear()
            try:
                while self._waiting and not self._stopping:
                    self._handle(*self._waiting.popleft())
                self._resend.step()
            except Exception:  # whatever a command brings about, the next one is heard
                self.refused += 1
                LOG.exception("a command")

    def _handle(self, command: str, payload: bytes) -> None:
        now_ms = None if clock_quality() == "unsynced" else time.time_ns() // 1_000_000
        try:
            request = parse(command, payload, now_ms)
        except Refused as error:
            return self._refuse(str(error), error.request)
        if request.id in self._seen:
            return self._refuse(f"request {request.id} came before", None)
        self._seen[request.id] = None
        if len(self._seen) > REMEMBERED:
            self._seen.popitem(last=False)
        try:
            return self._carry_out(request)
        except PicanaryError as error:
            return self._refuse(str(error), request.id)

    def _carry_out(self, request: Request) -> None:
        LOG.info("command %s, request %s", request.command, request.id)
        action = self._actions.get(request.command)
        if action is None:
            raise Refused(f"this agent has nothing to {request.command}", request.id)
        action(request)
        if request.command != "resend":
            self._answer(request.id, None)

    def _refuse(self, why: str, request: str | None) -> None:
        self.refused += 1
        LOG.debug("a command was refused: %s", why)
        if request is not None:
            self._answer(request, why)

    def _answer(self, request: str, why: str | None) -> None:
        answer = {"v": VERSION, "request": request, "ok": why is None, "why": why}
        self._send(f"res/{request}", encode(answer), lambda _: None)
