"""Only our own page changes anything, and only under our own name: real server, real browser."""

import http.server
import json
import shutil
import socket
import threading
from contextlib import contextmanager

import httpx
import pytest

from monitor.web.bodies import BYTES_MOST
from monitor.web.origin import own_names
from tests.brokers import mosquitto
from tests.monitor import scene as scenes
from tests.monitor.browser import PATIENCE_MS, SWITCHES
from tests.monitor.doors import door
from tests.monitor.messages import NOON, record
from tests.monitor.running import agent, until

browser = scenes.browser
PLACE = "/api/snooze-of-nothing"  # past the check there is nothing there: 404


@pytest.fixture(scope="module")
def behind(tmp_path_factory):
    with mosquitto() as broker, door(broker, tmp_path_factory.mktemp("monitor"), token=False) as made:
        yield made


def host_of(client: httpx.Client) -> str:
    return f"{client.base_url.host}:{client.base_url.port}"


def test_our_own_page_and_a_program_may_write(behind):
    own = f"http://{host_of(behind.client)}"
    for headers in ({}, {"origin": own}, {"origin": own, "sec-fetch-site": "same-origin"}):
        assert behind.client.post(PLACE, json={}, headers=headers).status_code == 404
    proxied = {"host": "localhost", "origin": "https://localhost"}  # a proxy speaks TLS for us
    assert behind.client.post(PLACE, json={}, headers=proxied).status_code == 404


@pytest.mark.parametrize("method", ["POST", "PUT", "PATCH", "DELETE"])
@pytest.mark.parametrize(
    "headers",
    [
        {"origin": "http://evil.example"},
        {"origin": "null"},
        {"origin": "http://127.0.0.1"},  # another port is another origin
        {"origin": "file://"},
        {"sec-fetch-site": "cross-site"},
        {"sec-fetch-site": "same-site"},
    ],
)
def test_another_origin_may_not(behind, method, headers):
    answer = behind.client.request(method, PLACE, json={}, headers=headers)
    assert answer.status_code == 403
    assert "came from another site" in answer.json()["error"]
    assert behind.client.get("/api/devices", headers=headers).status_code == 200


@pytest.mark.parametrize(
    "kind", ["text/plain", "application/x-www-form-urlencoded", "multipart/form-data", "text/json", ""]
)
@pytest.mark.parametrize("method", ["POST", "PUT", "PATCH"])
def test_what_a_form_can_send_is_refused(behind, method, kind):
    answer = behind.client.request(method, PLACE, content=b"{}", headers={"content-type": kind})
    assert answer.status_code == 415
    assert "content-type application/json" in answer.json()["error"]
    kinds = {"content-type": "Application/JSON; charset=utf-8"}
    assert behind.client.request(method, PLACE, content=b"{}", headers=kinds).status_code == 404


def test_a_body_that_is_too_large_is_refused_however_it_is_sent(behind):
    kind = {"content-type": "application/json"}

    def parts(size: int):
        while size > 0:
            yield b" " * min(size, 4096)
            size -= 4096

    for content in (b" " * (BYTES_MOST + 1), parts(BYTES_MOST + 1)):
        answer = behind.client.post(PLACE, content=content, headers=kind)
        assert answer.status_code == 413
        assert "larger than 64 KiB" in answer.json()["error"]
    for content in (b" " * BYTES_MOST, parts(BYTES_MOST)):
        assert behind.client.post(PLACE, content=content, headers=kind).status_code == 404


def test_under_a_foreign_name_nothing_is_told_not_even_the_page(behind):
    port = behind.client.base_url.port
    for host in (
        "evil.example",
        f"evil.example:{port}",
        f"127.0.0.1.evil.example:{port}",
        "1.2.3.4.5",
        "x[::1]",
    ):
        for path in ("/", "/healthz", "/static/main.js", "/api/devices", "/live"):
            answer = behind.client.get(path, headers={"host": host})
            assert answer.status_code == 421, (host, path)
            assert "--name" in answer.json()["error"]


def test_under_its_own_names_and_by_any_address_it_answers(behind):
    name = socket.gethostname()
    for host in (
        "localhost",
        "LOCALHOST:8080",
        "localhost.",
        "127.0.0.1",
        "192.0.2.7:80",
        "[::1]:8080",
        name,
    ):
        assert behind.client.get("/healthz", headers={"host": host}).status_code == 200, host
    assert f"{name.split('.')[0].lower()}.local" in own_names()
    assert "canary.example" in own_names(["Canary.Example."])


