"""The token and the sessions that begin with it: on a real server, and in a real browser."""

import stat
from http.cookies import SimpleCookie

import pytest

from edge.errors import ConfigError
from monitor.__main__ import main
from monitor.access import token as tokens
from monitor.access.attempts import ADDRESSES_MOST, OF_ALL, OF_ONE, ONE_EVERY_S, Attempts
from monitor.access.sessions import LASTS_S, Sessions
from tests.brokers import mosquitto
from tests.monitor import scene as scenes
from tests.monitor.browser import PATIENCE_MS, expect, open_page
from tests.monitor.doors import door
from tests.monitor.messages import record
from tests.monitor.running import agent, until

browser = scenes.browser
CLOSED = ("/api/devices", "/api/devices/cellar", "/live", "/api/alerts", "/api/nothing", "/nothing")


@pytest.fixture(scope="module")
def broker():
    with mosquitto() as running:
        yield running


@pytest.fixture
def behind(broker, tmp_path):
    with door(broker, tmp_path) as made:
        yield made


def test_a_token_is_shown_once_and_only_its_hash_is_kept(tmp_path, capsys):
    path = tmp_path / "token"
    assert main(["token", str(path)]) == 0
    token = capsys.readouterr().out.splitlines()[0].rpartition(" ")[2]
    assert len(token) == 32
    assert token not in path.read_text()
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert tokens.read(path).matches(token)
    assert not tokens.read(path).matches(token[:-1])
    assert main(["token", str(path)]) == 0
    assert "must sign in again" in capsys.readouterr().out
    assert not tokens.read(path).matches(token)
    assert [each.name for each in tmp_path.iterdir()] == ["token"]


def test_a_token_that_cannot_be_written_leaves_the_one_before(tmp_path, monkeypatch):
    path = tmp_path / "token"
    token = tokens.make(path)

    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("os.fsync", full)
    with pytest.raises(ConfigError, match="cannot be written: No space left"):
        tokens.make(path)
    assert tokens.read(path).matches(token)
    assert [each.name for each in tmp_path.iterdir()] == ["token"]


@pytest.mark.parametrize(
    "text", ["", "secret", "scrypt 2 00 00", "scrypt x 00 00", "md5 16384 " + "0" * 32 + " " + "0" * 64]
)
def test_a_file_that_holds_no_token_is_refused(tmp_path, text):
    path = tmp_path / "token"
    path.touch(mode=0o600)
    path.write_text(text)
    with pytest.raises(ConfigError, match="python -m monitor token"):
        tokens.read(path)


def refusal(capsys, *arguments: str) -> str:
    assert main([*arguments]) == 2
    said = capsys.readouterr().err
    assert said.startswith("python -m monitor: ") and said.count("\n") == 1
    return said


def test_an_address_that_others_reach_needs_a_token(tmp_path, capsys):
    options = ["--broker", "127.0.0.1:1", "--store", str(tmp_path / "m.db"), "--listen", "0.0.0.0:0"]
    said = refusal(capsys, *options)
    assert "python -m monitor token FILE" in said and "--token-file FILE" in said and "--open" in said
    missing = tmp_path / "none"
    assert f"python -m monitor token {missing}" in refusal(capsys, *options, "--token-file", str(missing))
    tokens.make(missing)
    missing.chmod(0o604)
    assert "can be read by everybody; run: chmod 600" in refusal(
        capsys, *options, "--token-file", str(missing)
    )
    assert "leave one" in refusal(capsys, *options, "--token-file", str(missing), "--open")


def test_without_the_token_nothing_is_told(behind):
    behind.client.delete("/api/devices")
    for path in CLOSED:
        answer = behind.client.get(path)
        assert answer.status_code == 401, path
        assert "sign in at /login" in answer.json()["error"]
        assert answer.headers["www-authenticate"].startswith("Bearer")
        assert "default-src 'none'" in answer.headers["content-security-policy"]
    assert behind.client.post("/api/devices", json={}).status_code == 401
    first = behind.client.get("/")
    assert (first.status_code, first.headers["location"]) == (303, "/login")
    assert behind.client.get("/healthz").json() == {"ok": True}
    assert behind.client.get("/login").status_code == 200
    assert behind.client.get("/static/login/login.css").status_code == 200


