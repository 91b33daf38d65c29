"""How the page travels: compressed, asked for anew, sent when it changed, and light on the first load."""

import asyncio
import re

import httpx
import pytest
from starlette.applications import Starlette
from starlette.routing import Route

from monitor.web.app import STATIC
from monitor.web.files import VENDOR, Files
from monitor.web.squeeze import squeeze
from tests.brokers import mosquitto
from tests.monitor import scene as scenes
from tests.monitor.browser import PATIENCE_MS, expect
from tests.monitor.doors import door
from tests.monitor.messages import event, record
from tests.monitor.running import agent, until

browser = scenes.browser
PAGE_BYTES = 100_000  # what stands in the issue: the page, gzipped
WIRE_BYTES = 125_000  # with the headers of each file, and with the first answers
BODIES = """[...performance.getEntriesByType("navigation"), ...performance.getEntriesByType("resource")]
  .map((each) => [each.name, each.encodedBodySize])"""


@pytest.fixture(scope="module")
def behind(tmp_path_factory):
    folder = tmp_path_factory.mktemp("monitor")
    with mosquitto() as broker, door(broker, folder, token=False) as made, agent(broker) as room:
        room.born()
        for first in range(0, 200, 40):
            room.records(*[record(first + each) for each in range(1, 41)])
        room.send("event", event(20, "start", 20))
        until(lambda: made.client.get("/api/devices/cellar/series").json().get("count") == 200)
        yield made


def test_a_file_is_sent_compressed_once_and_then_only_when_it_changed(behind, tmp_path):
    for path in (
        "/",
        "/static/main.js",
        "/static/style.css",
        "/static/device/device.js",
        "/static/vendor/uPlot.iife.min.js",
    ):
        plain = behind.client.get(path, headers={"accept-encoding": "identity"})
        packed = behind.client.get(path, headers={"accept-encoding": "gzip"})
        assert plain.content == packed.content
        assert "content-encoding" not in plain.headers
        assert packed.headers["content-encoding"] == "gzip"
        assert int(packed.headers["content-length"]) < len(plain.content)
        assert packed.headers["vary"] == "accept-encoding"
        assert packed.headers["cache-control"] == "no-cache"
        mark = packed.headers["etag"]
        for given in (mark, mark.removeprefix("W/"), f'"other", {mark}'):
            again = behind.client.get(path, headers={"if-none-match": given})
            assert (again.status_code, again.content) == (304, b"")
            assert again.headers["etag"] == mark
        assert behind.client.get(path, headers={"if-none-match": '"other"'}).status_code == 200
        assert behind.client.head(path).status_code == 200


def ask(folder, path: str, mark: str = "") -> httpx.Response:
    """What that folder answers, without a server between."""
    app = Starlette(routes=[Route("/{name:path}", Files(folder).route)])

    async def get() -> httpx.Response:
        async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://here") as client:
            return await client.get(path, headers={"if-none-match": mark})

    return asyncio.run(get())


def test_styles_go_together_and_are_sent_anew_when_one_of_them_changed(tmp_path):
    (tmp_path / "room").mkdir()
    (tmp_path / "page.css").write_text('/* all */\n\n@import "a.css";\n@import "room/b.css";\n.c {}\n')
    (tmp_path / "a.css").write_text(".a {}\n")
    (tmp_path / "room/b.css").write_text("/* why */\n  .b {}\n")
    app, marks = Starlette(routes=[Route("/{name:path}", Files(tmp_path).route)]), list[str]()

    async def get() -> httpx.Response:
        async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://here") as client:
            return await client.get("/page.css", headers={"if-none-match": marks[-1] if marks else ""})

    first = asyncio.run(get())
    assert first.text.split() == [".a", "{}", ".b", "{}", ".c", "{}"]
    marks.append(first.headers["etag"])
    assert asyncio.run(get()).status_code == 304
    (tmp_path / "room/b.css").write_text(".bb {}\n")
    assert ".bb {}" in asyncio.run(get()).text


def test_a_file_that_changed_is_sent_anew(tmp_path):
    (tmp_path / "a.js").write_text("one")
    mark = ask(tmp_path, "/a.js").headers["etag"]
    (tmp_path / "a.js").write_text("three")
    answer = ask(tmp_path, "/a.js", mark)
    assert (answer.status_code, answer.text) == (200, "three")


