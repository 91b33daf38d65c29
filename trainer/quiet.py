"""TensorFlow without its chatter: its C++ parts write to stderr whatever one sets."""

import os
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager

from edge.extras import need


@contextmanager
def quiet() -> Iterator[None]:
    """Hold back what is written to stderr, from C++ too; it is shown after all when something fails."""
    sys.stderr.flush()
    with tempfile.TemporaryFile() as held:
        real = os.dup(2)
        os.dup2(held.fileno(), 2)
        try:
            yield
        except BaseException:
            sys.stderr.flush()
            held.seek(0)
            os.write(real, held.read())
            raise
        finally:
            sys.stderr.flush()
            os.dup2(real, 2)
            os.close(real)


def start_tensorflow() -> None:
    """Import TensorFlow and wake it up. Raises MissingExtra."""
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    # nets this small are faster on a CPU, and the same seed gives the same model everywhere
    os.environ.setdefault("CUDA_VISIBLE_DEVICES", "-1")
    with quiet():
        need("tensorflow", "train").constant(0)
