"""The register of as-of times and profiles, on SQLite and PostgreSQL."""

from __future__ import annotations

from catalog.quality import PROFILES_MAX, ColumnQuality, Quality, QualityRegister
from catalog.store import StoreWatch, open_store

RESIDENT, DWELLING = "population.resident", "housing.dwelling"


def quality(at: int) -> Quality:
    column = ColumnQuality(name="phone", nulls=3, malformed=2, outside_codes=1)
    return Quality(at=at, rows=10, duplicate_keys=4, columns=(column,))


def test_profiles_are_kept_newest_first(store: StoreWatch) -> None:
    """The newest come back as they were stored; beyond the bound the oldest is forgotten."""
    register = QualityRegister(store)
    store.poll()
    assert (register.profiles(RESIDENT), register.profiled_at(RESIDENT)) == ((), 0)
    for at in range(100, 101 + PROFILES_MAX):
        register.add(RESIDENT, quality(at))
    register.add(DWELLING, quality(7))
    kept = register.profiles(RESIDENT)
    assert [profile.at for profile in kept] == list(range(100 + PROFILES_MAX, 100, -1))
    assert kept[0] == quality(100 + PROFILES_MAX)
    assert (register.profiled_at(RESIDENT), register.profiled_at(DWELLING)) == (100 + PROFILES_MAX, 7)


def test_a_profile_of_the_same_second_replaces_the_other(store: StoreWatch) -> None:
    """Two gateways that profile at once leave one profile."""
    register = QualityRegister(store)
    store.poll()
    register.add(RESIDENT, quality(5))
    register.add(RESIDENT, quality(5))
    assert register.profiles(RESIDENT) == (quality(5),)


def test_as_of_times_reach_every_gateway_and_never_go_back(store: StoreWatch, store_url: str) -> None:
    """What one gateway saw, the other answers once it is stored; an older scan or no time at all changes nothing."""
    here = QualityRegister(store)
    store.poll()
    watch = StoreWatch(open_store(store_url))
    there = QualityRegister(watch)
    watch.poll()
    here.saw([(RESIDENT, 50), (RESIDENT, 40), (DWELLING, 0)])
    assert (here.as_of(RESIDENT), there.as_of(RESIDENT)) == (50, 0)
    here.keep()
    watch.poll()
    there.saw([(RESIDENT, 45)])
    there.keep()
    store.poll()
    assert (here.as_of(RESIDENT), there.as_of(RESIDENT)) == (50, 50)
    assert (here.as_of(DWELLING), there.as_of(DWELLING)) == (0, 0)
    watch.close()
