"""The door: without the token, or a session that began with it, there is only the page that asks for it."""

import asyncio
import html
from urllib.parse import parse_qs

from starlette.datastructures import Headers
from starlette.requests import Request, cookie_parser
from starlette.responses import RedirectResponse, Response
from starlette.routing import Route
from starlette.types import ASGIApp, Receive, Scope, Send

from monitor.access.keeper import Keeper, TooManyTries, WrongToken
from monitor.access.sessions import LASTS_S, Session
from monitor.web.answers import answer, refusal
from monitor.web.files import Files
from monitor.web.security import POLICY

OPEN = frozenset({"/login", "/healthz", "/api/session", "/favicon.ico"})
OPEN_FOLDER = "/static/"  # the same for everybody, and holds no secret
WHO = "picanary.who"  # in the scope: None when nobody was let in
PLACE = "<!-- what was wrong -->"
# A browser says where a form comes from only under such a policy; its form goes to us alone.
HEADERS = {
    "cache-control": "no-store",
    "referrer-policy": "same-origin",
    "content-security-policy": POLICY.replace("form-action 'none'", "form-action 'self'"),
}


class Login:
    """Routes of the door, and the door itself. Without a keeper it stands open."""

    def __init__(self, keeper: Keeper | None, port: int, files: Files) -> None:
        self._keeper = keeper
        self._port = port
        self._files = files

    def routes(self) -> list[Route]:
        """Where they are."""
        return [
            Route("/login", self.page),
            Route("/login", self.sign_in, methods=["POST"]),
            Route("/api/session", self.session),
            Route("/api/session", self.sign_out, methods=["DELETE"]),
        ]

    def guard(self, app: ASGIApp) -> ASGIApp:
        """That application for who is let in."""

        async def guarded(scope: Scope, receive: Receive, send: Send) -> None:
            if self._keeper is None:
                await app(scope, receive, send)
                return
            session = self._session(scope)
            try:
                who = session or await self._bearer(scope)
            except WrongToken as error:
                await _unknown(str(error))(scope, receive, send)
            except TooManyTries as error:
                await _wait(error, refusal(str(error), 429))(scope, receive, send)
            else:
                scope[WHO] = who
                if who is None and not _is_open(scope["path"]):
                    await _turned_away(scope)(scope, receive, send)
                elif session is not None and scope["path"] == "/live":
                    await self._until_over(session, app, scope, receive, send)
                else:
                    await app(scope, receive, send)

        return guarded

    def page(self, request: Request) -> Response:
        """The form; whoever needs none goes on."""
        if self._keeper is None or request.scope.get(WHO) is not None:
            return RedirectResponse("/", 303, {"cache-control": "no-store"})
        return self._form("")

    async def sign_in(self, request: Request) -> Response:
        """Begin a session, or show the form again with what was wrong."""
        if self._keeper is None:
            return RedirectResponse("/", 303)
        given = parse_qs((await request.body()).decode("utf-8", "replace")).get("token", [""])[0].strip()
        try:
            await self._keeper.check(given, _address(request.scope))
        except WrongToken:
            return self._form("This is not the token of this monitor." if given else "", 401)
        except TooManyTries as error:
            return _wait(error, self._form(f"{str(error).capitalize()}.", 429))
        made = RedirectResponse("/", 303, {"cache-control": "no-store"})
        self._set(made, request.scope, self._keeper.sessions.begin(), LASTS_S)
        return made

    def session(self, request: Request) -> Response:
        """Whether the token is needed, and whether whoever asks has a session. Open to all."""
        needed = self._keeper is not None
        who = request.scope.get(WHO)
        return answer(
            {"needed": needed, "let_in": not needed or who is not None, "session": isinstance(who, Session)}
        )

    async def sign_out(self, request: Request) -> Response:
        """End the session, in all its tabs."""
        who = request.scope.get(WHO)
        if self._keeper is not None and isinstance(who, Session):
            self._keeper.sessions.end(who)
        made = answer({"session": False})
        self._set(made, request.scope, "", 0)
        return made

    def _session(self, scope: Scope) -> Session | None:
        cookies = cookie_parser(Headers(scope=scope).get("cookie", ""))
        value = cookies.get(self._cookie(scope))
        return self._keeper.sessions.find(value) if self._keeper and value else None

    async def _bearer(self, scope: Scope) -> str | None:
        kind, _, token = Headers(scope=scope).get("authorization", "").partition(" ")
        if self._keeper is None or kind.lower() != "bearer":
            return None
        await self._keeper.check(token.strip(), _address(scope))
        return "bearer"

    def _cookie(self, scope: Scope) -> str:
        # A cookie is of a host and not of a port: two monitors of one machine need two names.
        return f"{'__Host-' if scope['scheme'] == 'https' else ''}picanary-{self._port}"

    def _set(self, made: Response, scope: Scope, value: str, seconds: int) -> None:
        made.set_cookie(
            self._cookie(scope),
            value,
            max_age=seconds,
            httponly=True,
            samesite="strict",
            secure=scope["scheme"] == "https",
        )

    def _form(self, wrong: str, status: int = 200) -> Response:
        shown = f'<p class="wrong" id="wrong" role="alert">{html.escape(wrong)}</p>' if wrong else ""
        page = self._files.text("login/login.html").replace(PLACE, shown)
        return Response(page, status, HEADERS, media_type="text/html")

    async def _until_over(
        self, session: Session, app: ASGIApp, scope: Scope, receive: Receive, send: Send
    ) -> None:
        """A stream that ends with the session."""
        assert self._keeper is not None  # noqa: S101  (there are no sessions without one)
        stream = asyncio.ensure_future(app(scope, receive, send))
        over = asyncio.ensure_future(self._keeper.sessions.over(session))
        try:
            await asyncio.wait({stream, over}, return_when=asyncio.FIRST_COMPLETED)
            if stream.done():
                stream.result()
                return
        finally:
            over.cancel()
            stream.cancel()
            await asyncio.wait({stream, over})
        await send({"type": "http.response.body", "body": b"", "more_body": False})


def _is_open(path: str) -> bool:
    return path in OPEN or path.startswith(OPEN_FOLDER)


def _turned_away(scope: Scope) -> Response:
    if scope["path"] == "/" and scope["method"] in ("GET", "HEAD"):
        return RedirectResponse("/login", 303, {"cache-control": "no-store"})
    return _unknown("this monitor asks for its token: sign in at /login, or send Authorization: Bearer TOKEN")


def _unknown(sentence: str) -> Response:
    made = refusal(sentence, 401)
    made.headers["www-authenticate"] = 'Bearer realm="picanary"'
    return made


def _wait(error: TooManyTries, made: Response) -> Response:
    made.headers["retry-after"] = str(error.wait_s)
    return made


def _address(scope: Scope) -> str:
    client = scope.get("client")
    return str(client[0]) if client else "nobody"
