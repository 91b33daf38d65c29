"""What a page asks of a device: sent once, answered, refused, or met with silence."""

import msgspec
import pytest

from monitor.orders import PATIENCE_S, Busy, Orders
from tests.brokers import mosquitto
from tests.monitor import messages
from tests.monitor.running import agent, monitor, until


class Wire:
    """Keeps what is published, and a clock to be moved."""

    def __init__(self) -> None:
        self.now_s, self.up = 0.0, True
        self.sent: list[tuple[str, dict]] = []
        self.orders = Orders(self.ask, lambda: self.now_s)

    def ask(self, name: str, payload: bytes, expiry_s: int) -> bool:
        assert expiry_s == PATIENCE_S
        if self.up:
            self.sent.append((name, msgspec.json.decode(payload)))
        return self.up

    def answer(self, request: str, ok: bool, why: str | None, device: str = "cellar") -> None:
        message = {"v": 1, "request": request, "ok": ok, "why": why}
        self.orders.hear(f"picanary/v1/{device}/res/{request}", msgspec.json.encode(message))


def test_an_order_is_pending_until_it_is_answered_and_silent_after_half_a_minute() -> None:
    wire = Wire()
    order = wire.orders.give("cellar", "recalibrate", {"level": 2.0})
    assert wire.sent == [
        ("picanary/v1/cellar/cmd/recalibrate", {"v": 1, "request": order.request, "level": 2.0})
    ]
    messages.valid("command", wire.sent[0][1])
    with pytest.raises(Busy, match="cellar has not answered"):
        wire.orders.give("cellar", "recalibrate", {"level": 3.0})
    wire.answer(order.request, ok=False, why="from elsewhere", device="attic")
    wire.orders.hear(f"picanary/v1/cellar/res/{order.request}", b"{")
    assert wire.orders.look("cellar", order.request).state == "pending"
    assert wire.orders.look("attic", order.request) is None
    wire.now_s = PATIENCE_S
    silent = wire.orders.look("cellar", order.request)
    assert silent.state == "silent" and "30 seconds" in silent.why
    again = wire.orders.give("cellar", "recalibrate", {"level": 3.0})
    wire.answer(again.request, ok=False, why="not so fast")
    refused = wire.orders.look("cellar", again.request)
    assert (refused.state, refused.why) == ("refused", "not so fast")
    wire.answer(order.request, ok=True, why=None)  # late, but true
    assert wire.orders.look("cellar", order.request).state == "done"
    wire.up = False
    with pytest.raises(Exception, match="nothing was sent"):
        wire.orders.give("cellar", "recalibrate", {})
    wire.up = True
    wire.orders.give("cellar", "recalibrate", {})


def test_a_level_out_of_range_is_not_sent(tmp_path) -> None:
    with mosquitto() as broker, monitor(broker, tmp_path / "m.db") as (_, client), agent(broker) as room:
        where = "/api/devices/cellar/recalibrate"
        assert client.post(where, json={"level": 2}).status_code == 404
        room.born()
        until(lambda: client.get("/api/devices/cellar").status_code == 200)
        for body in ({"level": 0.1}, {"level": 11}, {"level": "2"}, {}, {"level": 2, "x": 1}, [2]):
            refused = client.post(where, json=body)
            assert refused.status_code == 400 and "not of the expected form" in refused.json()["error"]
        taken = client.post(where, json={"level": 2})
        assert (taken.status_code, taken.json()["state"]) == (202, "pending")
        assert client.get(f"{where}/{taken.json()['request']}").json()["state"] == "pending"
        assert client.get(f"{where}/page-0").status_code == 404
        assert client.post(where, json={"level": 2}).status_code == 409
