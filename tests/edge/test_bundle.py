"""The bundle: what is saved is loaded, what is not whole is refused in one sentence."""

import json
import shutil
import zipfile
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from edge import trial
from edge.bundle import GOLDEN, LARGEST_BYTES, MANIFEST, MODEL, load, save
from edge.errors import BundleError


def repack(source: Path, target: Path, **changed: bytes | None) -> Path:
    """The same bundle with some members changed or (None) left out."""
    names = {"manifest": MANIFEST, "model": MODEL, "golden": GOLDEN}
    replaced = {names[name]: content for name, content in changed.items()}
    with zipfile.ZipFile(source) as old, zipfile.ZipFile(target, "w") as new:
        for name in old.namelist():
            content = replaced.get(name, old.read(name))
            if content is not None:
                new.writestr(name, content)
    return target


def manifest(path: Path) -> dict:  # type: ignore[type-arg]
    with zipfile.ZipFile(path) as archive:
        return json.loads(archive.read(MANIFEST))


def test_saving_twice_gives_the_same_bytes(room_bundle: Path, tmp_path: Path) -> None:
    bundle = load(room_bundle)
    save(bundle, tmp_path / "a.canary")
    save(bundle, tmp_path / "b.canary")
    assert (tmp_path / "a.canary").read_bytes() == (tmp_path / "b.canary").read_bytes()


def test_what_is_saved_is_loaded(room_bundle: Path, tmp_path: Path) -> None:
    bundle = load(room_bundle)
    assert save(bundle, tmp_path / "again.canary") == bundle
    assert bundle.label.startswith("room-1-")
    assert len(bundle.label) == len("room-1-") + 8


