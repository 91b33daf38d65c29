"""`python -m deploy push` over a real sshd on the loopback."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from deploy.__main__ import main
from deploy.push import Order, push
from deploy.release import Release
from deploy.service import NAME, Places, start
from deploy.ssh import Host, HostError
from deploy.wheel import WheelError, build
from edge.errors import ConfigError
from tests.deploy.sshd import PLAIN, Server, link_programs, sshd, write_script


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return build(tmp_path_factory.mktemp("wheel"))


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    with sshd(tmp_path_factory.mktemp("server") / "sshd") as running:
        yield running


@pytest.fixture(scope="module")
def prefix(tmp_path_factory: pytest.TempPathFactory, server: Server, wheel: Path) -> Path:
    """A host's folder after a first, whole push: with the dependencies that the wheel asks for."""
    prefix = tmp_path_factory.mktemp("host") / "picanary"
    config = prefix.parent / "edge.toml"
    config.write_text('[source]\nkind = "simulator"\n')
    arguments = ["--wheel", str(wheel), "--config", str(config), "--prefix", str(prefix), "--no-service"]
    assert main(["push", server.target, *_options(server), *arguments]) == 0
    return prefix


@pytest.fixture
def quick(tmp_path: Path, prefix: Path) -> Iterator[Server]:
    """The same host; a release installed there without dependencies finds those of the first."""
    (site,) = (prefix / "current" / "venv" / "lib").glob("python*/site-packages")
    with sshd(tmp_path / "quick", {"PYTHONPATH": str(site.resolve())}) as running:
        yield running


def _options(server: Server) -> list[str]:
    return [f"--ssh-option=-F {server.folder}/ssh_config", "--port", str(server.port)]


def _stand_in(folder: Path, answer: str) -> Path:
    """A PATH with plain tools and a python3 that answers so when it is looked at."""
    programs = link_programs(folder, PLAIN)
    write_script(programs / "python3", f"echo '{answer}'")
    return programs


def test_a_pushed_release_runs_from_current(prefix: Path) -> None:
    current = prefix / "current"
    assert current.is_symlink()
    assert (current / "edge.toml").read_text() == '[source]\nkind = "simulator"\n'
    python = current / "venv" / "bin" / "python"
    told = subprocess.run([python, "-m", "edge", "--version"], capture_output=True, text=True, check=True)
    assert told.stdout.startswith("picanary ")
    where = "import edge, pathlib; print(pathlib.Path(edge.__file__).resolve())"
    found = subprocess.run([python, "-P", "-c", where], capture_output=True, text=True, check=True)
    assert Path(found.stdout.strip()).is_relative_to(current.resolve())


def test_a_second_push_switches_current_and_carries_the_configuration_over(
    prefix: Path, quick: Server, wheel: Path
) -> None:
    first = (prefix / "current").resolve()
    said: list[str] = []
    with Host(quick.target, quick.options) as host:
        order = Order(wheel=wheel, prefix=str(prefix), service=False, pip_options=("--no-deps",))
        release = push(host, order, said.append)
    assert (prefix / "current").resolve() == Path(release.folder) != first
    assert (prefix / "current" / "edge.toml").read_text() == '[source]\nkind = "simulator"\n'
    assert first.exists()
    assert any("simulated readings in the journal" in line for line in said)


def test_a_release_that_fails_its_check_is_removed_and_current_stays(
    prefix: Path, server: Server, wheel: Path
) -> None:
    before = (prefix / "current").resolve(), sorted(prefix.glob("releases/*"))
    order = Order(wheel=wheel, prefix=str(prefix), service=False, pip_options=("--no-deps",))
    with (
        Host(server.target, server.options) as host,
        pytest.raises(HostError, match=r"cannot use the release: .*No module named"),
    ):
        push(host, order, lambda _: None)  # without the dependencies nothing can run
    assert ((prefix / "current").resolve(), sorted(prefix.glob("releases/*"))) == before


