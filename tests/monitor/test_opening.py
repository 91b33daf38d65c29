"""How a page opens: all modules are known at once, nothing is asked for twice, and nothing falls between."""

import re
import socket

import httpx
import pytest

from monitor.server import bind
from monitor.web.modules import ENTRIES, PLACE, imported, with_modules
from tests.monitor import scene as scenes
from tests.monitor.browser import expect
from tests.monitor.messages import record
from tests.monitor.running import until

browser, scene = scenes.browser, scenes.scene
PRELOADED = re.compile(r'<link rel="modulepreload" href="([^"]+)">')
SCRIPTS = re.compile(r'<script [^>]*src="([^"]+)"')


def test_modules_are_found_through_every_kind_of_import_once():
    files = {
        "main.js": 'import { a,\n  b } from "./room/a.js";\nimport "./c.js";\n// import "./no.js";\n',
        "room/a.js": 'export { d } from "../shell/d.js";\n import * as c from "../c.js";\nimport("./l.js")\n',
        "c.js": 'import { a } from "./room/a.js";\nconst text = `from "./no.js";`;\n',
        "shell/d.js": "export const d = 1;\n",
        "other.js": 'import { d } from "./shell/d.js";\n',
    }
    found = imported(files.__getitem__, ["main.js", "other.js"])
    assert found == ["main.js", "other.js", "room/a.js", "c.js", "shell/d.js"]
    page = with_modules(f"<head>{PLACE}</head>", {**dict.fromkeys(ENTRIES, ""), **files}.__getitem__)
    assert PRELOADED.findall(page)[0] == "/static/main.js" and PLACE not in page


def test_a_room_opens_without_a_module_that_was_not_announced_and_asks_nothing_twice(scene):
    """In a real browser: what it loads is what the head of the page names, and each question is put once."""
    scene.room.born()
    scene.room.records(*[record(seq) for seq in range(1, 30)])
    until(lambda: httpx.get(f"{scene.url}api/devices/cellar/series").json().get("count") == 29)
    page = scene.browser.new_context(viewport={"width": 1440, "height": 900}).new_page()
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url.removeprefix(scene.url)))
    page.goto(f"{scene.url}#/device/cellar?range=all")
    page.wait_for_selector("[data-testid=timeline][data-shown]")
    expect(page.locator("#link")).to_have_attribute("data-state", "live")
    expect(page.get_by_test_id("room")).to_be_visible()
    html = httpx.get(scene.url).text
    announced = {*PRELOADED.findall(html), *SCRIPTS.findall(html)}
    modules = [f"/{url}" for url in asked if url.endswith(".js")]
    assert len(modules) > 30 and set(modules) == announced
    assert sorted(modules) == sorted(announced), "once each"
    questions = [url for url in asked if url.startswith(("api/", "live"))]
    # the picture of the newest minutes, the charts and the strip ask for different columns
    assert len(questions) == len(set(questions)), questions
    assert [url for url in questions if url.startswith("api/devices?")] == ["api/devices?open=cellar"]
    assert "api/devices/cellar" not in questions, "it came with the list"
    assert len([url for url in questions if url.startswith("live")]) == 1


def test_what_comes_between_the_list_and_the_stream_is_in_the_stream(scene):
    """The page asks for the list first, and opens the stream for what came after it."""
    scene.room.born()
    scene.room.records(record(1))
    with httpx.Client(base_url=scene.url, timeout=60) as client:
        until(lambda: client.get("/api/devices/cellar").status_code == 200)
        answer = client.get("/api/devices", params={"open": "cellar"}).json()
        assert answer["open"]["counts"]["received"] == 1
        scene.room.records(record(2, temperature_c=33.25))
        until(lambda: client.get("/api/devices/cellar").json()["counts"]["received"] == 2)
        query = {"after": answer["live"], "device": "cellar"}
        with client.stream("GET", "/live", params=query) as stream:
            lines = iter(stream.iter_lines())
            told = next(line for line in lines if line.startswith("data: {") and line != "data: {}")
            assert "33.25" in told
        assert client.get("/api/devices").json()["open"] is None
        assert client.get("/api/devices?open=attic").json()["open"] is None


def test_a_page_that_opens_while_the_first_question_fails_is_filled_all_the_same(scene):
    scene.room.born()
    scene.room.records(record(1))
    until(lambda: httpx.get(f"{scene.url}api/devices/cellar").status_code == 200)
    context = scene.browser.new_context()
    page = context.new_page()
    failed: list[str] = []

    def fail_once(route) -> None:
        if failed:
            route.continue_()
        else:
            failed.append(route.request.url)
            route.fulfill(status=502, body="a proxy")

    page.route("**/api/devices?*", fail_once)
    page.goto(scene.url)
    expect(page.get_by_test_id("room")).to_be_visible()
    assert failed


@pytest.mark.parametrize("host", ["127.0.0.1", "::1"])
def test_head_and_body_of_an_answer_are_not_held_apart(host):
    """Nagle's algorithm and a late acknowledgement cost 40 ms an answer, and a page is made of sixty."""
    try:
        listener = bind(host, 0)
    except Exception as error:
        pytest.skip(f"no {host} here: {error}")
    with listener, socket.create_connection(listener.getsockname()[:2]):
        taken, _ = listener.accept()
        with taken:
            assert taken.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY) == 1
