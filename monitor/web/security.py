"""Headers that let the page run only its own code, be framed by nobody, and send nothing elsewhere."""

from starlette.types import ASGIApp, Message, Receive, Scope, Send

POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; "
    "connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
UNUSED = (
    *("accelerometer", "autoplay", "camera", "display-capture", "geolocation", "gyroscope"),
    *("hid", "local-fonts", "magnetometer", "microphone", "midi", "payment", "serial", "usb"),
)
# Of every answer; what is no page needs no more, and sixty files travel lighter.
SECURITY = {
    "content-security-policy": "default-src 'none'; frame-ancestors 'none'",
    "cross-origin-resource-policy": "same-origin",
    "x-content-type-options": "nosniff",
}
OF_A_PAGE = {
    **SECURITY,
    "content-security-policy": POLICY,
    "permissions-policy": ", ".join(f"{name}=()" for name in UNUSED),
    "referrer-policy": "no-referrer",
    "cross-origin-opener-policy": "same-origin",
}


def with_security(app: ASGIApp) -> ASGIApp:
    """Every answer with those headers, as far as it does not bring its own."""
    extra, of_a_page = (
        [(name.encode(), value.encode()) for name, value in each.items()] for each in (SECURITY, OF_A_PAGE)
    )

    async def secured(scope: Scope, receive: Receive, send: Send) -> None:
        async def send_more(message: Message) -> None:
            if message["type"] == "http.response.start":
                given = list(message.get("headers", []))
                has = {name.lower(): value for name, value in given}
                more = of_a_page if has.get(b"content-type", b"").startswith(b"text/html") else extra
                message["headers"] = [*given, *(each for each in more if each[0] not in has)]
            await send(message)

        await app(scope, receive, send_more)

    return secured