@contextmanager
def other_site(page: bytes):
    """A web server of somebody else, at another port of this machine."""

    class Answer(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200)
            self.send_header("content-type", "text/html")
            self.end_headers()
            self.wfile.write(page)

        def log_message(self, *_: object) -> None:
            pass

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Answer)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield server.server_address[1]
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


WRITE = """async ([url, method, kind, mode, said]) => {
  const headers = kind ? { "content-type": kind } : {};
  const sent = fetch(url, { method, mode, headers, body: said, credentials: "include" });
  const answer = await sent.catch(() => null);
  return answer?.status ?? null;
}"""
WAYS = [
    (method, kind, mode)
    for method in ("POST", "PUT", "DELETE")
    for kind in ("application/json", "text/plain")
    for mode in ("cors", "no-cors")
]
SAID = json.dumps({"from_ms": NOON, "to_ms": NOON + 9000, "note": "a=b"})


def test_a_page_of_another_site_changes_nothing_in_a_real_browser(browser, tmp_path):
    # The cookie does not keep it out: another port of this machine is the same site, and has it.
    form = '<form method="post" action="%s" enctype="text/plain"><input name=\'%s\' value=\'%s\'></form>'
    with mosquitto() as broker, door(broker, tmp_path) as behind, agent(broker) as room:
        room.records(record(1))
        place = f"{behind.url}api/devices/cellar/missed"
        until(lambda: behind.client.get("/api/devices/cellar", headers=behind.bearer).status_code == 200)

        def kept() -> int:
            answer = behind.client.get("/api/devices/cellar/labels", headers=behind.bearer)
            return len(answer.json()["missed"])

        with other_site((form % (place, *SAID.split("=", 1))).encode()) as port:
            page = browser.new_context().new_page()
            page.set_default_timeout(PATIENCE_MS)
            page.goto(behind.url)
            page.get_by_label("Token").fill(behind.token)
            page.get_by_role("button", name="Sign in").click()
            page.wait_for_url(behind.url)
            for host in ("127.0.0.1", "localhost"):
                page.goto(f"http://{host}:{port}/")
                for way in WAYS:
                    assert page.evaluate(WRITE, [place, *way, SAID]) in (None, 0)
                with page.expect_navigation() as posted:
                    page.evaluate("document.forms[0].submit()")
                assert posted.value.status == 403
            assert kept() == 0
            page.goto(behind.url)  # from our own page the same words are heard
            assert page.evaluate(WRITE, [place, "POST", "application/json", "cors", SAID]) == 201
            assert kept() == 1
            page.context.close()


def test_a_page_of_another_site_reads_nothing_and_frames_nothing(browser, behind):
    with other_site(b"<p>other</p>") as port:
        context = browser.new_context()
        page = context.new_page()
        page.set_default_timeout(PATIENCE_MS)
        page.goto(f"http://127.0.0.1:{port}/")
        read = "async (url) => { try { return await (await fetch(url)).text() } catch { return 'nothing' } }"
        assert page.evaluate(read, f"{behind.url}api/devices") == "nothing"
        frame = """(url) => new Promise((done) => {
            const frame = Object.assign(document.createElement("iframe"), { src: url });
            frame.onload = () => done(true);
            document.body.append(frame);
        })"""
        assert page.evaluate(frame, behind.url)
        assert behind.url not in [each.url for each in page.frames]
        context.close()


def test_a_name_that_was_rebound_to_us_gets_nothing_in_a_real_browser(browser, behind):
    rebound = ["--host-resolver-rules=MAP evil.test 127.0.0.1"]
    program = shutil.which("chromium") or shutil.which("chromium-browser")
    launched = browser.browser_type.launch(executable_path=program, args=[*SWITCHES, *rebound])
    try:
        page = launched.new_page()
        page.set_default_timeout(PATIENCE_MS)
        answer = page.goto(f"http://evil.test:{behind.client.base_url.port}/api/devices")
        assert answer.status == 421
        assert "this monitor is not called" in page.content()
    finally:
        launched.close()