def test_a_bundle_is_small(room_bundle: Path) -> None:
    assert room_bundle.stat().st_size < 64 * 1024


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_one_flipped_bit_is_refused_or_changes_nothing(
    room_bundle: Path, tmp_path: Path, data: st.DataObject
) -> None:
    # a bit in the zip's own bookkeeping (a date, a flag) may change nothing that is used
    content = bytearray(room_bundle.read_bytes())
    at = data.draw(st.integers(0, len(content) * 8 - 1))
    content[at // 8] ^= 1 << at % 8
    damaged = tmp_path / "flipped.canary"
    damaged.write_bytes(content)
    try:
        assert load(damaged) == load(room_bundle)
    except BundleError as error:
        assert "\n" not in str(error)


@settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(share=st.floats(0, 0.999))
def test_a_truncated_bundle_is_refused(room_bundle: Path, tmp_path: Path, share: float) -> None:
    content = room_bundle.read_bytes()
    damaged = tmp_path / "short.canary"
    damaged.write_bytes(content[: int(len(content) * share)])
    with pytest.raises(BundleError):
        load(damaged)


def test_no_zip_no_file_and_too_large_are_refused_with_what_to_do(tmp_path: Path) -> None:
    text = tmp_path / "notes.txt"
    text.write_text("not a bundle")
    with pytest.raises(BundleError, match=r"not a bundle .* python -m convert RUN"):
        load(text)
    with pytest.raises(BundleError, match=r"no such file; make one with: python -m convert RUN"):
        load(tmp_path / "nowhere.canary")
    large = tmp_path / "large.canary"
    large.write_bytes(b"x" * (LARGEST_BYTES + 1))
    with pytest.raises(BundleError, match="at most"):
        load(large)


def test_a_changed_or_missing_model_is_refused(room_bundle: Path, tmp_path: Path) -> None:
    with pytest.raises(BundleError, match=r"model\.tflite is damaged"):
        load(repack(room_bundle, tmp_path / "other.canary", model=b"x" * 100))
    with pytest.raises(BundleError, match=r"model\.tflite is missing"):
        load(repack(room_bundle, tmp_path / "none.canary", model=None))


def test_another_format_is_refused_by_its_number(room_bundle: Path, tmp_path: Path) -> None:
    table = {**manifest(room_bundle), "format": 99}
    with pytest.raises(BundleError, match="bundle format 99, this edge reads 1"):
        load(repack(room_bundle, tmp_path / "new.canary", manifest=json.dumps(table).encode()))


@pytest.mark.parametrize(
    ("section", "key", "value"),
    [
        ("windowing", "warm_up", 10**9),
        ("windowing", "views", None),
        ("windowing", "views", [{"block": 1, "levels": 10**9, "step": [1.0], "spread": []}]),
        ("detector", "levels", {"guess": 1.0}),
        ("detector", "levels", {"surprise": -1.0}),
        ("detector", "band", [1e400]),
        ("detector", "change_rate", [[2.0] * 24] * 2),
    ],
)
def test_a_manifest_that_makes_no_sense_is_refused(
    room_bundle: Path, tmp_path: Path, section: str, key: str, value: object
) -> None:
    table = manifest(room_bundle)
    table[section][key] = value
    with pytest.raises(BundleError, match="the manifest cannot be used"):
        load(repack(room_bundle, tmp_path / "odd.canary", manifest=json.dumps(table).encode()))


def test_compressed_and_foreign_members_are_refused(room_bundle: Path, tmp_path: Path) -> None:
    bomb = tmp_path / "bomb.canary"
    with zipfile.ZipFile(bomb, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr(MODEL, b"0" * 50_000_000)
    with pytest.raises(BundleError, match="stored, not compressed"):
        load(bomb)
    climbing = tmp_path / "climbing.canary"
    shutil.copy(room_bundle, climbing)
    with zipfile.ZipFile(climbing, "a") as archive:
        archive.writestr("../../etc/passwd", "x")
    with pytest.raises(BundleError, match="not those of a bundle"):
        load(climbing)


def test_a_device_that_asks_for_a_signature_takes_only_its_own(room_bundle: Path, tmp_path: Path) -> None:
    key, stranger = Ed25519PrivateKey.generate(), Ed25519PrivateKey.generate()
    bundle = load(room_bundle)
    signed = tmp_path / "signed.canary"
    save(bundle, signed, key)
    assert load(signed, [stranger.public_key(), key.public_key()]) == bundle
    with pytest.raises(BundleError, match="nobody whom this device trusts"):
        load(signed, [stranger.public_key()])
    with pytest.raises(BundleError, match="not signed"):
        load(room_bundle, [key.public_key()])


def test_a_whole_bundle_passes_its_trial(room_bundle: Path) -> None:
    trial.check(room_bundle)
    assert trial.compare(load(room_bundle)) < 1e-4


def test_a_model_that_answers_otherwise_fails_its_trial(room_bundle: Path, tmp_path: Path) -> None:
    bundle = load(room_bundle)
    bundle.golden["answers"][0][0] += 0.1
    save(bundle, tmp_path / "liar.canary")
    with pytest.raises(BundleError, match=r"a difference of 0\.1"):
        trial.check(tmp_path / "liar.canary")


def test_garbage_in_place_of_a_model_fails_its_trial(room_bundle: Path, tmp_path: Path) -> None:
    from dataclasses import replace

    save(replace(load(room_bundle), model=b"TFL3" * 1000), tmp_path / "garbage.canary")
    with pytest.raises(BundleError, match="garbage"):
        trial.check(tmp_path / "garbage.canary")


def test_a_model_of_another_shape_fails_its_trial(room_bundle: Path, tmp_path: Path) -> None:
    from dataclasses import replace

    bundle = load(room_bundle)
    smaller = bundle.windowing.with_views(bundle.windowing.views[:1])
    save(replace(bundle, windowing=smaller), tmp_path / "shape.canary")
    with pytest.raises(BundleError, match="inputs of"):
        trial.check(tmp_path / "shape.canary")


def test_a_smaller_budget_takes_a_stranger_reading_to_alarm(room_bundle: Path) -> None:
    settings = load(room_bundle).detector
    rarer = settings.for_budget(0.1)
    assert sum(rarer.budgets.values()) == pytest.approx(0.1)
    assert all(rarer.levels[name] > level for name, level in settings.levels.items())
    back = rarer.for_budget(sum(settings.budgets.values()))
    assert back.levels == pytest.approx(settings.levels)
