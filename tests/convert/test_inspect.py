"""`python -m convert inspect`: what is inside a bundle, and whether it holds."""

import json
import subprocess
import sys
from hashlib import sha256
from pathlib import Path

import pytest

from convert.inspection import main
from edge.bundle.bundle import load, save
from edge.bundle.keys import fingerprint, generate, write_pair
from tests.edge.forged import Table, forge


def test_what_is_inside_is_told(room_bundle: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main([str(room_bundle)]) == 0
    lines = capsys.readouterr().out.splitlines()
    said = {line[:11].strip(): line[11:] for line in lines}
    bundle = load(room_bundle)
    assert said["label"] == bundle.label
    assert said["model"] == "room, version 1, float32"
    assert said["channels"] == "temperature (°C), humidity (%)"
    assert said["period"].startswith("a reading every 10 s")
    assert said["budget"] == "1 false alarms a week"
    assert said["data"] == bundle.about["training"]["data_sha256"]
    assert "2025-01-06 00:00 UTC" in said["trained on"]
    assert all(f"{signal} " in said["alarm at"] for signal in bundle.detector.levels)
    assert any(sha256(bundle.model).hexdigest() in line for line in lines)
    assert said["hashes"] == "hold"
    assert said["signature"] == "none"
    assert "largest difference" in said["golden"]


def test_json_is_for_programs(room_bundle: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main([str(room_bundle), "--json"]) == 0
    said = json.loads(capsys.readouterr().out)
    bundle = load(room_bundle)
    assert said["verifies"] is True
    assert said["problems"] == []
    assert (said["label"], said["name"], said["version"], said["format"]) == (bundle.label, "room", 1, 1)
    assert said["bytes"] == room_bundle.stat().st_size
    assert said["golden"]["difference"] <= said["tolerance"]
    assert said["members"]["model.tflite"]["bytes"] == len(bundle.model)
    assert (said["signed"], said["signed_by"]) == (False, None)


def test_a_signature_is_told_by_its_fingerprint(
    room_bundle: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    key = generate()
    _, public = write_pair(tmp_path / "home", key)
    _, strange = write_pair(tmp_path / "stranger", generate())
    signed = str(tmp_path / "signed.canary")
    save(load(room_bundle), Path(signed), key)
    assert main([signed, "--trusted", str(strange), "--trusted", str(public)]) == 0
    assert f"by {fingerprint(key.public_key())}, which is trusted" in capsys.readouterr().out
    assert main([signed]) == 0
    assert "not among those given with --trusted" in capsys.readouterr().out
    assert main([signed, "--trusted", str(strange)]) == 2
    assert "not signed by a trusted key" in capsys.readouterr().err
    assert main([str(room_bundle), "--trusted", str(public), "--json"]) == 2
    assert json.loads(capsys.readouterr().out)["verifies"] is False


def test_a_bundle_that_does_not_prove_itself_is_shown_and_refused(
    room_bundle: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    def lie(table: Table) -> Table:
        table["answers"][0][0] += 0.1
        return table

    liar = tmp_path / "liar.canary"
    liar.write_bytes(forge(room_bundle.read_bytes(), golden=lie))
    assert main([str(liar)]) == 2
    said = capsys.readouterr()
    assert "golden     failed" in said.out
    assert said.err.startswith(
        f"python -m convert inspect: {liar}: it answers its golden windows with a difference"
    )
    assert len(said.err.splitlines()) == 1


def test_what_is_no_bundle_or_no_key_is_refused_in_one_sentence(
    room_bundle: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    damaged = tmp_path / "damaged.canary"
    damaged.write_bytes(room_bundle.read_bytes()[:-1])
    for arguments in ([str(damaged)], [str(tmp_path)], [str(room_bundle), "--trusted", str(room_bundle)]):
        assert main(arguments) == 2
        said = capsys.readouterr()
        assert not said.out
        assert len(said.err.splitlines()) == 1


def test_looking_needs_no_tensorflow() -> None:
    code = (
        "import sys, convert.inspection, convert.keygen;"
        "print([name for name in ('tensorflow', 'keras', 'pandas', 'trainer') if name in sys.modules])"
    )
    root = Path(__file__).parents[2]
    done = subprocess.run([sys.executable, "-c", code], cwd=root, capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"
