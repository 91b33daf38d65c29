"""What one part of the bench found: figures with their targets, and text that goes below them."""

from dataclasses import asdict, dataclass, field
from typing import Any


@dataclass(frozen=True, slots=True)
class Row:
    """One figure."""

    what: str
    figure: str
    how: str
    target: str = ""
    met: bool | None = None  # None: nothing was asked for


@dataclass(frozen=True, slots=True)
class Part:
    """A section of docs/bench.md."""

    title: str
    rows: list[Row] = field(default_factory=list)
    text: str = ""

    def to_json(self) -> dict[str, Any]:
        """As docs/bench.json keeps it."""
        return asdict(self)

    @classmethod
    def from_json(cls, table: dict[str, Any]) -> "Part":
        """From docs/bench.json."""
        return cls(table["title"], [Row(**row) for row in table["rows"]], table["text"])

    def markdown(self) -> str:
        """The section."""
        lines = [f"## {self.title}", ""]
        if self.rows:
            lines += ["| what | | target | how |", "|---|---|---|---|"]
            lines += [f"| {r.what} | {r.figure} | {r.target}{_missed(r)} | {r.how} |" for r in self.rows]
            lines.append("")
        if self.text:
            lines += [self.text, ""]
        return "\n".join(lines)


def _missed(row: Row) -> str:
    return " **missed**" if row.met is False else ""


def below(value: float, limit: float, unit: str) -> dict[str, Any]:
    """Target and outcome of a figure that is to be less than `limit`."""
    return {"target": f"below {limit:,g} {unit}", "met": value < limit}
