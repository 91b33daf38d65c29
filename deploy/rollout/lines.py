"""What happens as lines: a sentence with the time for people and files, a JSON object for programs."""

import json
import sys
import time
from typing import Any, TextIO

from deploy.rollout.state import State


class Lines:
    """One line a happening, on standard output."""

    def __init__(self, *, as_json: bool, out: TextIO | None = None) -> None:
        self._as_json, self._out = as_json, out or sys.stdout

    def tell(self, what: str, text: str, **facts: Any) -> None:
        """It happened."""
        if self._as_json:
            line = json.dumps({"ts_ms": time.time_ns() // 1_000_000, "what": what, "text": text, **facts})
        else:
            line = f"{time.strftime('%H:%M:%S')}  {text}"
        print(line, file=self._out, flush=True)

    def draw(self, _: State) -> None:
        """Lines are no picture."""

    def __enter__(self) -> "Lines":
        return self

    def __exit__(self, *_: object) -> None:
        """Nothing to put back."""