def test_a_program_sends_the_token_with_each_request(behind):
    for _ in range(20):
        assert behind.client.get("/api/devices", headers=behind.bearer).status_code == 200
    assert "broker" in behind.client.get("/healthz", headers=behind.bearer).json()
    wrong = behind.client.get("/api/devices", headers={"authorization": "Bearer nonsense"})
    assert (wrong.status_code, wrong.json()["error"]) == (401, "this is not the token of this monitor")
    assert behind.client.get("/healthz", headers={"authorization": "Basic x"}).json() == {"ok": True}


def test_whoever_signs_in_gets_a_cookie_that_no_script_and_no_other_site_can_use(behind):
    answer = behind.sign_in()
    assert (answer.status_code, answer.headers["location"]) == (303, "/")
    (cookie,) = SimpleCookie(answer.headers["set-cookie"]).values()
    assert cookie["httponly"] and cookie["samesite"] == "strict" and cookie["path"] == "/"
    assert not cookie["secure"] and not cookie["domain"]
    assert int(cookie["max-age"]) == 30 * 86_400
    assert behind.token not in answer.headers["set-cookie"]
    assert behind.client.get("/").status_code == 200
    assert behind.client.get("/api/devices").status_code == 200
    assert behind.client.get("/api/session").json() == {"needed": True, "let_in": True, "session": True}
    assert behind.client.get("/login").headers["location"] == "/"


def test_signing_out_ends_the_session_for_a_copy_of_its_cookie_and_for_open_streams_too(behind):
    behind.sign_in()
    copy = dict(behind.client.cookies)
    with behind.client.stream("GET", "/live") as stream:
        lines = stream.iter_lines()
        assert next(lines)
        answer = behind.client.delete("/api/session")
        assert answer.json() == {"session": False}
        assert [line for line in lines if line.startswith('data: {"')] == []  # it ends
    assert not behind.client.cookies
    behind.client.cookies.update(copy)
    assert behind.client.get("/api/devices").status_code == 401


def test_a_session_outlives_a_restart_but_not_a_new_token(broker, tmp_path):
    with door(broker, tmp_path) as before:
        before.sign_in()
        (value,) = dict(before.client.cookies).values()
    with door(broker, tmp_path) as after:
        name = f"picanary-{after.client.base_url.port}"  # the same port in life, another one here
        assert after.client.get("/api/devices", headers={"cookie": f"{name}={value}"}).status_code == 200
    tokens.make(tmp_path / "token")
    with door(broker, tmp_path) as renewed:
        name = f"picanary-{renewed.client.base_url.port}"
        assert renewed.client.get("/api/devices", headers={"cookie": f"{name}={value}"}).status_code == 401


def test_a_session_lasts_thirty_days_and_cannot_be_made_longer():
    now = [1_700_000_000.0]
    sessions = Sessions(b"k" * 32, lambda: now[0])
    value = sessions.begin()
    name, until_s, mark = value.split(".")
    assert sessions.find(value) is not None
    assert sessions.find(f"{name}.{int(until_s) + 1}.{mark}") is None
    assert sessions.find(f"{'0' * 32}.{until_s}.{mark}") is None
    for rubbish in ("", ".", "a.b.c", f"{name}.{until_s}.{'0' * 64}", f"{value}0", "é.1.é", f"{value}\n"):
        assert sessions.find(rubbish) is None
    assert Sessions(b"x" * 32, lambda: now[0]).find(value) is None
    now[0] += LASTS_S - 1
    assert sessions.find(value) is not None
    now[0] += 1
    assert sessions.find(value) is None


def test_wrong_tokens_are_slowed_down_and_the_right_one_is_not_kept_out(behind):
    answers = [behind.sign_in("wrong") for _ in range(OF_ONE + 3)]
    assert [each.status_code for each in answers][:OF_ONE] == [401] * OF_ONE
    late = answers[-1]
    assert late.status_code == 429
    assert 1 <= int(late.headers["retry-after"]) <= ONE_EVERY_S + 1
    assert "try again in" in late.text
    limited = behind.client.get("/api/devices", headers={"authorization": "Bearer wrong"})
    assert limited.status_code == 429 and "too many wrong tokens" in limited.json()["error"]
    until(lambda: behind.client.get("/api/devices", headers=behind.bearer).status_code == 200, 20.0)
    # it is known from now on: no flood of wrong ones delays it
    for _ in range(10):
        behind.client.get("/api/devices", headers={"authorization": "Bearer wrong"})
        assert behind.client.get("/api/devices", headers=behind.bearer).status_code == 200


