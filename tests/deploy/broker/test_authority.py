"""Certificates as OpenSSL sees them: strictly, in 1970 where a Pi without a clock begins, and later."""

import shutil
import subprocess
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography import x509

from deploy.broker.authority import AUTHORITY_LIFE, LIFE, Authority, Pair

NOW = datetime.now(UTC)
HOSTS = ("cellar.local", "192.168.1.10", "::1")
START_S = 30  # of the clock, when a Pi that knows no time gets to its agent


@pytest.fixture(scope="module")
def authority() -> Authority:
    return Authority.create(NOW)


def verify(
    folder: Path,
    authority: Authority,
    pair: Pair,
    *words: str,
    at: float,
    revoked: tuple[int, ...] = (),
    lists: bytes = b"",
) -> str:
    """What `openssl verify` says at that time, Unix seconds, by the revoked or by lists of them."""
    if shutil.which("openssl") is None:
        pytest.skip("openssl is not installed: apt-get install openssl")
    (folder / "ca.crt").write_bytes(authority.certificate_pem())
    (folder / "pair.crt").write_bytes(pair.certificate)
    (folder / "crl").write_bytes(lists or authority.revocations(revoked, 9))
    command = ["openssl", "verify", "-x509_strict", "-attime", str(int(at)), "-crl_check"]
    done = subprocess.run(
        [*command, "-CAfile", "ca.crt", "-CRLfile", "crl", *words, "pair.crt"],
        cwd=folder,
        capture_output=True,
        text=True,
        check=False,
    )
    return done.stdout + done.stderr


@pytest.mark.parametrize(
    "at", [START_S, NOW.timestamp(), (NOW + LIFE).timestamp() - 60], ids=["1970", "now", "its end"]
)
def test_it_counts_from_1970_to_its_end(tmp_path: Path, authority: Authority, at: float) -> None:
    server, client = authority.server(HOSTS, NOW), authority.client("cellar", NOW)
    assert "pair.crt: OK" in verify(tmp_path, authority, client, "-purpose", "sslclient", at=at)
    for name in (["-verify_hostname", "cellar.local"], ["-verify_ip", "192.168.1.10"], ["-verify_ip", "::1"]):
        assert "pair.crt: OK" in verify(tmp_path, authority, server, "-purpose", "sslserver", *name, at=at)


def test_it_does_not_count_afterwards_nor_for_another_purpose_or_host(
    tmp_path: Path, authority: Authority
) -> None:
    server, client = authority.server(HOSTS, NOW), authority.client("cellar", NOW)
    now = NOW.timestamp()
    late = (NOW + LIFE + timedelta(minutes=1)).timestamp()
    assert "has expired" in verify(tmp_path, authority, client, at=late)
    assert "purpose" in verify(tmp_path, authority, client, "-purpose", "sslserver", at=now)
    assert "purpose" in verify(tmp_path, authority, server, "-purpose", "sslclient", at=now)
    said = verify(tmp_path, authority, server, "-verify_hostname", "attic.local", at=now)
    assert "hostname mismatch" in said


@pytest.mark.parametrize("at", [START_S, NOW.timestamp()], ids=["1970", "now"])
def test_the_revoked_is_revoked_at_any_time_and_the_list_never_runs_out(
    tmp_path: Path, authority: Authority, at: float
) -> None:
    gone, stays = authority.client("gone", NOW), authority.client("stays", NOW)
    for revoked in ((gone.serial,), (1, gone.serial, 2)):
        assert "revoked" in verify(tmp_path, authority, gone, at=at, revoked=revoked)
        assert "pair.crt: OK" in verify(tmp_path, authority, stays, at=at, revoked=revoked)
    listed = x509.load_pem_x509_crl((tmp_path / "crl").read_bytes())
    assert listed.next_update_utc == authority.until


def test_nothing_outlives_the_authority(tmp_path: Path) -> None:
    old = Authority.create(NOW - AUTHORITY_LIFE + timedelta(days=10))
    pair = old.client("cellar", NOW)
    assert pair.until == old.until
    soon = (NOW + timedelta(days=9)).timestamp()
    assert "pair.crt: OK" in verify(tmp_path, old, pair, at=soon)


def test_of_several_lists_that_are_loaded_the_newest_counts(tmp_path: Path, authority: Authority) -> None:
    """A reload may add to what was loaded before."""
    gone = authority.client("gone", NOW)
    lists = [authority.revocations([], 1), authority.revocations([gone.serial], 2)]
    for loaded in (lists, lists[::-1]):
        assert "revoked" in verify(tmp_path, authority, gone, at=START_S, lists=b"".join(loaded))
