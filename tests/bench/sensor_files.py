"""A sensor as the kernel shows it, for rivals that read files: values that walk as a room's do."""

import random
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


@contextmanager
def sensor_files(folder: Path) -> Iterator[Path]:
    """The folder with `in_temp_input` and `in_humidityrelative_input`, new each second."""
    stop, chance = threading.Event(), random.Random(1)
    values = {"in_temp_input": 19_000, "in_humidityrelative_input": 45_000}

    def write() -> None:
        for name, value in values.items():
            values[name] = value + chance.choice((-100, 0, 100))
            (folder / "partial").write_text(f"{values[name]}\n")
            (folder / "partial").replace(folder / name)

    def walk() -> None:
        while not stop.wait(1.0):
            write()

    write()
    thread = threading.Thread(target=walk, daemon=True)
    thread.start()
    try:
        yield folder
    finally:
        stop.set()
        thread.join()
