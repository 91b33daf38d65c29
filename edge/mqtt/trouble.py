"""Why there is no connection to a broker, in plain English, and what that means for the next try."""

import socket
import ssl
import time
from dataclasses import dataclass
from enum import Enum


class Cure(Enum):
    """What ends a trouble."""

    TIME = "time"  # it may be gone at the next try
    ADDRESS = "address"  # a person corrects the name, or the network learns it
    PERSON = "person"  # the broker has said no, and will until somebody changes that
    NAMESAKE = "namesake"  # another client has our id, and one of the two must be renamed


@dataclass(frozen=True, slots=True)
class Trouble:
    """One reason, as a sentence."""

    sentence: str
    cure: Cure = Cure.TIME

    @property
    def mendable(self) -> bool:
        """Whether waiting alone does not help: who starts an agent by hand is told at once."""
        return self.cure in (Cure.ADDRESS, Cure.PERSON)


# A person mends these; trying again alone does not. By the names of MQTT 5's reason codes.
_REFUSED = {
    "Bad user name or password": "the user name or password is wrong",
    "Not authorized": "not authorized: a wrong user name or password, or no right to connect",
    "Client identifier not valid": "the broker does not accept this client id",
    "Banned": "this client is banned",
    "Bad authentication method": "the broker wants another way of authentication",
}

_NOT_YET_VALID = 9  # X509_V_ERR_CERT_NOT_YET_VALID of OpenSSL
_TAKEN_OVER = "Session taken over"


def refusal(address: str, reason: str) -> Trouble:
    """What a CONNACK reason, by its name in MQTT 5, means."""
    known = _REFUSED.get(reason)
    cure = Cure.TIME if known is None else Cure.PERSON
    return Trouble(f"the broker at {address} refused the connection: {known or reason.lower()}", cure)


def hung_up(address: str, reason: str) -> Trouble:
    """What the reason in a broker's DISCONNECT, by its name in MQTT 5, means."""
    if reason == _TAKEN_OVER:
        return Trouble(
            f"another client with this device id has connected to the broker at {address}: "
            "give one of the two another id",
            Cure.NAMESAKE,
        )
    return Trouble(f"the broker at {address} closed the connection: {reason.lower()}")


def not_taken(reason: str) -> str:
    """What the reason in a PUBACK, by its name in MQTT 5, says of the message."""
    return f"the broker did not take it: {reason.lower()}"


PACKET_TOO_LARGE = not_taken("Packet too large")


def failure(address: str, error: Exception) -> Trouble:
    """What an exception while connecting means."""
    match error:
        case socket.gaierror(errno=socket.EAI_AGAIN):
            return Trouble(f"cannot look up the host of broker {address}: no name server answers")
        case socket.gaierror() | UnicodeError():
            return Trouble(f"no such host: broker {address}", Cure.ADDRESS)
        case ssl.SSLCertVerificationError(verify_code=code) if code == _NOT_YET_VALID:
            today = time.strftime("%Y-%m-%d", time.gmtime())
            return Trouble(
                f"the certificate of the broker at {address} is not yet valid: it is {today} here, "
                "until the clock is set"
            )
        case ssl.SSLCertVerificationError(verify_message=message):
            return Trouble(
                f"the broker at {address} has a certificate that is not trusted: {message}", Cure.ADDRESS
            )
        case ssl.SSLError(reason=reason):
            return Trouble(
                f"no TLS with the broker at {address}: {(reason or str(error)).lower().replace('_', ' ')}"
            )
        case ConnectionRefusedError():
            return Trouble(f"nobody listens at {address}: start the broker or correct the address")
        case TimeoutError():
            return Trouble(f"the broker at {address} does not answer: timed out")
        case _:
            return Trouble(
                f"cannot reach the broker at {address}: {getattr(error, 'strerror', None) or error}"
            )
