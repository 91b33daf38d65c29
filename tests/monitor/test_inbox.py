"""A flood waits outside, in order, and what was let in is handed out to the last."""

import threading

from hypothesis import given
from hypothesis import strategies as st

from monitor.inbox import Inbox, Message


@given(st.lists(st.integers(0, 40), max_size=60), st.integers(1, 20), st.integers(1, 60))
def test_what_waits_is_bounded_and_comes_out_in_order(sizes: list[int], number: int, size: int) -> None:
    inbox, waiting, came = Inbox(number, size), list[Message](), list[Message]()
    for at, length in enumerate(sizes):
        message = (str(at), b"x" * length)
        room = len(waiting) < number and sum(len(payload) for _, payload in waiting) < size
        assert inbox.put([message], 0.0) == room
        if room:
            waiting.append(message)
            continue
        assert inbox.gather(0.0, 20.0) == waiting
        came += waiting
        waiting = []
        assert inbox.put([message], 0.0) == 1
        waiting.append(message)
    inbox.close()
    came += inbox.gather(0.0, 20.0)
    assert inbox.empty and len(came) == len(sizes)
    assert [int(name) for name, _ in came] == sorted(int(name) for name, _ in came)


def test_who_waits_for_room_gets_it_and_who_waits_for_a_message_too() -> None:
    inbox, came = Inbox(3, 10), list[Message]()

    def take() -> None:
        while found := inbox.gather(20.0, 0.001):
            came.extend(found)

    taker = threading.Thread(target=take)
    taker.start()
    sent = [(str(number), b"123456") for number in range(500)]
    left = sent
    while left:
        put = inbox.put(left[:7], 20.0)
        assert put
        left = left[put:]
    inbox.close()
    taker.join(20.0)
    assert came == sent
    assert not inbox.put([("late", b"")], 0.0) and inbox.empty


def test_a_gathering_ends_when_there_is_enough_of_it() -> None:
    inbox = Inbox(100, 10)
    inbox.put([("large", b"x" * 50)], 0.0)
    assert inbox.gather(0.0, 20.0) == [("large", b"x" * 50)]
    assert inbox.gather(0.0, 20.0) == []


def test_of_many_at_once_as_many_go_in_as_there_is_room_for() -> None:
    several = [(str(number), b"x" * 40) for number in range(7)]
    assert Inbox(3, 10_000).put(several, 0.0) == 3
    assert Inbox(100, 100).put(several, 0.0) == 3, "120 bytes, and no room for another"
