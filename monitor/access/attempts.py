"""How often a wrong token may be tried: by each address, and by all of them together."""

import ipaddress
import time
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass

ADDRESSES_MOST = 4096
OF_ONE, ONE_EVERY_S = 5, 4.0
OF_ALL, ALL_EVERY_S = 40, 0.5


@dataclass(slots=True)
class _Bucket:
    """So many tries at once, then one in `every_s`."""

    most: int
    every_s: float
    left: float
    at_s: float

    def wait_s(self, now_s: float) -> float:
        """How long until there is a try, 0 when there is one."""
        self.left = min(self.most, self.left + (now_s - self.at_s) / self.every_s)
        self.at_s = now_s
        return 0.0 if self.left >= 1.0 else (1.0 - self.left) * self.every_s


class Attempts:
    """Used from one thread. Its memory is bounded: the address that was quiet longest is forgotten."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._all = _Bucket(OF_ALL, ALL_EVERY_S, OF_ALL, clock())
        self._each: OrderedDict[str, _Bucket] = OrderedDict()

    def take(self, address: str) -> float:
        """Use up one try, and 0; or how many seconds to wait for one."""
        now_s, one = self._clock(), self._of(address)
        wait_s = max(one.wait_s(now_s), self._all.wait_s(now_s))
        if wait_s == 0.0:
            one.left -= 1.0
            self._all.left -= 1.0
        return wait_s

    def give_back(self, address: str) -> None:
        """The token was right: it was no try."""
        for bucket in (self._of(address), self._all):
            bucket.left = min(bucket.most, bucket.left + 1.0)

    def _of(self, address: str) -> _Bucket:
        place = _place(address)
        if place not in self._each:
            self._each[place] = _Bucket(OF_ONE, ONE_EVERY_S, OF_ONE, self._clock())
        self._each.move_to_end(place)
        while len(self._each) > ADDRESSES_MOST:
            self._each.popitem(last=False)
        return self._each[place]


def _place(address: str) -> str:
    """One person has a whole network of IPv6 addresses."""
    try:
        found = ipaddress.ip_address(address.partition("%")[0])
    except ValueError:
        return address[:80]
    if found.version == 6 and not found.ipv4_mapped:
        return str(ipaddress.ip_network((found, 64), strict=False))
    return str(found)
