"""How much history a store keeps."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Limits:
    """By age and by size. Events and the ledger stay."""

    records_days: float = 400.0
    summaries_days: tuple[float, ...] = (800.0, 3650.0, 7300.0)  # by level
    size_bytes: int = 8 * 1024**3  # of the file