def test_each_address_has_its_own_tries_and_all_of_them_a_bound():
    now = [0.0]
    attempts = Attempts(lambda: now[0])
    assert [attempts.take("192.0.2.1") for _ in range(OF_ONE)] == [0.0] * OF_ONE
    assert attempts.take("192.0.2.1") == pytest.approx(ONE_EVERY_S)
    assert attempts.take("192.0.2.2") == 0.0
    now[0] += ONE_EVERY_S
    assert attempts.take("192.0.2.1") == 0.0 and attempts.take("192.0.2.1") > 0.0
    # one household has 2**64 addresses of IPv6
    taken = [attempts.take(f"2001:db8::{number:x}") for number in range(OF_ONE + 1)]
    assert taken[:-1] == [0.0] * OF_ONE and taken[-1] > 0.0
    now[0] += 3600.0
    taken = [attempts.take(f"198.51.{number // 200}.{number % 200}") for number in range(3 * ADDRESSES_MOST)]
    assert taken.count(0.0) == OF_ALL
    assert len(attempts._each) <= ADDRESSES_MOST
    now[0] += 3600.0
    for _ in range(20):
        assert attempts.take("192.0.2.9") == 0.0
        attempts.give_back("192.0.2.9")


def test_a_person_signs_in_sees_the_view_that_was_asked_for_and_signs_out(browser, broker, tmp_path):
    expect.set_options(timeout=PATIENCE_MS)
    wrong: list[str] = []
    with door(broker, tmp_path) as behind, agent(broker) as room:
        room.born()
        room.records(*[record(seq) for seq in range(1, 20)])
        page = open_page(browser, behind.url, wrong, "#/device/cellar")
        token = page.get_by_label("Token")
        expect(token).to_be_focused()
        assert page.url == f"{behind.url}login#/device/cellar"
        token.fill("not the one")
        page.keyboard.press("Enter")
        expect(page.get_by_role("alert")).to_have_text("This is not the token of this monitor.")
        page.get_by_label("Token").fill(behind.token)
        page.get_by_role("button", name="Sign in").click()
        expect(page.get_by_test_id("value").first).to_be_visible()
        assert page.url == f"{behind.url}#/device/cellar"
        assert page.evaluate("document.cookie") == ""
        other = page.context.new_page()
        other.set_default_timeout(PATIENCE_MS)
        other.goto(behind.url)
        expect(other.locator("#link")).to_have_text("live")
        page.get_by_role("button", name="Sign out").click()
        expect(page.get_by_label("Token")).to_be_visible()
        assert page.url == f"{behind.url}login#/device/cellar"
        expect(other.get_by_label("Token")).to_be_visible()  # its stream has ended
        page.context.close()
    assert [each for each in wrong if "401" not in each] == []


def test_a_link_with_the_token_signs_in_and_leaves_no_trace_of_it(browser, broker, tmp_path):
    expect.set_options(timeout=PATIENCE_MS)
    wrong: list[str] = []
    asked: list[str] = []
    with door(broker, tmp_path) as behind:
        page = open_page(browser, behind.url, wrong)
        page.on("request", lambda request: asked.append(request.url))
        page.goto(f"{behind.url}login#token={behind.token}")
        expect(page.locator("#link")).to_have_text("live")
        assert page.url == behind.url
        page.goto(f"{behind.url}login#token={behind.token}")  # again, by who has signed in already
        expect(page.locator("#link")).to_have_text("live")
        page.wait_for_url(behind.url)
        page.goto(f"{behind.url}static/canary.svg")
        page.go_back()
        expect(page.locator("#link")).to_have_text("live")
        assert page.url == behind.url
        assert not any(behind.token in url for url in asked)
        page.context.close()
    assert wrong == []


def test_without_javascript_one_can_sign_in_too(browser, behind):
    context = browser.new_context(java_script_enabled=False)
    page = context.new_page()
    page.set_default_timeout(PATIENCE_MS)
    page.goto(behind.url)
    page.get_by_label("Token").fill(behind.token)
    page.get_by_role("button", name="Sign in").click()
    page.wait_for_url(behind.url)
    assert "picanary" in page.title()
    context.close()


def test_a_page_without_a_token_has_nothing_to_sign_out_of(browser, broker, tmp_path):
    with door(broker, tmp_path, token=False) as behind:
        wrong: list[str] = []
        page = open_page(browser, behind.url, wrong)
        expect(page.locator("#link")).to_have_text("live")
        assert page.get_by_role("button", name="Sign out").count() == 0
        assert behind.client.get("/api/session").json() == {"needed": False, "let_in": True, "session": False}
        assert behind.client.get("/login").headers["location"] == "/"
        page.context.close()
        assert wrong == []
