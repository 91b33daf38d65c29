"""Keys: files that openssl reads, that only their owner can open, and that are never written over."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
)

from edge.bundle.keys import (
    fingerprint,
    generate,
    read_private,
    read_public,
    read_publics,
    signer,
    write_pair,
)
from edge.errors import ConfigError


@pytest.fixture
def pair(tmp_path: Path) -> tuple[Path, Path]:
    return write_pair(tmp_path / "home", generate())


def test_a_pair_signs_and_verifies(pair: tuple[Path, Path]) -> None:
    private, public = read_private(pair[0]), read_public(pair[1])
    public.verify(private.sign(b"hello"), b"hello")
    assert fingerprint(public) == fingerprint(private.public_key())
    assert fingerprint(public) != fingerprint(generate().public_key())
    assert read_publics([]) == ()
    (only,) = read_publics([pair[1]])
    assert signer(b"hello", private.sign(b"hello"), [generate().public_key(), only]) is only
    assert signer(b"hello", private.sign(b"other"), [only]) is None


def test_only_the_owner_can_open_a_private_key(tmp_path: Path) -> None:
    before = os.umask(0)
    try:
        private, _ = write_pair(tmp_path / "home", generate())
    finally:
        os.umask(before)
    assert private.stat().st_mode & 0o777 == 0o600


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o660])
def test_a_private_key_that_others_may_read_is_refused(pair: tuple[Path, Path], mode: int) -> None:
    pair[0].chmod(mode)
    with pytest.raises(
        ConfigError, match=f"others may read this private key; close it with: chmod 600 {pair[0]}"
    ):
        read_private(pair[0])


@pytest.mark.parametrize("ending", [".key", ".pub"])
def test_no_file_is_written_over_and_none_is_left_behind(tmp_path: Path, ending: str) -> None:
    old = tmp_path / f"home{ending}"
    old.write_text("old")
    with pytest.raises(ConfigError, match=rf"home\{ending} exists and is not written over"):
        write_pair(tmp_path / "home", generate())
    assert old.read_text() == "old"
    assert list(tmp_path.iterdir()) == [old]


def test_a_link_is_not_followed(tmp_path: Path) -> None:
    (tmp_path / "home.key").symlink_to(tmp_path / "elsewhere")
    with pytest.raises(ConfigError, match="exists"):
        write_pair(tmp_path / "home", generate())
    assert not (tmp_path / "elsewhere").exists()


@pytest.mark.skipif(not shutil.which("openssl"), reason="needs openssl")
def test_openssl_reads_the_files_and_tells_the_same_fingerprint(
    pair: tuple[Path, Path], tmp_path: Path
) -> None:
    def openssl(*arguments: str | Path) -> bytes:
        return subprocess.run(["openssl", *arguments], capture_output=True, check=True).stdout

    assert b"ED25519" in openssl("pkey", "-in", pair[0], "-noout", "-text")
    assert openssl("pkey", "-in", pair[0], "-pubout") == pair[1].read_bytes()
    der = tmp_path / "der"
    der.write_bytes(openssl("pkey", "-pubin", "-in", pair[1], "-outform", "DER"))
    digest = tmp_path / "digest"
    digest.write_bytes(openssl("dgst", "-sha256", "-binary", der))
    base64 = openssl("base64", "-in", digest).decode().strip().rstrip("=")
    assert fingerprint(read_public(pair[1])) == f"SHA256:{base64}"


def test_the_wrong_kind_of_key_is_refused_by_name(pair: tuple[Path, Path], tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"a public key cannot sign; name the \.key file"):
        read_private(pair[1])
    with pytest.raises(ConfigError, match=r"belongs on no device; name the \.pub file"):
        read_public(pair[0])
    other, private, public = ec.generate_private_key(ec.SECP256R1()), tmp_path / "ec.key", tmp_path / "ec.pub"
    private.write_bytes(other.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
    private.chmod(0o600)
    public.write_bytes(other.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo))
    with pytest.raises(ConfigError, match="not an ed25519 key but"):
        read_private(private)
    with pytest.raises(ConfigError, match="not an ed25519 key but"):
        read_public(public)
    locked = generate().private_bytes(Encoding.PEM, PrivateFormat.PKCS8, BestAvailableEncryption(b"secret"))
    private.write_bytes(locked)
    with pytest.raises(ConfigError, match="has a password"):
        read_private(private)


@pytest.mark.parametrize(
    "content", [b"", b"hello", b"\0" * 100, b"x" * 100_000, b"-----BEGIN PUBLIC KEY-----\n"]
)
def test_what_is_no_key_is_refused_with_what_to_do(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "key"
    path.write_bytes(content)
    path.chmod(0o600)
    with pytest.raises(ConfigError, match=f"^{path}: "):
        read_private(path)
    with pytest.raises(ConfigError, match=f"^{path}: not a .*python -m convert keygen"):
        read_public(path)


def test_no_file_a_folder_and_a_pipe_are_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="no such file"):
        read_public(tmp_path / "none.pub")
    with pytest.raises(ConfigError, match="a folder"):
        read_private(tmp_path)
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(ConfigError, match="not a key"):
        read_public(tmp_path / "pipe")
    with pytest.raises(ConfigError, match="cannot be written"):
        write_pair(tmp_path / "nowhere" / "home", generate())


def test_an_agent_without_keys_does_not_load_cryptography() -> None:
    code = "import sys, edge.bundle.keys; print([name for name in sys.modules if 'cryptography' in name])"
    root = Path(__file__).parents[2]
    done = subprocess.run([sys.executable, "-c", code], cwd=root, capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"
