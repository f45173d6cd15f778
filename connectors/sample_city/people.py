"""Households and the people in them."""

from __future__ import annotations

import datetime
from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from connectors.sample_city.codes import Ints, digits, fixed_width_text, resident_ids
from connectors.sample_city.rates import (
    AS_OF,
    HOUSEHOLD_SHAPES,
    ID_ISSUED_ELSEWHERE,
    MALE_SHARE,
    MIGRANT_SPOUSE,
    OLD_AGES,
    SEPARATED,
    Member,
)
from connectors.sample_city.territory import Slice
from connectors.sample_city.words import IssuePlaces, Words, draw, draw_given_names, ends
from connectors.sample_city.world import World

Bools = npt.NDArray[np.bool_]
Dates = npt.NDArray[np.datetime64]
Rng = np.random.Generator

LOCAL: Final = 0
SEPARATE: Final = 1
MIGRANT: Final = 2
REGISTRATION_KINDS: Final = pa.array(["local", "separated", "migrant"])

_MEMBERS: Final = np.array(
    [[*shape.members, *[-1] * (6 - len(shape.members))] for shape in HOUSEHOLD_SHAPES], dtype=np.int8
)
_SHAPE_ENDS: Final = ends(shape.share for shape in HOUSEHOLD_SHAPES)
_MIGRANT_SHARES: Final = np.array([shape.migrant for shape in HOUSEHOLD_SHAPES])
_COLLECTIVE: Final = np.array([shape.collective for shape in HOUSEHOLD_SHAPES])
_MALE_SHARES: Final = np.array([MALE_SHARE.get(member, 0.0) for member in Member])
_PHONE_PREFIXES: Final = np.array([130, 131, 133, 135, 136, 137, 138, 139, 150, 152, 158, 159, 177, 186, 187, 189])


@dataclass(frozen=True, slots=True, kw_only=True)
class Households:
    """The households of a slice, ordered by committee."""

    committee: Ints
    """Index into the slice's committees."""
    shape: Ints
    """Index into `HOUSEHOLD_SHAPES`."""
    registration: Ints
    """LOCAL, SEPARATE or MIGRANT."""
    registration_division: Ints
    """Twelve digits; for migrants the county, padded with zeros."""
    head: Ints
    """Index of the head among the slice's people."""
    size: Ints
    serial: Ints
    """Position in the committee, from 1."""
    collective: Bools


@dataclass(frozen=True, slots=True, kw_only=True)
class People:
    """The residents of a slice, ordered by household, each household's head first."""

    household: Ints
    member: Ints
    age: Ints
    male: Bools
    birth: Dates
    registration: Ints
    registration_division: Ints
    resident_id: pa.Array
    name: pa.Array
    phone: pa.Array
    """Every number, whether or not a register knows it."""


def serials(groups: Ints) -> Ints:
    """Number the rows of each group from 1; `groups` is ascending."""
    starts = np.searchsorted(groups, groups, side="left")
    return np.arange(1, len(groups) + 1) - starts


def settle(place: Slice, *, world: World, rng: Rng) -> tuple[Households, Ints, Ints]:
    """Form the households of a slice.

    Returns:
        The households, and for every person the household and the part played in it (`Member`).
    """
    shape = draw(rng, share_ends=_SHAPE_ENDS, count=place.residents)
    total = np.cumsum((_MEMBERS[shape] >= 0).sum(axis=1))
    count = int(np.searchsorted(total, place.residents)) + 1
    shape = shape[:count]
    members = _MEMBERS[shape]
    present = members >= 0
    member = members[present][: place.residents].astype(np.int64)
    household = np.repeat(np.arange(count), present.sum(axis=1))[: place.residents]
    size = np.bincount(household, minlength=count)
    # Systematic sampling: every street and committee gets its share to within one household, also in tiny cities.
    committee = np.searchsorted(np.cumsum(place.weights), (np.arange(count) + rng.random()) / count)
    committee = np.minimum(committee, len(place.committees) - 1).astype(np.int64)
    migrant = rng.random(count) < _MIGRANT_SHARES[shape]
    registration = np.where(migrant, MIGRANT, np.where(rng.random(count) < SEPARATED, SEPARATE, LOCAL))
    city = np.searchsorted(np.cumsum(world.territory.weights), rng.random(count) * 0.999999)
    elsewhere = world.territory.committees[city]
    own = place.committees[committee]
    registration = np.where((registration == SEPARATE) & (elsewhere == own), LOCAL, registration)
    counties = world.places.draw_registrations(rng, count=count) * 1_000_000
    division = np.choose(registration, [own, elsewhere, counties])
    households = Households(
        committee=committee,
        shape=shape,
        registration=registration,
        registration_division=division,
        head=np.concatenate([[0], np.cumsum(size)[:-1]]),
        size=size,
        serial=serials(committee),
        collective=_COLLECTIVE[shape],
    )
    return households, household, member