@pytest.mark.parametrize(
    "path",
    [
        *(
            "/.hidden",
            "/.",
            "/a.js/",
            "/none.js",
            "/a.js%00",
            "/room",
            "/room/",
            "/room//b.js",
            "/room/.hidden",
        ),
        *(
            "/%2e%2e/secret.js",
            "/..%2fsecret.js",
            "/room/..%2f..%2fsecret.js",
            "/room/%2e%2e/%2e%2e/secret.js",
        ),
        *(
            "/room%2f%2e%2e%2fa.js",
            "/room%5c..%5ca.js",
            "/%2fetc/passwd",
            "/" + 300 * "a",
            "/" + 2000 * "a/" + "a",
        ),
    ],
)
def test_nothing_else_than_a_file_below_the_folder_is_served(tmp_path, path):
    folder = tmp_path / "static"
    (folder / "room").mkdir(parents=True)
    for name in ("a.js", ".hidden", "room/b.js", "room/.hidden", "../secret.js"):
        (folder / name).write_text("x")
    assert ask(folder, "/room/b.js").text == "x"
    assert ask(folder, path).status_code == 404


NAMED = re.compile(r"""(?:from |import\(|@import )"([^"]+)"|(?:href|src)="/static/([^"]+)""" + '"')


def test_whatever_a_file_of_the_page_names_is_there():
    named = {
        (path.parent / found[1] if found[1] else STATIC / found[2]).resolve()
        for path in STATIC.rglob("*")
        if path.suffix in {".js", ".html", ".css"} and path.parent.name != VENDOR
        for found in NAMED.finditer(path.read_text())
    }
    assert len(named) > 40
    assert [str(path) for path in named if not path.is_file()] == []
    ours = {p for p in STATIC.rglob("*") if p.is_file() and p.parent.name != VENDOR and p.suffix != ".html"}
    assert ours - named == set(), "no other file names these"


def test_answers_are_compressed_and_the_stream_is_not(behind):
    path = "/api/devices/cellar/series?points=600"
    answer = behind.client.get(path)
    assert answer.headers["content-encoding"] == "gzip"
    assert answer.json()["count"] == 200
    plain = behind.client.get(path, headers={"accept-encoding": "identity"})
    assert "content-encoding" not in plain.headers
    assert plain.json() == answer.json()
    with behind.client.stream("GET", "/live") as stream:
        assert "content-encoding" not in stream.headers
        assert next(stream.iter_raw()).startswith(b"retry:")


@pytest.mark.parametrize("path", ["", "#/device/cellar"])
def test_the_first_load_weighs_less_than_a_hundred_kilobytes(browser, behind, path):
    expect.set_options(timeout=PATIENCE_MS)
    context = browser.new_context(viewport={"width": 1440, "height": 900})
    page = context.new_page()
    page.set_default_timeout(PATIENCE_MS)
    devtools = context.new_cdp_session(page)
    devtools.send("Network.enable")
    wire: dict[str, float] = {}
    devtools.on("Network.loadingFinished", lambda e: wire.update({e["requestId"]: e["encodedDataLength"]}))
    page.goto(behind.url + path)
    expect(page.locator("#link")).to_have_text("live")
    expect(page.locator('[data-testid="chart"] canvas').first).to_be_visible()
    bodies = {
        name: size for name, size in page.evaluate(BODIES) if "/api/" not in name and "/live" not in name
    }
    assert any(name.endswith("/static/device/device.js") for name in bodies)
    assert all(bodies.values()), "something came from a cache"
    total, on_the_wire = sum(bodies.values()), sum(wire.values())
    print(
        f"\n{path or '/'}: {total} bytes in {len(bodies)} files, {on_the_wire:.0f} with headers and answers"
    )
    assert total < PAGE_BYTES, sorted(bodies.items(), key=lambda each: -each[1])
    assert total < on_the_wire < WIRE_BYTES
    context.close()


SCRIPT = """/** Says
 * it twice. */
/** In short. */ export function say(text) { // to whom it may concern
  // first
  const url = "http://here"; // its place

    return `${text}; // kept` + "; // kept too" + '/* and this */';
} // the end
/* of it */
"""


def test_comments_and_indentation_do_not_travel_and_strings_do():
    assert squeeze(SCRIPT, ".js").splitlines() == [
        "/** In short. */ export function say(text) {",
        'const url = "http://here";',
        "return `${text}; // kept` + \"; // kept too\" + '/* and this */';",
        "}",
    ]
    over = "const a = `\n  // no comment\n`;\n"
    assert squeeze(over, ".js") == over
    style = "/* why */\n.a {\n  content: '  /* x */';\n}\n"
    assert squeeze(style, ".css") == ".a {\ncontent: '  /* x */';\n}\n"
    assert squeeze("  <p>  // x", ".html") == "  <p>  // x"


PARSES = """async (text) => {
  const url = URL.createObjectURL(new Blob([text], { type: "text/javascript" }));
  return import(url).then(() => "", (error) => (error instanceof SyntaxError ? String(error) : ""));
}"""


def test_without_its_comments_every_script_is_still_a_script(browser):
    page = browser.new_page()
    assert "SyntaxError" in page.evaluate(PARSES, "export const a = {;")
    for path in sorted(set(STATIC.rglob("*.js")) - set(STATIC.glob("vendor/*"))):
        assert page.evaluate(PARSES, squeeze(path.read_text(), ".js")) == "", path.name
    page.close()
