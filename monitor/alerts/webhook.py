"""Letters as JSON by HTTP POST, signed if there is a secret."""

import hashlib
import hmac
import http.client
import urllib.error
import urllib.request
from typing import Any

import msgspec

from monitor.alerts.channel import NotDelivered, Refused
from monitor.alerts.letter import Letter

SIGNATURE = "X-Picanary-Signature"
DELIVERY = "X-Picanary-Delivery"
_UNWANTED = (400, 405, 411, 413, 414, 415, 422)  # about the letter itself, not about us or the moment


class _Stay(urllib.request.HTTPRedirectHandler):
    """A POST that is sent elsewhere becomes a GET without a body: nobody would get the letter."""

    def redirect_request(self, *_: Any) -> None:
        return None


class Webhook:
    """One address. `secret` signs the body: HMAC-SHA256, in hexadecimal after `sha256=`."""

    def __init__(self, name: str, url: str, secret: bytes, timeout_s: float, kinds: frozenset[str]) -> None:
        self.name = name
        self.kinds = kinds
        self._url = url
        self._secret = secret
        self._timeout_s = timeout_s
        self._opener = urllib.request.build_opener(_Stay)

    def send(self, letter: Letter) -> None:
        """POST it; any status from 200 to 299 counts as delivered. Raises NotDelivered, Refused."""
        body = msgspec.json.encode(letter.to_json())
        headers = {"content-type": "application/json", "user-agent": "picanary", DELIVERY: letter.id}
        if self._secret:
            headers[SIGNATURE] = "sha256=" + hmac.new(self._secret, body, hashlib.sha256).hexdigest()
        request = urllib.request.Request(self._url, body, headers, method="POST")  # noqa: S310  (checked: http)
        try:
            self._opener.open(request, timeout=self._timeout_s).close()
        except urllib.error.HTTPError as error:
            error.close()
            kind = Refused if error.code in _UNWANTED else NotDelivered
            raise kind(f"the receiver answered {error.code} {error.reason}"[:200]) from error
        except TimeoutError as error:
            raise NotDelivered(f"no answer within {self._timeout_s:g} s") from error
        except (OSError, http.client.HTTPException, ValueError) as error:
            reason = getattr(error, "reason", error)
            if isinstance(reason, TimeoutError):
                raise NotDelivered(f"no answer within {self._timeout_s:g} s") from error
            raise NotDelivered(
                f"cannot be reached: {getattr(reason, 'strerror', None) or reason}"[:200]
            ) from error
