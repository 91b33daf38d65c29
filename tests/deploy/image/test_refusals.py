"""What `python -m deploy image` will not do, said in one sentence before anything is made."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from deploy.__main__ import main
from deploy.image import command, partitions, sources, tools
from deploy.image.partitions import Identity
from edge.errors import ConfigError
from tests.deploy.image.small_debian import small_debian


def _refused(capsys: pytest.CaptureFixture[str], *words: object) -> str:
    assert main(["image", *map(str, words)]) == 2
    told = capsys.readouterr().err
    assert told.startswith("python -m deploy: ")
    assert told.count("\n") == 1
    return told


def test_a_name_that_is_no_images(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert "must end in .img" in _refused(capsys, tmp_path / "out.iso")


def test_a_folder_that_is_not_there(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert "no such folder" in _refused(capsys, tmp_path / "nowhere" / "out.img")


def test_a_disk_in_place_of_a_file(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    disk = tmp_path / "card.img"
    os.mkfifo(disk)
    assert "is no file" in _refused(capsys, disk)


def test_flags_that_a_card_would_not_take_either(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert "--wifi needs --country" in _refused(capsys, tmp_path / "out.img", "--wifi", "shed")
    assert "GPIO 2 to 27" in _refused(capsys, tmp_path / "out.img", "--dht", "99")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.skipif(not all(map(tools.there, tools.DISKS)), reason="the tools of an image are missing")
def test_a_rootfs_that_would_not_boot(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    debian = small_debian(tmp_path / "debian.tar", without="start4.elf")
    told = _refused(capsys, tmp_path / "out.img", "--rootfs", debian)
    assert "has no start4.elf" in told
    assert [path.name for path in tmp_path.iterdir()] == ["debian.tar"]


@pytest.mark.skipif(not all(map(tools.there, tools.DISKS)), reason="the tools of an image are missing")
def test_a_rootfs_that_is_no_tar_file(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    debian = tmp_path / "debian.tar"
    debian.write_text("<html>not found</html>")
    assert "is no tar file" in _refused(capsys, tmp_path / "out.img", "--rootfs", debian)


def test_missing_programs_are_named_with_their_packages(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(tools, "PATH", str(tmp_path))
    told = _refused(capsys, tmp_path / "out.img")
    assert "apt-get install device-tree-compiler dosfstools e2fsprogs fdisk mtools tar" in told


def test_a_machine_that_runs_no_programs_of_a_pi(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("platform.machine", lambda: "x86_64")
    with pytest.raises(ConfigError, match="qemu-user-static binfmt-support, and mount -t binfmt_misc"):
        tools.require_arm(tmp_path)
    (tmp_path / "status").touch()
    with pytest.raises(ConfigError, match=r"binfmt-support$"):
        tools.require_arm(tmp_path)
    (tmp_path / "qemu-aarch64").touch()
    tools.require_arm(tmp_path)


def test_files_that_do_not_fit_on_the_boot_partition(tmp_path: Path) -> None:
    folder = tmp_path / "boot"
    folder.mkdir()
    (folder / "wheel").write_bytes(bytes(2**20))
    with pytest.raises(ConfigError, match="has 1 MiB, and 2 are needed"):
        partitions.fat(folder, tmp_path / "fat", Identity.of(), 0, size=2**20)


def test_too_little_room_for_the_work(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="MiB free, and the image needs"):
        command.require_space(tmp_path / "work", 2**60)


@pytest.fixture
def keyrings(tmp_path: Path) -> Path:
    (tmp_path / "debian-archive-keyring.gpg").touch()
    return tmp_path


def test_no_debian_keys(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="debian-archive-keyring"):
        sources.lines("trixie", ["http://localhost/debian"], tmp_path)


def test_mirrors_by_flag_are_debians_own_and_its_security_updates(keyrings: Path) -> None:
    lines = sources.lines("trixie", ["http://localhost/debian", "http://localhost/security"], keyrings)
    suites = [line.split("] ")[1].split()[:2] for line in lines]
    main_mirror, security = "http://localhost/debian", "http://localhost/security"
    assert suites == [[main_mirror, "trixie"], [main_mirror, "trixie-updates"], [security, "trixie-security"]]
    assert len(sources.lines("trixie", ["http://localhost/debian"], keyrings)) == 2


@pytest.mark.parametrize("mirrors", [["localhost"], ["http://localhost/ [x]"], ["http://localhost/"] * 3])
def test_mirrors_that_are_none(mirrors: list[str], keyrings: Path) -> None:
    with pytest.raises(ConfigError, match="--mirror"):
        sources.lines("trixie", mirrors, keyrings)


def test_a_machine_that_is_no_debian_has_to_be_told_a_mirror(tmp_path: Path) -> None:
    release = tmp_path / "os-release"
    release.write_text('ID=ubuntu\nVERSION_CODENAME="noble"\n')
    with pytest.raises(ConfigError, match=r"no Debian, .* --mirror URL"):
        sources.own(release)


def test_a_debian_without_a_source_of_its_own_has_to_be_told_a_mirror(tmp_path: Path) -> None:
    if not tools.there("apt-get"):
        pytest.skip("no apt here")
    release = tmp_path / "os-release"
    release.write_text("ID=debian\nVERSION_CODENAME=potato\n")
    with pytest.raises(ConfigError, match="no source for potato"):
        sources.own(release)


@pytest.mark.skipif(
    "ID=debian" not in Path("/etc/os-release").read_text() if Path("/etc/os-release").is_file() else True,
    reason="no Debian",
)
def test_this_machines_own_apt_gives_the_address_for_another_suite(keyrings: Path) -> None:
    try:
        lines = sources.lines("trixie", [], keyrings)
    except ConfigError:
        pytest.skip("apt has no sources here")
    own = subprocess.run(
        ["apt-get", "indextargets", "--format", "$(REPO_URI)"], capture_output=True, text=True
    )
    assert lines[0].split("] ")[1].split()[0] in own.stdout.split()
    assert " trixie main non-free-firmware" in lines[0]


def test_help_says_that_it_is_experimental() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "deploy", "--help"], capture_output=True, text=True, check=True
    )
    assert "experimental" in done.stdout