def populate(place: Slice, *, world: World, rng: Rng) -> tuple[Households, People]:
    """Draw the households and residents of a slice."""
    households, household, member = settle(place, world=world, rng=rng)
    male = _sexes(member, rng=rng)
    age = _ages(household, member=member, households=len(households.size), rng=rng)
    birth = births(age, rng=rng)
    registration, division = _registrations(
        household, member=member, households=households, places=world.places, rng=rng
    )
    elsewhere = (registration == MIGRANT) | (rng.random(len(age)) < ID_ISSUED_ELSEWHERE)
    surname = _surnames(household, member=member, male=male, words=world.words, rng=rng)
    return households, People(
        household=household,
        member=member,
        age=age,
        male=male,
        birth=birth,
        registration=registration,
        registration_division=division,
        resident_id=issue(birth, male=male, outside=elsewhere, world=world, rng=rng),
        name=_names(surname, male=male, words=world.words, rng=rng),
        phone=phones(rng, count=len(age)),
    )


def issue(birth: Dates, *, male: Bools, outside: Bools, world: World, rng: Rng) -> pa.Array:
    """Give every person an identity number of their own."""
    years = birth.astype("M8[Y]").astype(np.int64) + 1970
    where = world.places.draw(rng, birth_years=years, outside=outside)
    sequences = world.numbers.take(where, births=birth, male=male)
    return resident_ids(world.places.codes[where], births=birth, sequences=sequences)


def births(age: Ints, *, rng: Rng) -> Dates:
    """Return birth dates of people who have completed `age` years on `AS_OF`."""
    birthdays = [datetime.date(AS_OF.year - years, AS_OF.month, AS_OF.day) for years in range(120)]
    latest = np.array(birthdays, dtype="M8[D]")[age]
    days: Dates = latest - rng.integers(0, 365, len(age)).astype("m8[D]")
    return days


def names(male: Bools, *, words: Words, rng: Rng) -> pa.Array:
    """Draw full names of unrelated people."""
    return _names(draw(rng, share_ends=words.surname_ends, count=len(male)), male=male, words=words, rng=rng)


def phones(rng: Rng, *, count: int) -> pa.Array:
    """Draw mobile numbers."""
    numbers = rng.choice(_PHONE_PREFIXES, count).astype(np.int64) * 100_000_000 + rng.integers(0, 100_000_000, count)
    return fixed_width_text(digits(numbers, width=11))


def _sexes(member: Ints, *, rng: Rng) -> Bools:
    male = rng.random(len(member)) < _MALE_SHARES[member]
    spouses = np.flatnonzero((member == Member.SPOUSE) | (member == Member.OLD_SPOUSE))
    male[spouses] = ~male[spouses - 1]
    return male


