"""`python -m deploy image --all-in-one`: what is on the image for broker and page, and what is said."""

from pathlib import Path

import pytest

from deploy.__main__ import main
from deploy.image import command, rootfs, tools
from tests.deploy.all_in_one.conftest import wheels as wheels
from tests.deploy.image.disks import Disk
from tests.deploy.image.small_debian import small_debian

MISSING = [package for name, package in tools.DISKS.items() if not tools.there(name)]
pytestmark = pytest.mark.skipif(bool(MISSING), reason=f"apt-get install {' '.join(MISSING)}")


@pytest.fixture
def words(tmp_path: Path, wheel: Path, wheels: Path, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    monkeypatch.setattr(command, "SLACK", 64 * 2**20)
    given = ["image", tmp_path / "out.img", "--wheel", wheel, "--wheelhouse", wheels, "--dht", "4"]
    return [str(word) for word in [*given, "--all-in-one", "--house", tmp_path / "house"]]


def test_the_image_has_broker_and_page_and_is_for_its_owner_alone(
    tmp_path: Path, words: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    debian = small_debian(tmp_path / "debian.tar")
    assert main([*words, "--rootfs", str(debian), "--hostname", "cellar"]) == 0
    told = capsys.readouterr().out
    assert "it has no mosquitto: the Pi fetches it by apt" in told
    assert "the image holds secrets" in told
    assert (tmp_path / "out.img").stat().st_mode & 0o777 == 0o600
    disk = Disk(tmp_path / "out.img")
    ours = {name for name in disk.boot_names() if name.startswith("picanary/all-in-one/")}
    wanted = (
        "install.sh",
        "page/page.key",
        "mosquitto/acl",
        "mosquitto/server.key",
        "picanary-monitor.socket",
    )
    assert {f"picanary/all-in-one/{name}" for name in wanted} <= ours
    assert "ca.key" not in str(ours)
    assert "extras=" in disk.boot("picanary/settings") and "monitor" in disk.boot("picanary/settings")


def test_a_debian_made_for_it_gets_mosquitto(
    tmp_path: Path, words: list[str], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """mmdebstrap takes half an hour: here it is only asked for."""
    asked: list[str] = []

    def make(_suite: str, _sources: object, to: Path, *rest: object) -> None:
        asked.extend(rest[-1])  # type: ignore[call-overload]
        small_debian(to)

    monkeypatch.setattr(rootfs, "make", make)
    monkeypatch.setattr(tools, "DEBIAN", {})
    monkeypatch.setattr(tools, "require_arm", lambda: None)
    assert main([*words, "--mirror", "http://localhost/debian"]) == 0
    assert asked == ["mosquitto"]
    told = capsys.readouterr().out
    assert "with mosquitto: the Pi need not fetch it" in told
    assert "from a phone in the same network: http://picanary.local/" in told


def test_whether_debian_has_a_package(tmp_path: Path) -> None:
    debian = small_debian(tmp_path / "debian.tar")
    assert not rootfs.has(debian, "mosquitto")
    assert rootfs.has(debian, "openssh-server")
