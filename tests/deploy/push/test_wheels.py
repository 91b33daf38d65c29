"""Which wheels go to which Pi, fetched once, and what of a delivery is sent."""

import io
import os
import shutil
import tarfile
import zipfile
from pathlib import Path

import pytest

from deploy.push.delivery import Delivery
from deploy.push.installation import Installation
from deploy.push.store import WheelStore
from deploy.ssh import Host, HostError
from deploy.wheelhouse import Target, WheelhouseError, requirements
from edge.errors import ConfigError
from tests.deploy.card.pi_wheels import stand_ins
from tests.deploy.sshd import sshd, write_script

PIS: list[Target] = [("aarch64", "3.11"), ("aarch64", "3.13"), ("armv7l", "3.11")]
TAGS = {"3.11": "cp311", "3.13": "cp313"}


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory, whole_wheel: Path) -> Path:
    folder = tmp_path_factory.mktemp("house")
    stand_ins(folder, [name for target in PIS for name in requirements(whole_wheel, target)])
    return folder


@pytest.mark.parametrize("target", PIS, ids=" ".join)
def test_a_pi_gets_the_wheels_of_its_machine_and_python(
    target: Target, whole_wheel: Path, house: Path, tmp_path: Path
) -> None:
    store = WheelStore(whole_wheel, house, folder=tmp_path)
    names = [path.name for path in store.wheels(target, (), lambda _: None).glob("*.whl")]
    assert len(names) == len(requirements(whole_wheel, target)) > 3
    assert all(target[0] in name and TAGS[target[1]] in name for name in names)
    interpreter = "tflite_runtime-2.14.0" if target[0] == "armv7l" else "ai_edge_litert-"
    assert sum(name.startswith(interpreter) for name in names) == 1


def test_for_python_3_13_on_32_bit_nobody_has_an_interpreter(
    whole_wheel: Path, house: Path, tmp_path: Path
) -> None:
    store = WheelStore(whole_wheel, house, folder=tmp_path)
    with pytest.raises(WheelhouseError, match=r"armv7l with Python 3.13: .*--wheelhouse.*--online"):
        store.wheels(("armv7l", "3.13"), (), lambda _: None)
    assert list(tmp_path.iterdir()) == []  # nothing half fetched is taken for whole later


def test_the_second_pi_of_a_kind_fetches_nothing(whole_wheel: Path, house: Path, tmp_path: Path) -> None:
    said: list[str] = []
    from_house = ("--no-index", "--find-links", str(house))
    for _ in range(2):  # two runs of push: what the first fetched lies in the user's cache
        store = WheelStore(whole_wheel, None, from_house, tmp_path)
        assert store.wheels(PIS[0], (), said.append) == store.wheels(PIS[0], (), said.append)
    assert said == ["fetching wheels for aarch64, Python 3.11"]
    damaged = next(store.wheels(PIS[0], (), said.append).glob("numpy-*.whl"))
    damaged.write_bytes(b"damaged")
    again = WheelStore(whole_wheel, None, from_house, tmp_path).wheels(PIS[0], (), said.append)
    assert len(said) == 2 and zipfile.is_zipfile(again / damaged.name)


def test_a_folder_without_wheels_is_told(whole_wheel: Path, tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="has no wheels"):
        WheelStore(whole_wheel, tmp_path, folder=tmp_path / "store").wheels(PIS[0], (), lambda _: None)


def test_an_extra_asks_for_more(whole_wheel: Path) -> None:
    plain, more = requirements(whole_wheel, PIS[1]), requirements(whole_wheel, PIS[1], ["monitor"])
    assert set(plain) < set(more) and any(name.startswith("starlette") for name in more)


def _delivery(wheel: Path, **files: bytes) -> Delivery:
    named = {name.replace("_", "."): content for name, content in files.items()}
    return Delivery(wheel, named, {"offline": "yes", "python_version": "3.11"}, {"room.canary": "ab" * 32})


def test_a_release_is_named_by_its_content_alone(wheel: Path) -> None:
    one = _delivery(wheel, edge_toml=b"a")
    assert one.release == _delivery(wheel, edge_toml=b"a").release
    assert one.release != _delivery(wheel, edge_toml=b"b").release
    online = Delivery(wheel, one.files, {**one.settings, "offline": "no"}, one.carried)
    assert online.release == one.release  # how it comes there makes no other release
    newer = Delivery(wheel, one.files, {**one.settings, "python_version": "3.13"}, one.carried)
    assert newer.release != one.release  # the system was upgraded: the old environment does not run there
    other_model = Delivery(wheel, one.files, one.settings, {"room.canary": "cd" * 32})
    assert other_model.release != one.release
    brought = Delivery(wheel, {**one.files, "room.canary": b"m"}, one.settings, one.carried)
    there = {"room.canary": brought.sums["room.canary"]}
    assert brought.release == Delivery(wheel, one.files, one.settings, there).release


def test_only_what_is_missing_or_another_is_sent(wheel: Path) -> None:
    delivery = _delivery(wheel, edge_toml=b"a", gpio_conf=b"g")
    there = {**delivery.sums, "gpio.conf": "0" * 64}
    del there["settings"]
    assert delivery.missing(there) == ["gpio.conf", "settings"]
    packed = io.BytesIO()
    delivery.pack(delivery.missing(there), packed)
    packed.seek(0)
    with tarfile.open(fileobj=packed) as archive:
        assert set(archive.getnames()) == {"gpio.conf", "settings", "sums"}


@pytest.mark.parametrize(
    ("tar", "reason"),
    [
        ("cat >/dev/full", "cannot send the release: its disk is full: free some space and push again"),
        ('{tar} "$@" && echo more >>edge.toml', "the files did not arrive whole: push again"),
    ],
    ids=["a full disk", "damaged on the way"],
)
def test_what_does_not_arrive_is_told(tar: str, reason: str, wheel: Path, tmp_path: Path) -> None:
    (tmp_path / "bin").mkdir()
    write_script(tmp_path / "bin/tar", tar.format(tar=shutil.which("tar")))
    delivery = _delivery(wheel, edge_toml=b"a")
    with (
        sshd(tmp_path / "sshd", {"PATH": f"{tmp_path}/bin:{os.environ['PATH']}"}) as server,
        Host(server.target, server.options) as host,
        pytest.raises(HostError, match=reason),
    ):
        Installation(host, str(tmp_path / "host"), root=False).send(delivery, delivery.missing({}))
