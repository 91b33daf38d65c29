"""A Pi with a service, from the first push on: each test stands on the one before it."""

import json
from pathlib import Path

import pytest

from deploy.__main__ import main
from tests.deploy.machine import CONFIG, Machine

Captured = pytest.CaptureFixture[str]


def _said(capsys: Captured) -> str:
    return capsys.readouterr().out


def _status(host: Machine, capsys: Captured) -> dict[str, object]:
    capsys.readouterr()
    main(["status", host.server.target, *host.options, "--json"])
    told: dict[str, object] = json.loads(_said(capsys))
    return told


@pytest.fixture(scope="module")
def first(cellar: Machine, wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> str:
    """The release that the first push leaves."""
    config = tmp_path_factory.mktemp("first") / "edge.toml"
    config.write_text(CONFIG)
    assert cellar.push("--wheel", wheel, "--config", config) == 0
    return cellar.current


@pytest.fixture(scope="module")
def second(cellar: Machine, first: str, wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> str:
    """And the second, with another configuration."""
    config = tmp_path_factory.mktemp("second") / "edge.toml"
    config.write_text(f"{CONFIG}commit_s = 5.0\n")
    assert cellar.push("--wheel", wheel, "--config", config) == 0
    return cellar.current


def test_the_service_runs_the_release_and_has_brought_a_record(
    cellar: Machine, first: str, capsys: Captured
) -> None:
    assert cellar.state == "active"
    told = _status(cellar, capsys)
    assert told["release"] == first and told["service"] == "active" and told["verified"] is True
    assert told["device"] == "cellar" and told["version"] and told["model"]
    assert isinstance(told["age_s"], float) and -5 < told["age_s"] < 600
    assert isinstance(told["record"], int) and told["record"] >= 1
    assert (cellar.root / "etc/picanary/edge.toml").readlink() == Path("/opt/picanary/current/edge.toml")
    assert (cellar.root / "etc/systemd/system/picanary-edge.service").is_file()
    running = Path(f"/proc/{_agent(cellar)}/cmdline").read_bytes().split(b"\0")[0].decode()
    assert Path(running).is_relative_to(cellar.prefix / "current")


def test_the_same_push_again_changes_nothing_and_says_so(
    cellar: Machine, first: str, wheel: Path, config: Path, capsys: Captured
) -> None:
    before, agent = cellar.content(), _agent(cellar)
    assert cellar.push("--wheel", wheel, "--config", config) == 0
    assert f"nothing to change: {first} is there and runs" in _said(capsys)
    assert cellar.push("--wheel", wheel) == 0  # the configuration that is there is the same
    assert f"nothing to change: {first} is there and runs" in _said(capsys)
    assert cellar.content() == before and _agent(cellar) == agent


def test_the_same_push_starts_a_service_that_is_down(
    cellar: Machine, first: str, wheel: Path, capsys: Captured
) -> None:
    cellar.systemctl("stop")
    assert cellar.state == "inactive"
    assert cellar.push("--wheel", wheel, "--dry-run") == 0
    assert "would start picanary-edge.service, which is inactive" in _said(capsys)
    assert cellar.state == "inactive"
    assert cellar.push("--wheel", wheel) == 0
    assert "has reached its journal" in _said(capsys)
    assert cellar.state == "active" and cellar.current == first


def test_a_dry_run_says_each_step_and_changes_nothing(
    cellar: Machine, first: str, wheel: Path, tmp_path: Path, capsys: Captured
) -> None:
    other = tmp_path / "other.toml"
    other.write_text(f"{CONFIG}commit_s = 7.0\n")
    before, agent = cellar.content(), _agent(cellar)
    assert cellar.push("--wheel", wheel, "--config", other, "--dry-run") == 0
    would = [line for line in _said(capsys).splitlines() if line.startswith("would ")]
    assert [line.split()[1] for line in would] == ["send", "install", "check", "switch", "restart", "keep"]
    assert f"switch /opt/picanary/current from {first} to " in would[3]
    assert cellar.content() == before and _agent(cellar) == agent


def test_an_update_keeps_the_release_before(cellar: Machine, first: str, second: str) -> None:
    assert second != first
    assert cellar.releases == {first, second} and cellar.state == "active"
    assert (cellar.prefix / "previous").readlink().name == first
    assert "commit_s = 5.0" in (cellar.prefix / "current/edge.toml").read_text()


def test_rollback_goes_to_the_release_before(
    cellar: Machine, first: str, second: str, capsys: Captured
) -> None:
    before = cellar.content()
    assert cellar.push("--rollback", "--dry-run") == 0
    assert f"would switch from {second} back to {first}" in _said(capsys)
    assert cellar.content() == before
    assert cellar.push("--rollback") == 0
    told = _said(capsys)
    assert f"going back from {second} to {first}" in told and "has reached its journal" in told
    assert cellar.current == first and cellar.state == "active"
    assert (cellar.prefix / "previous").readlink().name == second  # and so back again


def test_a_handout_goes_to_the_service_as_credentials_of_root_alone(
    cellar: Machine, first: str, second: str, wheel: Path, tmp_path: Path, capsys: Captured
) -> None:
    house, handed = tmp_path / "house", tmp_path / "house/handout/cellar"
    assert main(["broker", str(house), "--host", "localhost"]) == 0
    assert main(["broker", str(house), "add-device", "cellar"]) == 0
    (handed / "edge.toml").write_text((handed / "edge.toml").read_text() + CONFIG.partition('"cellar"')[2])
    assert cellar.push("--wheel", wheel, "--handout", handed) == 0
    told = _said(capsys)
    assert "it has 1 of the wheels" in told and "PRIVATE KEY" not in told
    key = cellar.root / "etc/picanary/cellar.key"
    assert key.read_bytes() == (handed / "cellar.key").read_bytes() and key.stat().st_mode & 0o777 == 0o600
    text = (cellar.prefix / "current/edge.toml").read_text()
    assert 'keyfile = "/run/credentials/picanary-edge.service/cellar.key"' in text
    drop_in = cellar.root / "etc/systemd/system/picanary-edge.service.d/credentials.conf"
    assert "LoadCredential=cellar.key:/etc/picanary/cellar.key" in drop_in.read_text()
    assert not (cellar.prefix / "delivery/secret").exists()
    open_to_others = [
        path for path in cellar.prefix.rglob("*.key") if path.is_file() and path.stat().st_mode & 0o077
    ]
    assert open_to_others == []
    assert cellar.releases == {first, cellar.current}  # the second was neither in use nor the one before
    assert cellar.push("--wheel", wheel) == 0
    assert "nothing to change" in _said(capsys)  # without the handout too: the keys are there


def test_rolling_back_from_a_handout_takes_its_unit_and_configuration_along(
    cellar: Machine, second: str, capsys: Captured
) -> None:
    assert cellar.push("--rollback") == 0
    assert "/run/credentials" not in (cellar.prefix / "current/edge.toml").read_text()
    assert not (cellar.root / "etc/systemd/system/picanary-edge.service.d/credentials.conf").exists()
    assert cellar.state == "active"


def test_a_configuration_that_an_editor_put_in_place_of_our_link_stays(
    cellar: Machine, second: str, wheel: Path
) -> None:
    held = cellar.root / "etc/picanary/edge.toml"
    held.unlink()
    held.write_text(f"{CONFIG}commit_s = 6.0\n")
    assert cellar.push("--wheel", wheel) == 0
    assert "commit_s = 6.0" in (cellar.prefix / "current/edge.toml").read_text()
    assert held.is_symlink()


def _agent(host: Machine) -> int:
    """The process of the agent that runs."""
    supervisor = int((host.root / "run/supervisor/pid").read_text())
    (child,) = Path(f"/proc/{supervisor}/task/{supervisor}/children").read_text().split()
    return int(child)
