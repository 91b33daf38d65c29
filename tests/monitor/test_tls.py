"""The page over TLS, with a certificate made at test time: sign in, live stream, sign out."""

import json
import ssl
import subprocess
import sys
import warnings
from http.cookies import SimpleCookie

import httpx
import pytest

from edge.errors import ConfigError
from monitor.access import token as tokens
from monitor.access.door import Door, DoorFiles, hang, warning
from monitor.access.tls import names_of, server_context
from monitor.server import bind
from tests.brokers import mosquitto
from tests.monitor import scene as scenes
from tests.monitor.browser import PATIENCE_MS, expect
from tests.monitor.doors import door, make_certificate
from tests.monitor.messages import record
from tests.monitor.running import PATIENCE_S, agent

browser = scenes.browser


@pytest.fixture
def broker():
    with mosquitto() as running:
        yield running


def test_the_cookie_is_bound_to_tls_and_to_the_host(broker, tmp_path):
    with door(broker, tmp_path, tls=True) as behind:
        assert behind.url.startswith("https://127.0.0.1:")
        (cookie,) = SimpleCookie(behind.sign_in().headers["set-cookie"]).values()
        assert cookie.key.startswith("__Host-")
        assert cookie["secure"] and cookie["httponly"] and cookie["samesite"] == "strict"
        assert cookie["path"] == "/" and not cookie["domain"]
        answer = behind.client.get("/api/devices")
        assert answer.status_code == 200
        assert "strict-transport-security" not in answer.headers  # see monitor/access/tls.py
        own = f"https://127.0.0.1:{behind.client.base_url.port}"
        plain = own.replace("https", "http")
        assert behind.client.post("/none", json={}, headers={"origin": own}).status_code == 404
        assert behind.client.post("/none", json={}, headers={"origin": plain}).status_code == 403
        named = {"host": "canary.test"}  # what the certificate is for is a name of ours
        assert behind.client.get("/healthz", headers=named).status_code == 200
        with pytest.raises(httpx.HTTPError):
            httpx.get(f"{plain}/healthz", timeout=PATIENCE_S)


def test_old_tls_is_refused(broker, tmp_path):
    with door(broker, tmp_path, tls=True) as behind:
        old = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        old.load_verify_locations(tmp_path / "cert.pem")
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", DeprecationWarning)
            old.maximum_version = ssl.TLSVersion.TLSv1_1
        with pytest.raises(httpx.HTTPError):
            httpx.get(behind.url, verify=old, timeout=PATIENCE_S)


def test_a_page_behind_tls_and_a_token_is_live(browser, broker, tmp_path):
    expect.set_options(timeout=PATIENCE_MS)
    with door(broker, tmp_path, tls=True) as behind, agent(broker) as room:
        room.born()
        room.records(*[record(seq) for seq in range(1, 10)])
        context = browser.new_context(ignore_https_errors=True)
        page = context.new_page()
        page.set_default_timeout(PATIENCE_MS)
        page.goto(f"{behind.url}#/device/cellar")
        page.get_by_label("Token").fill(behind.token)
        page.get_by_role("button", name="Sign in").click()
        shown = page.locator('[data-testid="value"][data-channel="temperature_c"]')
        expect(shown).to_have_text("21.5")
        room.records(record(10, temperature_c=7.5))
        expect(shown).to_have_text("7.5")
        (cookie,) = context.cookies()
        assert cookie["name"].startswith("__Host-picanary-")
        assert cookie["secure"] and cookie["httpOnly"] and cookie["sameSite"] == "Strict"
        page.get_by_role("button", name="Sign out").click()
        expect(page.get_by_label("Token")).to_be_visible()
        assert context.cookies() == []
        context.close()


def test_a_certificate_that_cannot_be_used_is_a_sentence(tmp_path):
    certificate, key = make_certificate(tmp_path)
    assert names_of(certificate) == ("canary.test",)
    assert server_context(certificate, key).minimum_version >= ssl.TLSVersion.TLSv1_2
    with pytest.raises(ConfigError, match=r"no such certificate or key file: .*none"):
        server_context(certificate, tmp_path / "none")
    with pytest.raises(ConfigError, match="can be read by everybody; run: chmod 600"):
        server_context(certificate, certificate)
    key.chmod(0o644)
    with pytest.raises(ConfigError, match="can be read by everybody; run: chmod 600"):
        server_context(certificate, key)
    key.chmod(0o600)
    other = tmp_path / "other"
    other.mkdir()
    with pytest.raises(ConfigError, match="must be a certificate and its unencrypted key, in PEM"):
        server_context(certificate, make_certificate(other)[1])
    with pytest.raises(ConfigError, match="must be a certificate"):
        server_context(key, key)


def test_a_locked_key_is_a_sentence_and_not_a_question(tmp_path):
    certificate, key = make_certificate(tmp_path)
    locked = tmp_path / "locked.pem"
    command = ["openssl", "ec", "-aes128", "-passout", "pass:secret", "-in", str(key), "-out", str(locked)]
    subprocess.run(command, check=True, capture_output=True)
    locked.chmod(0o600)
    with pytest.raises(ConfigError, match="unencrypted key"):
        server_context(certificate, locked)


def test_what_travels_unencrypted_is_said(tmp_path):
    certificate, key = make_certificate(tmp_path)
    file = tmp_path / "token"
    tokens.make(file)
    with bind("0.0.0.0", 0) as everywhere, bind("127.0.0.1", 0) as here:
        token = hang(DoorFiles(token=file), everywhere, "0.0.0.0:0")
        assert "travel unencrypted" in warning(token, everywhere)
        assert warning(token, here) is None
        assert "open to everyone" in warning(hang(DoorFiles(open_to_all=True), everywhere, "x:0"), everywhere)
        safe = hang(DoorFiles(file, certificate, key), everywhere, "0.0.0.0:0")
        assert warning(safe, everywhere) is None
        assert warning(Door(), here) is None
        with pytest.raises(ConfigError, match="--web-keyfile needs its --web-certfile"):
            hang(DoorFiles(key=key), here, "127.0.0.1:0")


def test_the_command_serves_over_tls_with_a_token_under_a_further_name(broker, tmp_path):
    certificate, key = make_certificate(tmp_path)
    token = tokens.make(tmp_path / "token")
    where = ["--broker", f"127.0.0.1:{broker.port}", "--store", str(tmp_path / "m.db")]
    web = ["--listen", "127.0.0.1:0", "--web-certfile", str(certificate), "--web-keyfile", str(key)]
    entry = ["--token-file", str(tmp_path / "token"), "--name", "Canary.Example", "--json"]
    command = [sys.executable, "-m", "monitor", *where, *web, *entry]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    try:
        page = json.loads(process.stdout.readline())["page"]
        trust = ssl.create_default_context(cafile=certificate)
        with httpx.Client(base_url=page, verify=trust, timeout=PATIENCE_S) as client:
            assert client.get("/api/devices").status_code == 401
            headers = {"authorization": f"Bearer {token}", "host": "canary.example:443"}
            assert client.get("/api/devices", headers=headers).status_code == 200
        process.terminate()
        process.wait(PATIENCE_S)
        assert (process.returncode, process.stderr.read()) == (0, "")
    finally:
        process.kill()
        process.communicate(timeout=PATIENCE_S)
