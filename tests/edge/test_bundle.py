"""The bundle: what is saved is loaded, what is not whole is refused in one sentence."""

import io
import os
import random
import zipfile
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from edge.bundle.archive import GOLDEN, MANIFEST, MODEL, SIGNATURE, unpack_archive
from edge.bundle.bundle import LARGEST_BYTES, load, pack, read, save, unpack
from edge.errors import BundleError
from tests.edge.forged import forge, swap


@pytest.fixture
def content(room_bundle: Path) -> bytes:
    return room_bundle.read_bytes()


def refusal(content: bytes) -> str:
    """The sentence with which the content is refused."""
    with pytest.raises(BundleError) as caught:
        unpack(content, "some.canary")
    sentence = str(caught.value)
    assert sentence.startswith("some.canary: ")
    assert "\n" not in sentence
    return sentence


def zipped(members: Mapping[str, bytes], method: int = zipfile.ZIP_STORED) -> bytes:
    """The members as another program would pack them."""
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", method) as archive:
        for name, data in members.items():
            archive.writestr(zipfile.ZipInfo(name, (1980, 1, 1, 0, 0, 0)), data, compress_type=method)
    return packed.getvalue()


def test_saving_twice_gives_the_same_bytes(room_bundle: Path, tmp_path: Path) -> None:
    bundle = load(room_bundle)
    save(bundle, tmp_path / "a.canary")
    save(bundle, tmp_path / "b.canary")
    assert (tmp_path / "a.canary").read_bytes() == (tmp_path / "b.canary").read_bytes()
    assert pack(bundle) == room_bundle.read_bytes()


def test_what_is_saved_is_loaded(room_bundle: Path, tmp_path: Path) -> None:
    bundle = load(room_bundle)
    assert save(bundle, tmp_path / "again.canary") == bundle
    assert bundle.label.startswith("room-1-")
    assert len(bundle.label) == len("room-1-") + 8


def test_what_is_refused_leaves_the_old_file(room_bundle: Path, tmp_path: Path) -> None:
    bundle, path = load(room_bundle), tmp_path / "room.canary"
    save(bundle, path)
    before = path.read_bytes()

    def complain(content: bytes, where: str) -> None:
        assert unpack(content, where).version == 2
        raise BundleError("no")

    with pytest.raises(BundleError, match="no"):
        save(replace(bundle, version=2), path, check=complain)
    with pytest.raises(BundleError, match="a name has 1 to 64 letters"):
        save(replace(bundle, name="<b>"), path)
    with pytest.raises(BundleError, match="cannot be written"):
        save(replace(bundle, golden={**bundle.golden, "tolerance": float("nan")}), path)
    assert path.read_bytes() == before
    assert list(tmp_path.iterdir()) == [path]


def test_a_bundle_is_small_and_any_unzip_reads_it(room_bundle: Path, content: bytes) -> None:
    assert len(content) < 64 * 1024
    with zipfile.ZipFile(room_bundle) as archive:
        assert archive.testzip() is None
        members = {name: archive.read(name) for name in archive.namelist()}
    assert members == unpack_archive(content, "it")
    assert zipped(members) == content


