"""What the doctor found: a line for a person, an object for a program."""

import json
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from typing import Literal

Level = Literal["ok", "warn", "fail"]


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that works, or does not."""

    level: Level
    subject: str
    found: str
    do: str = ""  # what helps; empty when nothing is to do

    @property
    def line(self) -> str:
        """`ok|warn|fail  subject  finding; what to do`."""
        text = f"{self.found}; {self.do}" if self.do else self.found
        return f"{self.level:<4}  {self.subject:<13}  {' '.join(text.split())}"


def ok(subject: str, found: str) -> Finding:
    """It works."""
    return Finding("ok", subject, found)


def warn(subject: str, found: str, do: str = "") -> Finding:
    """It works, but not as it could."""
    return Finding("warn", subject, found, do)


def fail(subject: str, found: str, do: str = "") -> Finding:
    """It does not work."""
    return Finding("fail", subject, found, do)


def as_json(findings: Iterable[Finding]) -> str:
    """All of it as one JSON object, with `fails`: how many things do not work."""
    table = [asdict(finding) for finding in findings]
    fails = sum(finding["level"] == "fail" for finding in table)
    return json.dumps({"fails": fails, "findings": table}, indent=1, ensure_ascii=False)
