from __future__ import annotations

import hashlib
from collections.abc import Iterator
from pathlib import Path

import pytest

from connectors.sdk.tlog.entry import leaf_hash
from connectors.sdk.tlog.files import OsFiles
from connectors.sdk.tlog.hash_store import HashStore
from connectors.sdk.tlog.merkle import CompactRange, inclusion_proof, read_range, read_root, verify_inclusion
from tests.fakes.witnesses import MemoryTree

TREE = MemoryTree([leaf_hash(b"%d" % number) for number in range(40)])


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "hashes"


@pytest.fixture
def store(path: Path) -> Iterator[HashStore]:
    store = opened(path)
    yield store
    store.close()


def opened(path: Path) -> HashStore:
    store = HashStore(path, files=OsFiles())
    store.open()
    return store


def fill(store: HashStore, *, begin: int, end: int) -> None:
    tree = read_range(TREE, end=begin)
    completed = [hash_ for leaf in TREE.leaf_hashes[begin:end] for hash_ in tree.append(leaf)]
    store.append(completed, size=end)


def test_the_order_is_that_of_other_transparency_logs(store: HashStore, path: Path) -> None:
    """The file of the leaves "0" to "11" is what golang.org/x/mod/sumdb/tlog (v0.36.0) stores."""
    fill(store, begin=0, end=12)
    stored = hashlib.sha256(path.read_bytes()).hexdigest()
    assert stored == "0ee1a522c5270e158f4b73f6299d517742d80cb797cf0732020641db9f7fa5fc"


def test_every_hash_is_read_back(store: HashStore) -> None:
    """What is stored leaf by leaf or in batches is the tree, also while it grows."""
    for begin, end in [(0, 1), (1, 2), (2, 9), (9, 40)]:
        fill(store, begin=begin, end=end)
        assert store.size == end
        for size in range(end + 1):
            assert read_root(store, size=size) == read_root(TREE, size=size)


def test_what_is_not_stored_is_not_invented(store: HashStore) -> None:
    """A subtree that is not complete has no hash."""
    fill(store, begin=0, end=3)
    for level, index in [(0, 3), (1, 1), (2, 0)]:
        with pytest.raises(LookupError):
            store.read_hash(level, index)


@pytest.mark.parametrize("size", range(9))
def test_what_was_not_synced_is_forgotten(path: Path, size: int) -> None:
    """After a crash the store holds what it held when it was marked, and goes on from there."""
    store = opened(path)
    fill(store, begin=0, end=size)
    store.mark()
    written = path.stat().st_size
    fill(store, begin=size, end=size + 1)
    store.close()
    whole = path.read_bytes()
    for length in range(written, len(whole)):
        path.write_bytes(whole[:length])
        store = opened(path)
        assert store.size == size
        store.truncate(size)
        fill(store, begin=size, end=size + 1)
        store.close()
        assert path.read_bytes() == whole


@pytest.mark.parametrize("at", range(0, 18 * 32, 32))
def test_a_lost_page_is_noticed(path: Path, at: int) -> None:
    """Whatever changes in what was synced, zeros, another hash or a missing one, nothing of it is used."""
    store = opened(path)
    fill(store, begin=0, end=10)
    store.mark()
    store.close()
    whole = path.read_bytes()
    for wrong in (bytes(32), bytes([1]) * 32, b""):
        path.write_bytes(whole[:at] + wrong + whole[at + 32 :])
        store = opened(path)
        assert store.size == 0
        store.close()


def test_a_store_made_anew_takes_its_place_when_it_is_whole(path: Path) -> None:
    """A crash while the store is made anew leaves the old one as it was."""
    store = opened(path)
    fill(store, begin=0, end=5)
    store.mark()
    store.restart(CompactRange())
    fill(store, begin=0, end=9)
    interrupted = opened(path)
    assert interrupted.size == 5
    interrupted.close()
    store.mark()
    store.close()
    store = opened(path)
    assert store.size == 9
    store.close()


def test_a_doubted_store_is_not_used_again(path: Path) -> None:
    """Once a hash turned out wrong, the next opening makes all of them anew."""
    store = opened(path)
    fill(store, begin=0, end=5)
    store.mark()
    store.doubt()
    store.mark()
    store.close()
    store = opened(path)
    assert store.size == 0
    store.close()


def test_later_leaves_are_forgotten(store: HashStore) -> None:
    """A truncated store is the one that never saw the later leaves."""
    fill(store, begin=0, end=20)
    store.truncate(11)
    with pytest.raises(LookupError):
        store.read_hash(0, 11)
    fill(store, begin=11, end=12)
    assert read_root(store, size=12) == read_root(TREE, size=12)


@pytest.mark.parametrize("begin", [0, 1, 7, 8, 13])
def test_a_store_begins_after_removed_entries(store: HashStore, begin: int) -> None:
    """From a tombstone's range on, every later entry has its proof; the removed ones are forgotten."""
    fill(store, begin=0, end=5)
    store.restart(read_range(TREE, end=begin))
    assert store.size == begin
    fill(store, begin=begin, end=40)
    root = read_root(TREE, size=40)
    assert read_root(store, size=40) == root
    for index in range(begin, 40):
        path = inclusion_proof(store, index=index, size=40)
        verify_inclusion(TREE.leaf_hashes[index], index=index, size=40, path=path, root=root)
    if begin > 1:
        with pytest.raises(LookupError):
            store.read_hash(0, 0)


def test_an_empty_store_has_the_root_of_nothing(store: HashStore) -> None:
    """A new log has no leaves."""
    assert store.size == 0
    assert read_root(store, size=0) == CompactRange().root
