"""The durable log of records on the Pi: the sampler ends here, the publisher begins here."""

from edge.journal.journal import COMMIT_RECORDS, COMMIT_S, MOST_RECORDS, Journal

__all__ = ["COMMIT_RECORDS", "COMMIT_S", "MOST_RECORDS", "Journal"]
