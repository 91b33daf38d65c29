"""Recorded series as CSV: what other loggers wrote is read as it is, what we write reads back the same."""

from edge.csvfile.reader import read_csv
from edge.csvfile.writer import write_csv

__all__ = ["read_csv", "write_csv"]
