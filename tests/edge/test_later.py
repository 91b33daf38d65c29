"""What the agent does not need stays out of its memory, and is there when somebody asks."""

import subprocess
import sys
from pathlib import Path

from edge.csvfile import write_csv
from edge.sources.simulator import simulate

ROOT = Path(__file__).parents[2]


def python(code: str, *arguments: object) -> list[str]:
    """What a fresh interpreter prints."""
    command = [sys.executable, "-c", code, *map(str, arguments)]
    done = subprocess.run(command, cwd=ROOT, check=True, capture_output=True, text=True)
    return done.stdout.split()


def test_a_module_is_loaded_by_its_first_use_and_not_by_its_import() -> None:
    code = """
import sys
from edge.later import import_later
import_later("urllib.request")
import urllib.request
print("http.client" in sys.modules)
print(callable(urllib.request.getproxies))
print("http.client" in sys.modules, type(urllib.request).__name__)
"""
    assert python(code) == ["False", "True", "True", "module"]


def test_a_module_that_is_there_stays_as_it_is() -> None:
    code = """
import json
from edge.later import import_later
before = json
import_later("json")
import json
print(json is before)
"""
    assert python(code) == ["True"]


def test_an_agent_has_no_module_in_memory_that_it_never_asks_for(room_bundle: Path, tmp_path: Path) -> None:
    write_csv(simulate(3600.0, 10.0, seed=1), tmp_path / "room.csv")
    code = """
import sys
from edge.__main__ import main
print(main(sys.argv[1:]))
print(*sorted({"http.client", "email.message", "importlib.metadata", "urllib.request"}
      & {name for name, module in sys.modules.items() if type(module).__name__ == "module"}))
"""
    flags = ("--source", "replay", "--file", tmp_path / "room.csv", "--journal", tmp_path / "journal.db")
    assert python(code, *flags, "--bundle", room_bundle) == ["0"]
