"""The check that a release passes on the host before it is used, with the real agent."""

import sys
from pathlib import Path

import pytest

from deploy.selfcheck import SelfCheckError, check, main

PYTHON = sys.executable


def test_the_agent_works_here(capsys: pytest.CaptureFixture[str]) -> None:
    assert main([]) == 0
    assert "simulated readings in the journal" in capsys.readouterr().out


def test_an_agent_that_fails_is_told_with_its_last_words() -> None:
    with pytest.raises(SelfCheckError, match=r"status 1: no such sensor"):
        check([PYTHON, "-c", "import sys; sys.exit('no such sensor')"])


def test_an_agent_that_leaves_no_reading_has_failed() -> None:
    code = (
        "import sys; from pathlib import Path; from edge.journal import Journal\n"
        "Journal(Path(sys.argv[-1])).close()"
    )
    with pytest.raises(SelfCheckError, match="no reading"):
        check([PYTHON, "-c", code])


def test_an_agent_that_never_starts_to_write_has_failed() -> None:
    with pytest.raises(SelfCheckError, match="status -15: it said nothing"):
        check([PYTHON, "-c", "import time; time.sleep(600)"], run_s=0.1, deadline_s=0.5)


def test_an_agent_that_does_not_stop_has_failed() -> None:
    code = (
        "import signal, sys, time; from pathlib import Path\n"
        "signal.signal(signal.SIGTERM, signal.SIG_IGN); Path(sys.argv[-1]).touch(); time.sleep(600)"
    )
    with pytest.raises(SelfCheckError, match="did not stop"):
        check([PYTHON, "-c", code], run_s=0.1, deadline_s=2.0)


def test_a_bundle_that_the_configuration_does_not_name_is_refused(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    config = tmp_path / "edge.toml"
    config.write_text('[source]\nkind = "simulator"\n')
    assert main(["--config", str(config), "--bundle", str(tmp_path / "room.canary")]) == 2
    assert 'put a line bundle = "PREFIX/current/room.canary" under [agent]' in capsys.readouterr().err


def test_a_configuration_with_a_wrong_key_is_refused(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    config = tmp_path / "edge.toml"
    config.write_text("[agent]\ncolour = 'red'\n")
    assert main(["--config", str(config)]) == 2
    assert "unknown key: colour" in capsys.readouterr().err