def test_a_host_without_python_is_refused_in_a_sentence_and_current_stays(
    prefix: Path, wheel: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    before = (prefix / "current").resolve(), sorted(prefix.glob("releases/*"))
    programs = link_programs(tmp_path / "bin", PLAIN)
    with sshd(tmp_path / "sshd", {"PATH": str(programs)}) as bare:
        arguments = ["push", bare.target, *_options(bare), "--wheel", str(wheel), "--prefix", str(prefix)]
        assert main(arguments) == 2
    assert "there is no python3: install Python 3.11 or newer" in _sentence(capsys)
    assert ((prefix / "current").resolve(), sorted(prefix.glob("releases/*"))) == before


@pytest.mark.parametrize(
    ("machine", "version", "bits", "reason"),
    [
        ("armv6l", [3, 11, 2], 32, "ARMv6"),
        ("riscv64", [3, 13, 0], 64, "riscv64"),
        ("aarch64", [3, 9, 2], 64, "its Python is 3.9"),
        ("aarch64", [3, 11, 2], 32, "arm_64bit=0"),
        ("armv7l", [3, 13, 0], 32, "Python 3.13 on 32-bit ARM"),
    ],
)
def test_a_host_that_cannot_run_it_is_refused_before_anything_is_copied(
    machine: str, version: list[int], bits: int, reason: str, tmp_path: Path, wheel: Path
) -> None:
    programs = _stand_in(tmp_path / "bin", json.dumps(["python3", version, bits, True]))
    (programs / "uname").unlink()
    write_script(programs / "uname", f"echo {machine}")
    with (
        sshd(tmp_path / "sshd", {"PATH": str(programs)}) as server,
        Host(server.target, server.options) as host,
        pytest.raises(HostError, match=reason),
    ):
        push(host, Order(wheel=wheel, prefix=str(tmp_path / "host")), lambda _: None)
    assert not (tmp_path / "host").exists()


def test_a_full_disk_is_refused_before_anything_is_copied(tmp_path: Path, wheel: Path) -> None:
    programs = _stand_in(tmp_path / "bin", json.dumps(["python3", [3, 11, 2], 64, True]))
    (programs / "df").unlink()
    write_script(programs / "df", "echo Filesystem; echo disk 9000000 8990000 10240 99% /")
    with (
        sshd(tmp_path / "sshd", {"PATH": str(programs)}) as server,
        Host(server.target, server.options) as host,
        pytest.raises(HostError, match=r"10 MiB are free .* free some space"),
    ):
        push(host, Order(wheel=wheel, prefix=str(tmp_path / "host")), lambda _: None)
    assert not (tmp_path / "host").exists()


@pytest.mark.parametrize(
    ("arguments", "reason"),
    [
        (["--bundle", "nowhere.canary"], "no such bundle: nowhere.canary"),
        (["--config", "nowhere.toml"], "nowhere.toml: no such file"),
        (["--wheel", "nowhere.whl"], "no such wheel: nowhere.whl"),
    ],
)
def test_a_file_that_is_not_there_is_told_in_a_sentence(
    arguments: list[str], reason: str, server: Server, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    prefix = ["--prefix", str(tmp_path / "host")]
    assert main(["push", server.target, *_options(server), *prefix, *arguments]) == 2
    assert reason in _sentence(capsys)


def test_a_forced_service_without_systemd_is_refused(
    server: Server, wheel: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    arguments = ["--wheel", str(wheel), "--prefix", str(tmp_path / "host"), "--service"]
    assert main(["push", server.target, *_options(server), *arguments]) == 2
    assert "push with --no-service" in _sentence(capsys)


def test_without_a_checkout_a_wheel_is_asked_for(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="give a wheel with --wheel FILE"):
        build(tmp_path, checkout=tmp_path)


def test_a_checkout_that_does_not_build_is_told_with_the_cause(tmp_path: Path) -> None:
    (tmp_path / "pyproject.toml").write_text("[build-system")
    with pytest.raises(WheelError, match="cannot build the wheel"):
        build(tmp_path, checkout=tmp_path)


def test_only_the_current_and_the_one_before_are_kept(server: Server, tmp_path: Path) -> None:
    names = ["20260101-a", "20260102-b", "20260103-c", "20260104-d"]
    for name in names:
        (tmp_path / "releases" / name / "venv" / "bin").mkdir(parents=True)
        (tmp_path / "releases" / name / "venv" / "bin" / "python").symlink_to(sys.executable)
    with Host(server.target, server.options) as host:
        Release(host, str(tmp_path), names[3], root=False).switch()
        assert str((tmp_path / "current").readlink()) == f"releases/{names[3]}"
        rolled_back = Release(host, str(tmp_path), names[1], root=False)
        rolled_back.switch()
        rolled_back.prune()
    assert str((tmp_path / "current").readlink()) == f"releases/{names[1]}"
    assert sorted(p.name for p in (tmp_path / "releases").iterdir()) == [names[1], names[3]]


def test_a_service_is_installed_linked_and_started(tmp_path: Path) -> None:
    """The steps around systemctl, with a stand-in for it: this needs no systemd that runs."""
    if os.geteuid() != 0:
        pytest.skip("installing a service needs root or sudo without a password: run the tests as root")
    programs = link_programs(tmp_path / "bin", (*PLAIN, "ln", "sleep"))
    log = tmp_path / "systemctl.log"
    write_script(
        programs / "systemctl", f'echo "$@" >> {log}; if [ "$1" = is-active ]; then cat {tmp_path}/state; fi'
    )
    write_script(programs / "journalctl", "echo no sensor found")
    write_script(programs / "sudo", 'shift; exec "$@"')
    places = Places(str(tmp_path / "units"), str(tmp_path / "etc" / "edge.toml"))
    (tmp_path / "units").mkdir()
    (tmp_path / "etc").mkdir()
    (tmp_path / "etc" / "edge.toml").write_text("by hand")
    (tmp_path / "current").mkdir()
    (tmp_path / "current" / "edge.toml").write_text("pushed")
    (tmp_path / "state").write_text("active\n")
    with (
        sshd(tmp_path / "sshd", {"PATH": str(programs)}) as server,
        Host(server.target, server.options) as host,
    ):
        release = Release(host, str(tmp_path), "one", root=False)
        start(release, places, gpio=True, link=True, steady_s=0)
        (tmp_path / "state").write_text("failed\n")
        with pytest.raises(HostError, match=f"cannot start {NAME}: no sensor found"):
            start(release, places, gpio=False, link=False, steady_s=0)
    assert (tmp_path / "etc" / "edge.toml").read_text() == "pushed"
    assert (tmp_path / "etc" / "edge.toml.before-push").read_text() == "by hand"
    assert (tmp_path / "units" / f"{NAME}.d" / "gpio.conf").is_file()
    assert log.read_text().splitlines()[:3] == ["daemon-reload", f"enable --quiet {NAME}", f"restart {NAME}"]


def _sentence(capsys: pytest.CaptureFixture[str]) -> str:
    """What stands on stderr, which must be one line."""
    said = capsys.readouterr().err.strip()
    assert said.startswith("python -m deploy: ")
    assert "\n" not in said
    return said
