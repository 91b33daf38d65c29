"""All that a user does, with nothing lent: real wheels from here to a host that reaches no network."""

import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from deploy.__main__ import main
from tests.deploy.machine import Machine, machine

Captured = pytest.CaptureFixture[str]


@pytest.fixture(scope="module")
def attic(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Machine]:
    with machine(tmp_path_factory.mktemp("attic") / "host", service=False, quick=False) as host:
        yield host


def _push(host: Machine, wheel: Path, config: Path, *more: str) -> int:
    return host.push("--wheel", wheel, "--config", config, "--no-service", *more)


def test_a_host_without_a_network_gets_all_from_here_and_the_second_time_nothing(
    attic: Machine, whole_wheel: Path, config: Path, capsys: Captured
) -> None:
    assert _push(attic, whole_wheel, config, "--online") == 2  # it really reaches none
    assert "cannot install picanary: " in capsys.readouterr().err
    assert attic.releases == set() and attic.current == ""
    assert _push(attic, whole_wheel, config) == 0
    told = capsys.readouterr().out
    assert "fetching wheels for" in told and "simulated readings in the journal" in told
    python = attic.prefix / "current/venv/bin/python"
    where = "import edge, numpy, pathlib; print(*(pathlib.Path(x.__file__).resolve() for x in (edge, numpy)))"
    found = subprocess.run([python, "-P", "-c", where], env={}, capture_output=True, text=True, check=True)
    releases = attic.prefix / "releases" / attic.current
    assert all(Path(path).is_relative_to(releases) for path in found.stdout.split())
    before = attic.content()
    assert _push(attic, whole_wheel, config) == 0
    told = capsys.readouterr().out
    assert f"nothing to change: {attic.current} is there" in told and "fetching" not in told
    assert attic.content() == before
    assert main(["status", attic.server.target, *attic.options]) == 0
    assert f"release {attic.current}, no service" in capsys.readouterr().out
