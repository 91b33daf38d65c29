"""`python -m convert keygen`: a pair of keys, and what to do with them."""

from pathlib import Path

import pytest

from convert.keygen import main
from edge.bundle.keys import fingerprint, read_private, read_public


def test_a_pair_is_made_and_the_next_steps_are_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    assert main([]) == 0
    said = capsys.readouterr().out
    public = read_public(Path("picanary.pub"))
    assert fingerprint(public) == fingerprint(read_private(Path("picanary.key")).public_key())
    assert fingerprint(public) in said
    assert "python -m convert RUN --key picanary.key" in said
    assert "trusted_keys" in said
    assert "PRIVATE" not in said


def test_keys_are_not_written_over(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = str(tmp_path / "home")
    assert main(["--out", out]) == 0
    before = Path(f"{out}.key").read_bytes()
    assert main(["--out", out]) == 2
    assert "exists and is not written over" in capsys.readouterr().err
    assert Path(f"{out}.key").read_bytes() == before


def test_a_folder_needs_a_name(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--out", str(tmp_path)]) == 2
    assert "is a folder; add a name" in capsys.readouterr().err
    assert not list(tmp_path.iterdir())