def test_each_of_500_flipped_bits_is_refused(content: bytes) -> None:
    chance = random.Random(4)
    # every bit of the zip's own bookkeeping counts as much as one of the weights
    for at in [*chance.sample(range(len(content) * 8), 400), *range(100)]:
        damaged = bytearray(content)
        damaged[at // 8] ^= 1 << at % 8
        refusal(bytes(damaged))


def test_each_bit_of_the_end_of_the_file_is_refused(content: bytes) -> None:
    directory = content.index(b"PK\x01\x02")
    for at in range(directory * 8, len(content) * 8, 5):
        damaged = bytearray(content)
        damaged[at // 8] ^= 1 << at % 8
        refusal(bytes(damaged))


def test_each_of_100_truncations_is_refused(content: bytes) -> None:
    chance = random.Random(5)
    for length in [
        *chance.sample(range(len(content)), 80),
        *range(10),
        *range(len(content) - 10, len(content)),
    ]:
        refusal(content[:length])


def test_bytes_before_between_or_after_are_refused(content: bytes) -> None:
    directory = content.index(b"PK\x01\x02")
    assert "not a bundle" in refusal(b"#!/bin/sh\n" + content)
    refusal(content + b"x")
    refusal(content + content)
    refusal(content[:directory] + b"junk" + content[directory:])
    commented = io.BytesIO(content)
    with zipfile.ZipFile(commented, "a") as archive:
        archive.comment = b"hello"
    refusal(commented.getvalue())


def test_no_zip_no_file_and_too_large_are_refused_with_what_to_do(tmp_path: Path) -> None:
    text = tmp_path / "notes.txt"
    text.write_text("not a bundle")
    with pytest.raises(BundleError, match=r"not a bundle; make one with: python -m convert RUN"):
        load(text)
    with pytest.raises(BundleError, match=r"no such file; make one with: python -m convert RUN"):
        read(tmp_path / "nowhere.canary")
    with pytest.raises(BundleError, match="not a file"):
        read(tmp_path)
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    with pytest.raises(BundleError, match="not a file"):
        read(pipe)
    large = tmp_path / "large.canary"
    large.write_bytes(b"x" * (LARGEST_BYTES + 1))
    with pytest.raises(BundleError, match="at most 1048576"):
        read(large)
    assert "at most 1048576" in refusal(b"PK\x03\x04" * 300_000)


def test_a_changed_or_missing_member_is_refused(content: bytes) -> None:
    assert "model.tflite is damaged" in refusal(swap(content, {MODEL: b"x" * 100}))
    assert "golden.json is damaged" in refusal(swap(content, {GOLDEN: b"{}"}))
    for name in (MODEL, GOLDEN, MANIFEST):
        assert f"{name} is missing" in refusal(swap(content, {name: None}))


def test_zip_bombs_are_refused_unopened(content: bytes) -> None:
    bomb = zipped({MODEL: b"0" * 50_000_000}, zipfile.ZIP_DEFLATED)
    assert len(bomb) < LARGEST_BYTES
    assert "stored, not compressed" in refusal(bomb)
    lying = bytearray(content)
    lying[18:26] = (2**32 - 1).to_bytes(4, "little") * 2
    assert "cut short" in refusal(bytes(lying))
    lying[18:26] = (2**31).to_bytes(4, "little") + (10).to_bytes(4, "little")
    assert "stored, not compressed" in refusal(bytes(lying))


def test_path_names_and_repeated_members_are_refused(content: bytes) -> None:
    members = unpack_archive(content, "it")
    for name in ("../../etc/passwd", "/etc/passwd", "./model.tflite", "MODEL.TFLITE", "", "model.tflite\n"):
        assert "not those of a bundle" in refusal(zipped({**members, name: b"x"}))
    twice = io.BytesIO(content)
    with zipfile.ZipFile(twice, "a") as archive, pytest.warns(UserWarning, match="Duplicate name"):
        archive.writestr(MODEL, b"another")
    assert "not those of a bundle" in refusal(twice.getvalue())


def test_encrypted_members_are_refused(content: bytes) -> None:
    locked = bytearray(content)
    locked[6] |= 1
    assert "not encrypted" in refusal(bytes(locked))


def test_a_directory_that_says_otherwise_than_the_members_is_refused(content: bytes) -> None:
    # to one reader the second member is the model, to another the golden windows
    directory = content.index(b"PK\x01\x02")
    swapped = content[directory:].replace(b"model.tflite", b"manifest.sig")
    refusal(content[:directory] + swapped)


def test_a_device_that_asks_for_a_signature_takes_only_its_own(room_bundle: Path, content: bytes) -> None:
    key, stranger = Ed25519PrivateKey.generate(), Ed25519PrivateKey.generate()
    bundle = load(room_bundle)
    signed = pack(bundle, key)
    assert unpack(signed, "it", [stranger.public_key(), key.public_key()]) == bundle
    assert unpack(signed, "it") == bundle
    with pytest.raises(BundleError, match="nobody whom this device trusts"):
        unpack(signed, "it", [stranger.public_key()])
    with pytest.raises(BundleError, match="not signed"):
        load(room_bundle, [key.public_key()])
    for wrong in (b"", b"x", b"\0" * 64, b"x" * 100_000):
        with pytest.raises(BundleError, match="nobody whom this device trusts"):
            unpack(swap(signed, {SIGNATURE: wrong}), "it", [key.public_key()])


def test_a_signature_vouches_for_every_part(room_bundle: Path) -> None:
    key = Ed25519PrivateKey.generate()
    trusted = [key.public_key()]
    signed = pack(load(room_bundle), key)
    forged = (
        forge(signed, model=lambda old: old[:-1] + b"x"),
        forge(signed, golden=lambda table: {**table, "tolerance": 0.01}),
        forge(signed, manifest=lambda table: {**table, "version": 2}),
    )
    for content in forged:
        with pytest.raises(BundleError, match="nobody whom this device trusts"):
            unpack(content, "it", trusted)


def test_a_smaller_budget_takes_a_stranger_reading_to_alarm(room_bundle: Path) -> None:
    settings = load(room_bundle).detector
    rarer = settings.for_budget(0.1)
    assert sum(rarer.budgets.values()) == pytest.approx(0.1)
    assert all(rarer.levels[name] > level for name, level in settings.levels.items())
    back = rarer.for_budget(sum(settings.budgets.values()))
    assert back.levels == pytest.approx(settings.levels)