def _ages(household: Ints, *, member: Ints, households: int, rng: Rng) -> Ints:
    """Draw ages in completed years: partners first, then the generations before and after them."""
    count = len(member)
    has = {m: np.bincount(household, weights=member == m, minlength=households) > 0 for m in Member}
    parents_along = has[Member.OLD_SINGLE] | has[Member.OLD_PARTNER]
    middle = np.where(parents_along, rng.integers(36, 60, households), rng.integers(23, 60, households))
    with_child = np.clip(np.rint(rng.normal(37, 6, households)), 25, 52).astype(np.int64)
    middle = np.where(has[Member.CHILD], with_child, middle)
    middle = np.where(has[Member.GROWN_CHILD], rng.integers(42, 60, households), middle)
    alone = (18 + rng.beta(1.3, 1.9, households) * 42).astype(np.int64)
    middle = np.where(has[Member.SINGLE] & ~parents_along, alone, middle)
    partner = middle[household]
    age = partner.copy()
    spouse = np.clip(partner - 2 + np.rint(rng.normal(0, 2.5, count)), 20, 59).astype(np.int64)
    child = np.minimum(rng.integers(0, 15, count), partner - 22)
    grown = np.clip(partner - rng.integers(22, 31, count), 15, 36)
    worker = (18 + rng.beta(1.3, 1.9, count) * 38).astype(np.int64)
    has_middle = has[Member.PARTNER] | has[Member.SINGLE]
    floor = np.where(has_middle[household], np.minimum(partner + 19, 90), 0)
    old = np.maximum(_old_ages(rng, count=count), floor)
    for values, members in (
        (spouse, (Member.SPOUSE,)),
        (child, (Member.CHILD,)),
        (grown, (Member.GROWN_CHILD,)),
        (worker, (Member.WORKER,)),
        (old, (Member.OLD_SINGLE, Member.OLD_PARTNER, Member.OLD_SPOUSE)),
    ):
        age = np.where(np.isin(member, members), values, age)
    second = np.flatnonzero(member == Member.OLD_SPOUSE)
    age[second] = np.clip(age[second - 1] - 1 + np.rint(rng.normal(0, 2.5, len(second))), 60, 100).astype(np.int64)
    return age


def _old_ages(rng: Rng, *, count: int) -> Ints:
    band = draw(rng, share_ends=ends(share for _, _, share in OLD_AGES), count=count)
    first = np.array([start for start, _, _ in OLD_AGES])[band]
    width = np.array([stop - start for start, stop, _ in OLD_AGES])[band]
    ages: Ints = first + (rng.random(count) * width).astype(np.int64)
    return ages


def _registrations(
    household: Ints, *, member: Ints, households: Households, places: IssuePlaces, rng: Rng
) -> tuple[Ints, Ints]:
    """Return each person's registration; a few spouses come from outside into a Shanghai household."""
    registration = households.registration[household]
    division = households.registration_division[household]
    moved = (member == Member.SPOUSE) & (registration != MIGRANT) & (rng.random(len(member)) < MIGRANT_SPOUSE)
    counties = places.draw_registrations(rng, count=len(member)) * 1_000_000
    return np.where(moved, MIGRANT, registration), np.where(moved, counties, division)


def _surnames(household: Ints, *, member: Ints, male: Bools, words: Words, rng: Rng) -> Ints:
    """Draw surnames; children bear their father's."""
    surname = draw(rng, share_ends=words.surname_ends, count=len(member))
    fathers = np.flatnonzero(np.isin(member, (Member.PARTNER, Member.SPOUSE, Member.LONE_PARENT)) & male)
    of_household = draw(rng, share_ends=words.surname_ends, count=int(household[-1]) + 1)
    of_household[household[fathers]] = surname[fathers]
    child = (member == Member.CHILD) | (member == Member.GROWN_CHILD)
    return np.where(child, of_household[household], surname)


def _names(surname: Ints, *, male: Bools, words: Words, rng: Rng) -> pa.Array:
    count = len(surname)
    given = pa.concat_arrays([words.given_male, words.given_female])
    boys = draw_given_names(rng, names=words.given_male, count=count)
    girls = draw_given_names(rng, names=words.given_female, count=count) + len(words.given_male)
    first, last = words.surnames.take(pa.array(surname)), given.take(pa.array(np.where(male, boys, girls)))
    return pc.binary_join_element_wise(first, last, "")
