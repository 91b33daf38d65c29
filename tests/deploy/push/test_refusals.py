"""What a host or a user gets wrong is told in a sentence, before anything is copied."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from deploy.__main__ import main
from deploy.wheel import WheelError, build
from edge.errors import ConfigError
from tests.deploy.sshd import PLAIN, Server, link_programs, sshd, write_script

Captured = pytest.CaptureFixture[str]


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    with sshd(tmp_path_factory.mktemp("server") / "sshd") as running:
        yield running


def _push(server: Server, *words: object) -> int:
    options = [f"--ssh-option=-F {server.folder}/ssh_config", "--port", str(server.port)]
    return main(["push", server.target, *options, *map(str, words)])


def _sentence(capsys: Captured) -> str:
    """What stands on stderr, which must be one line."""
    told = capsys.readouterr().err.strip()
    assert told.startswith("python -m deploy: ") and "\n" not in told
    return told


def _programs(folder: Path, python: object = None, **others: str) -> Path:
    """A PATH with plain tools, and stand-ins for others by name."""
    programs = link_programs(folder, (*PLAIN, "basename", "readlink", "sha256sum", "find", "date"))
    answers = {"python3": f"echo '{json.dumps(python)}'"} if python else {}
    for name, script in {**answers, **others}.items():
        (programs / name).unlink(missing_ok=True)
        write_script(programs / name, script)
    return programs


GOOD = ["python3", [3, 11, 2], 64, True]


@pytest.mark.parametrize(
    ("machine", "python", "reason"),
    [
        ("x86_64", None, "there is no python3: install Python 3.11 or newer"),
        ("armv6l", ["python3", [3, 11, 2], 32, True], "ARMv6"),
        ("riscv64", ["python3", [3, 13, 0], 64, True], "riscv64"),
        ("aarch64", ["python3", [3, 9, 2], 64, True], "its Python is 3.9, picanary needs 3.11 or newer"),
        ("aarch64", ["python3", [3, 11, 2], 32, True], "arm_64bit=0"),
        ("armv7l", ["python3", [3, 13, 0], 32, True], "Python 3.13 on 32-bit ARM"),
        ("aarch64", ["python3", [3, 11, 2], 64, False], "apt install python3-venv"),
    ],
)
def test_a_host_that_cannot_run_it_is_refused(
    machine: str, python: object, reason: str, tmp_path: Path, wheel: Path, capsys: Captured
) -> None:
    programs = _programs(tmp_path / "bin", python, uname=f"echo {machine}")
    with sshd(tmp_path / "sshd", {"PATH": str(programs)}) as server:
        assert _push(server, "--wheel", wheel, "--prefix", tmp_path / "host") == 2
    assert reason in _sentence(capsys)
    assert not (tmp_path / "host").exists()


def test_a_full_disk_is_refused_and_a_wrong_clock_and_little_memory_are_told(
    tmp_path: Path, wheel: Path, capsys: Captured
) -> None:
    df = "echo Filesystem; echo disk 9000000 8990000 10240 99% /"
    programs = _programs(tmp_path / "bin", GOOD, df=df, date="echo 86400")
    with sshd(tmp_path / "sshd", {"PATH": str(programs)}) as server:
        assert _push(server, "--wheel", wheel, "--prefix", tmp_path / "host") == 2
    told = capsys.readouterr()
    assert "10 MiB are free" in told.err and told.err.endswith("free some space\n")
    assert "days behind: TLS to a broker fails until a time server sets it" in told.out
    assert not (tmp_path / "host").exists()


@pytest.mark.parametrize(
    ("arguments", "reason"),
    [
        (["--bundle", "nowhere.canary"], "no such bundle: nowhere.canary"),
        (["--config", "nowhere.toml"], "nowhere.toml: no such file"),
        (["--handout", "nowhere"], "no such folder: nowhere"),
        (["--wheel", "nowhere.whl"], "no such wheel: nowhere.whl"),
        (["--wheel", "{wheel}", "--online", "--wheelhouse", "."], "leave out --wheelhouse"),
        (["--wheel", "{wheel}", "--patience", "0"], "--patience must be above zero"),
        (["--wheel", "{wheel}", "--ssh-option", "-i 'key"], "a quotation mark has no other"),
        (["--wheel", "{wheel}", "--service"], "push with --no-service"),
        (["--wheel", "{wheel}", "--rollback"], "there is no release before the first"),
        (["--wheel", "{wheel}", "--handout", "{folder}"], "--handout is for the service"),
    ],
)
def test_what_a_user_gets_wrong_is_told(
    arguments: list[str], reason: str, server: Server, wheel: Path, tmp_path: Path, capsys: Captured
) -> None:
    words = [word.format(wheel=wheel, folder=tmp_path) for word in arguments]
    assert _push(server, "--wheel", wheel, "--prefix", tmp_path / "host", *words) == 2
    assert reason in _sentence(capsys)
    assert not (tmp_path / "host").exists()


def test_a_damaged_wheel_is_told(server: Server, wheel: Path, tmp_path: Path, capsys: Captured) -> None:
    damaged = tmp_path / wheel.name
    damaged.write_bytes(wheel.read_bytes()[:-100])
    assert _push(server, "--wheel", damaged, "--prefix", tmp_path / "host") == 2
    assert "is damaged, or no wheel at all" in _sentence(capsys)


def test_a_host_without_picanary_is_told_by_its_status(
    server: Server, tmp_path: Path, capsys: Captured
) -> None:
    options = [f"--ssh-option=-F {server.folder}/ssh_config", "--port", str(server.port)]
    assert main(["status", server.target, *options, "--prefix", str(tmp_path / "host")]) == 1
    assert "picanary is not installed there" in capsys.readouterr().out
    assert not (tmp_path / "host").exists()


def test_without_a_checkout_a_wheel_is_asked_for(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="give a wheel with --wheel FILE"):
        build(tmp_path, checkout=tmp_path)


def test_a_checkout_that_does_not_build_is_told_with_the_cause(tmp_path: Path) -> None:
    (tmp_path / "pyproject.toml").write_text("[build-system")
    with pytest.raises(WheelError, match="cannot build the wheel"):
        build(tmp_path, checkout=tmp_path)
