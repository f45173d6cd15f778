"""The watch over the registers' database, on SQLite and on PostgreSQL."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator

import pytest
from sqlalchemy import Connection, create_engine, text

from catalog.store import Part, RegistryUnavailable, StoreWatch, bump, open_store

Open = Callable[..., StoreWatch]


@pytest.fixture
def open_watch(store_url: str) -> Iterator[Open]:
    opened: list[StoreWatch] = []

    def open_(**options: object) -> StoreWatch:
        opened.append(StoreWatch(open_store(store_url), **options))
        return opened[-1]

    yield open_
    for watch in opened:
        watch.close()


class Listener:
    """Counts how often it was told, and reads a table as registers do."""

    def __init__(self, watch: StoreWatch, part: Part = Part.GOVERNANCE) -> None:
        self.told = 0
        watch.on_change(part, self)

    def __call__(self, connection: Connection) -> None:
        connection.execute(text("SELECT count(*) FROM revocations")).all()
        self.told += 1


def edit(url: str, statement: str) -> None:
    """Change the database behind the watch's back."""
    engine = create_engine(url)
    with engine.begin() as connection:
        connection.execute(text(statement))
    engine.dispose()


def refuses(watch: StoreWatch) -> bool:
    try:
        watch.require()
    except RegistryUnavailable:
        return True
    return False


def test_nothing_is_answered_before_the_start(store: StoreWatch) -> None:
    """What nobody has read yet is not known."""
    listener = Listener(store)
    assert (refuses(store), listener.told) == (True, 0)
    store.poll()
    assert (refuses(store), listener.told) == (False, 1)


def test_an_own_change_was_read_when_it_returns(store: StoreWatch) -> None:
    """Whoever listens to this part is told, once, and nobody else."""
    listener, other = Listener(store), Listener(store, Part.REGISTRY)
    store.poll()
    with store.change(Part.GOVERNANCE):
        pass
    store.poll()
    assert (listener.told, other.told) == (2, 1)


def test_a_change_of_another_gateway_is_read_at_the_next_look(open_watch: Open) -> None:
    """Without a change, nothing is read again."""
    one, other = open_watch(), open_watch()
    listener = Listener(one)
    for watch in (one, other, one):
        watch.poll()
    with other.change(Part.GOVERNANCE):
        pass
    assert listener.told == 1
    one.poll()
    assert listener.told == 2


def test_a_started_watch_looks_by_itself(open_watch: Open) -> None:
    """Another gateway's change arrives without anybody asking."""
    one, other = open_watch(), open_watch()
    told = threading.Event()
    one.start()
    one.on_change(Part.GOVERNANCE, lambda _: told.set())
    other.start()
    with other.change(Part.GOVERNANCE):
        pass
    assert told.wait(100)


def test_a_change_that_fails_is_not_stored(store: StoreWatch) -> None:
    """Neither what was written nor its number."""
    listener = Listener(store)
    store.poll()
    with (  # noqa: PT012 - the change is what fails
        pytest.raises(OSError, match="the log is down"),
        store.change(Part.GOVERNANCE) as (connection, _),
    ):
        connection.execute(text("INSERT INTO revocations VALUES ('purpose', 'p', 'x', 'x', 1, NULL)"))
        raise OSError("the log is down")
    store.poll()
    with store.read() as connection:
        assert connection.execute(text("SELECT count(*) FROM revocations")).scalar() == 0
    assert listener.told == 1


def test_changes_follow_one_another(open_watch: Open) -> None:
    """Of gateways that change something at the same moment, each sees what the one before did."""
    watches = [open_watch() for _ in range(3)]
    numbers: list[int] = []

    def change(watch: StoreWatch) -> None:
        watch.poll()
        for _ in range(4):
            with watch.change(Part.REGISTRY) as (_, number):
                numbers.append(number)

    threads = [threading.Thread(target=change, args=[watch]) for watch in watches]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert numbers == list(range(1, 13))


LOSSES = {
    "unreadable": "ALTER TABLE changes RENAME TO elsewhere",
    "emptied": "DELETE FROM changes",
    "replaced": "UPDATE store SET identity = 'another'",
    "rolled back": "UPDATE changes SET number = number - 1",
    "unreadable part": "ALTER TABLE revocations RENAME TO elsewhere",
}


@pytest.mark.parametrize("loss", LOSSES.values(), ids=LOSSES)
def test_a_lost_database_answers_and_takes_nothing(store: StoreWatch, store_url: str, loss: str) -> None:
    """Whatever stands in its place, nothing is read from it and nothing is written to it; before, it answers (twin)."""
    Listener(store)
    store.poll()
    with store.change(Part.GOVERNANCE):
        pass
    assert not refuses(store)
    edit(store_url, loss)
    if "revocations" in loss:
        edit(store_url, "UPDATE changes SET number = number + 1")
    store.poll()
    assert refuses(store)
    with pytest.raises(RegistryUnavailable), store.change(Part.GOVERNANCE):
        raise AssertionError("nothing may be written")
    with pytest.raises(RegistryUnavailable), store.read():
        raise AssertionError("nothing may be read")


def test_a_database_that_is_back_is_put_right_and_read_again(store: StoreWatch, store_url: str) -> None:
    """What must be in it is put back first, in a transaction; then everybody reads."""
    calls: list[str] = []

    def put_back(connection: Connection) -> None:
        bump(connection, Part.GOVERNANCE)
        calls.append("put back")

    store.on_return(put_back)
    store.on_change(Part.GOVERNANCE, lambda _: calls.append("read"))
    store.poll()
    edit(store_url, LOSSES["unreadable"])
    store.poll()
    assert (refuses(store), calls) == (True, ["put back", "read"])
    edit(store_url, "ALTER TABLE elsewhere RENAME TO changes")
    store.poll()
    assert (refuses(store), calls) == (False, ["put back", "read"] * 2)


def test_an_older_copy_is_refused_until_the_restart(open_watch: Open, store_url: str) -> None:
    """However many changes it has had meanwhile under its own number; a new watch takes it for what it is."""
    watch = open_watch()
    watch.poll()
    edit(store_url, "UPDATE changes SET number = number + 5")
    watch.poll()
    edit(store_url, "UPDATE changes SET number = number - 5")
    watch.poll()
    edit(store_url, "UPDATE changes SET number = number + 4")
    watch.poll()
    assert refuses(watch)
    again = open_watch()
    again.poll()
    assert not refuses(again)


def test_who_cannot_read_its_part_stops_everybody(store: StoreWatch) -> None:
    """A register that holds old answers must not give them; once it can read, it does (twin)."""
    problems = [ValueError("not one of ours")]

    def read(connection: Connection) -> None:
        if problems:
            raise problems.pop()

    store.on_change(Part.REGISTRY, read)
    store.poll()
    assert refuses(store)
    store.poll()
    assert not refuses(store)


def test_a_database_that_hangs_is_lost(open_watch: Open) -> None:
    """Answers from memory end five seconds after the last look at the database."""
    seconds = [100.0]
    watch = open_watch(monotonic=lambda: seconds[0])
    watch.poll()
    seconds[0] = 105.0
    assert not refuses(watch)
    seconds[0] = 105.1
    assert refuses(watch)
    watch.poll()
    assert not refuses(watch)
