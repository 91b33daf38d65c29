"""The model that comes with the package: for temperature and humidity, of no room in particular.

It is settled on the device (`edge/settling.py`). `python -m convert default` makes it.
"""

from functools import cache
from pathlib import Path

NAME = "default.canary"


@cache
def default_content() -> bytes:
    """The bundle's bytes. Raises FileNotFoundError where the package was built without it."""
    return Path(__file__).with_name(NAME).read_bytes()
