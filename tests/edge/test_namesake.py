"""By what an agent knows that another one bears its name, and by what it does not."""

from pathlib import Path

from edge.message import encode
from edge.mqtt.broker import BrokerSettings
from edge.mqtt.connection import Connection
from edge.notices import Notices
from edge.uplink.namesake import Namesakes, new_session


class House:
    """One agent's watch over its own `status`, with a connection that is never opened."""

    def __init__(self, folder: Path) -> None:
        self.journal = folder / "journal.db"
        self.notices = Notices()
        self.connection = Connection(BrokerSettings("127.0.0.1", 1, client_id="cellar"))
        self.connection.stop()  # which gives its sockets back
        self.session = new_session(self.journal)
        self._watch = Namesakes(self.connection, self.session, self.notices)

    def hears(self, *sessions: str) -> list[str]:
        """Each `status` in turn; what that makes known."""
        for session in sessions:
            self._watch.heard("", encode({"v": 1, "state": "online", "session": session}), True)
        return [change.event.kind for change in self.notices.changes()]


def test_a_session_of_another_house_after_our_birth_is_a_namesake(tmp_path: Path) -> None:
    one, other = House(tmp_path / "one"), House(tmp_path / "two")
    assert one.hears(one.session, other.session) == ["namesake"]
    assert one.connection.shared, "it comes back slowly"


def test_no_session_of_our_own_past_is_one_however_often_an_old_database_shows_it(tmp_path: Path) -> None:
    house = House(tmp_path)
    past = [new_session(house.journal) for _ in range(3)]
    assert house.hears(house.session, *past, *past, house.session, *past) == []
    assert not house.connection.shared


def test_the_device_that_ours_replaces_is_none_when_an_old_database_shows_it_once(tmp_path: Path) -> None:
    house, replaced = House(tmp_path / "new"), House(tmp_path / "old")
    assert house.hears(replaced.session, house.session, replaced.session, house.session) == []
    assert house.hears(replaced.session) == ["namesake"], "twice is no accident"


def test_what_is_no_status_says_nothing(tmp_path: Path) -> None:
    house = House(tmp_path)
    house._watch.heard("", b"\xff not JSON", True)
    assert house.hears(house.session) == []
