"""Updates that do not work: before the switch nothing changes, after it the release before comes back."""

import re
from pathlib import Path

import pytest

from tests.deploy.machine import CONFIG, Machine, changed_wheel, machine

Captured = pytest.CaptureFixture[str]
NO_SENSOR = '[agent]\ndevice = "cellar"\n[source]\nkind = "iio"\nsysfs = "/nowhere"\nhwmon = "/nowhere"\n'
# As a sandbox might do it: all is well when the release is checked, and the service does nothing.
HANGS = """
import os
if "NOTIFY_SOCKET" in os.environ:
    Agent.run = lambda self, wait_s, stop: stop.wait()
"""


def _sentence(capsys: Captured) -> str:
    """What stands on stderr, which must be one line."""
    told = capsys.readouterr().err.strip()
    assert told.startswith("python -m deploy: ") and "\n" not in told
    return told


@pytest.fixture(scope="module")
def running(cellar: Machine, wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Machine:
    config = tmp_path_factory.mktemp("good") / "edge.toml"
    config.write_text(CONFIG)
    assert cellar.push("--wheel", wheel, "--config", config) == 0
    return cellar


def _stands(host: Machine) -> tuple[str, set[str], str]:
    return host.current, host.releases, (host.prefix / "current/edge.toml").read_text()


def test_an_agent_that_does_not_start_gives_way_to_the_release_before(
    running: Machine, wheel: Path, tmp_path: Path, capsys: Captured
) -> None:
    before = _stands(running)
    config = tmp_path / "edge.toml"
    config.write_text(NO_SENSOR)
    assert running.push("--wheel", wheel, "--config", config) == 2
    told = _sentence(capsys)
    assert re.search(
        r"ended \d+ times before a record came; its last words: .*no sensor under /nowhere", told
    )
    assert f"; {before[0]} is back, and runs: record " in told
    assert _stands(running) == before and running.state == "active"


def test_an_agent_that_runs_and_brings_nothing_gives_way_to_the_release_before(
    running: Machine, wheel: Path, tmp_path: Path, capsys: Captured
) -> None:
    before = _stands(running)
    hangs = changed_wheel(wheel, tmp_path / "hangs", "edge/agent.py", HANGS)
    assert running.push("--wheel", hangs, "--patience", "25") == 2
    told = _sentence(capsys)
    assert "no record reached its journal within 35 s; its last words: INFO edge: device cellar" in told
    assert f"; {before[0]} is back, and runs: record " in told
    assert _stands(running) == before and running.state == "active"


def test_a_wheel_whose_agent_does_not_start_never_comes_near_the_service(
    running: Machine, wheel: Path, tmp_path: Path, capsys: Captured
) -> None:
    before = _stands(running)
    broken = changed_wheel(
        wheel, tmp_path / "broken", "edge/agent.py", "\nraise RuntimeError('broken here')\n"
    )
    assert running.push("--wheel", broken) == 2
    assert "cannot use the release: " in (told := _sentence(capsys)) and "broken here" in told
    assert _stands(running) == before and running.state == "active"


def test_a_first_release_that_brings_no_record_stays_and_is_tried_on(
    wheel: Path, tmp_path: Path, capsys: Captured
) -> None:
    config = tmp_path / "edge.toml"
    config.write_text(NO_SENSOR)
    with machine(tmp_path / "attic") as attic:
        assert attic.push("--wheel", wheel, "--config", config) == 2
        assert "there is no release before it to go back to, so it stays" in _sentence(capsys)
        assert attic.releases == {attic.current}
        assert attic.state in ("activating", "active")
