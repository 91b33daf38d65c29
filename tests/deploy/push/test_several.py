"""Several hosts side by side: one that fails stops no other."""

import io
import re
import threading
from pathlib import Path

import pytest

from deploy.__main__ import main
from deploy.push.progress import Progress
from deploy.push.several import Outcome, for_each
from edge.errors import PicanaryError
from tests.brokers import free_port
from tests.deploy.machine import CONFIG, Machine, machine

Captured = pytest.CaptureFixture[str]
NAMELESS = CONFIG.replace('device = "cellar"\n', "")


def _aliases(path: Path, hosts: dict[str, Machine], dead: str) -> Path:
    """An ssh configuration by which the hosts have names, and one that nobody answers at."""
    lines = [f"Host {dead}", f"Port {free_port()}"]
    for name, host in hosts.items():
        lines += [f"Host {name}", f"Port {host.server.port}"]
        for line in (host.server.folder / "ssh_config").read_text().splitlines():
            lines.append(line)
    path.write_text("\n".join([*lines, "Host *", "HostName 127.0.0.1", ""]))
    return path


def test_hosts_are_done_side_by_side_and_the_summary_names_the_one_that_failed(
    cellar: Machine, wheel: Path, tmp_path: Path, capsys: Captured
) -> None:
    config = tmp_path / "edge.toml"
    config.write_text(NAMELESS)
    with machine(tmp_path / "attic") as attic:
        aliases = _aliases(tmp_path / "ssh", {"cellar": cellar, "attic": attic}, "shed")
        words = ["cellar", "shed", "attic", f"--ssh-option=-F {aliases}"]
        assert main(["push", *words, "--wheel", str(wheel), "--config", str(config)]) == 1
        told = capsys.readouterr()
        assert cellar.current == attic.current != ""
        assert cellar.state == attic.state == "active"
        lines = told.out.splitlines()
        assert {line.split(":")[0] for line in lines[:-1]} == {"cellar", "shed", "attic"}
        assert lines[-1] == "3 hosts: 2 changed, 0 as they were, 1 failed"
        assert told.err.startswith("python -m deploy: shed: cannot connect: nothing listens on its ssh port")
        assert told.err.count("\n") == 1
        assert main(["status", *words]) == 1
        shown = capsys.readouterr().out
        assert f"cellar: picanary 0.1.0, release {cellar.current}, service active" in shown
        assert "shed: cannot connect: nothing listens" in shown


def test_so_many_are_done_at_once_and_no_more() -> None:
    both, lock = threading.Barrier(2, timeout=60), threading.Lock()
    at_work, most = 0, 0

    def job(host: str, say: object) -> bool:
        nonlocal at_work, most
        with lock:
            at_work += 1
            most = max(most, at_work)
        both.wait()  # broken unless another one is there at the same time
        with lock:
            at_work -= 1
        if host == "b":
            raise PicanaryError("b: no")
        return host == "a"

    told = for_each(["a", "b", "c", "d"], job, 2)
    assert told == [Outcome("a", True), Outcome("b", False, "no"), Outcome("c", False), Outcome("d", False)]
    assert most == 2


def test_a_terminal_shows_a_line_a_host_drawn_anew() -> None:
    out = io.StringIO()
    with Progress(["cellar", "attic"], out, live=True) as progress:
        progress.step("cellar", "installing (a Pi takes some minutes)")
        progress.done("attic", "failed: no such host name")
    last = out.getvalue().split("\r\033[K")[-2:]
    assert re.match(r"cellar +\d+ s  installing", last[0])
    assert re.match(r"attic +failed: no such host name", last[1])


def test_elsewhere_each_step_is_a_line_with_the_hosts_name() -> None:
    out = io.StringIO()
    with Progress(["cellar", "attic"], out) as progress:
        progress.step("cellar", "checking")
        progress.done("attic", "done")
    assert out.getvalue() == "cellar: checking\nattic: done\n"


@pytest.mark.parametrize(
    ("words", "reason"),
    [
        (["--config", "{config}"], "names a device, and there are several hosts"),
        (["--handout", "{folder}"], "--handout is of one device"),
        (["--at-once", "0"], "--at-once must be 1 or more"),
    ],
)
def test_what_only_one_host_can_have_is_refused_for_several(
    words: list[str], reason: str, config: Path, tmp_path: Path, capsys: Captured
) -> None:
    given = [word.format(config=config, folder=tmp_path) for word in words]
    assert main(["push", "cellar", "attic", *given]) == 2
    assert reason in capsys.readouterr().err
