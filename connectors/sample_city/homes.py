"""Dwellings and business premises, their addresses, who lives in them and who owns them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from connectors.sample_city.codes import Ints, digits, fixed_width_text, letters
from connectors.sample_city.people import LOCAL, MIGRANT, Households, Rng, serials
from connectors.sample_city.rates import (
    ESTATE_DWELLINGS,
    ESTATES,
    PREMISES,
    PREMISES_PER_ENTERPRISE,
    TENANTS,
    VACANT_DWELLINGS,
    VILLAGES,
)
from connectors.sample_city.territory import Slice
from connectors.sample_city.words import draw, ends

CITY_TITLE: Final = "上海市"
NOBODY: Final = -1
OWNER: Final = 0
LEASED: Final = 1
VACANT: Final = 2
OCCUPANCIES: Final = pa.array(["owner", "leased", "vacant"])
BUILDING_KINDS: Final = pa.array(["residential", "commercial", "mixed"])

SHAPES: Final = (*ESTATES, *VILLAGES, PREMISES)
_ESTATE_ENDS: Final = ends(shape.share for shape in ESTATES)
_VILLAGE_ENDS: Final = ends(shape.share for shape in VILLAGES)
_FLOORS: Final = np.array([shape.floors for shape in SHAPES])
_UNITS: Final = np.array([shape.units_per_floor for shape in SHAPES])
_ROADS_PER_COMMITTEE: Final = 3
_NUMBERS_PER_COMMITTEE: Final = 500
"""House numbers a committee has on one road; keeps addresses distinct."""
_STRETCH_STARTS: Final = 200
"""A committee's first house number lies this far into its stretch at most."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Estates:
    """Groups of like buildings, by committee."""

    committee: Ints
    shape: Ints
    """Index into all shapes: estates, villages, premises."""
    built: Ints
    prefix: pa.Array
    """Address down to the lane or, for premises, the road."""
    first_number: Ints
    """Number of the first building, and the step to the next."""
    step: Ints


@dataclass(frozen=True, slots=True, kw_only=True)
class Dwellings:
    """Dwellings, then premises, each ordered by committee."""

    committee: Ints
    code: pa.Array
    address: pa.Array
    building_address: pa.Array
    """Without the room."""
    kind: Ints
    """Index into `BUILDING_KINDS`."""
    shape: Ints
    floor: Ints
    area: npt.NDArray[np.float64]
    built: Ints
    household: Ints
    """Index of the household that lives there, or `NOBODY`."""
    premises_start: int
    """Index of the first of the business premises."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Tenures:
    """How every dwelling is held."""

    occupancy: Ints
    owner: Ints
    """Index of the owner among the slice's people, or `NOBODY` where a body owns it."""


def build(place: Slice, *, households: Households, enterprises: Ints, roads: tuple[str, ...], rng: Rng) -> Dwellings:
    """Build homes for all households, some empty ones, and premises for the enterprises of each committee."""
    homes_needed = np.bincount(households.committee, minlength=len(place.committees))
    homes = homes_needed + np.floor(homes_needed * VACANT_DWELLINGS + rng.random(len(homes_needed))).astype(np.int64)
    homes[homes_needed == 0] = 0
    premises = np.ceil(enterprises * PREMISES_PER_ENTERPRISE).astype(np.int64)
    parts = [
        _units(_estates(place, homes=homes, roads=roads, rng=rng), totals=homes),
        _units(_business_streets(place, premises=premises, roads=roads, rng=rng), totals=premises),
    ]
    first, second = parts
    committee = np.concatenate([first.committee, second.committee])
    number = np.concatenate([serials(first.committee), homes[second.committee] + serials(second.committee)])
    shape = np.concatenate([first.shape, second.shape])
    low, high = (np.array([s.area[i] for s in SHAPES])[shape] for i in (0, 1))
    mixed = np.array([s.mixed for s in SHAPES])[shape]
    return Dwellings(
        committee=committee,
        code=fixed_width_text(
            digits(place.committees[committee], width=12), letters("F", rows=len(number)), digits(number, width=6)
        ),
        address=pa.concat_arrays([first.address, second.address]),
        building_address=pa.concat_arrays([first.building_address, second.building_address]),
        kind=np.where(np.arange(len(shape)) >= len(first.shape), 1, np.where(mixed, 2, 0)),
        shape=shape,
        floor=np.concatenate([first.floor, second.floor]),
        area=np.round(low + (high - low) * rng.beta(1.6, 2.2, len(shape)), 2),
        built=np.concatenate([first.built, second.built]),
        household=_move_in(homes, households=households, total=len(shape), rng=rng),
        premises_start=len(first.shape),
    )


def hold(dwellings: Dwellings, *, households: Households, rng: Rng) -> Tenures:
    """Decide who owns each dwelling and whether it is lived in by its owner, leased or vacant."""
    count = len(dwellings.committee)
    lived_in = dwellings.household != NOBODY
    household = np.where(lived_in, dwellings.household, 0)
    registration = households.registration[household]
    renting = np.choose(registration, [TENANTS["local"], TENANTS["separated"], TENANTS["migrant"]])
    leased = lived_in & (households.collective[household] | (rng.random(count) < renting))
    business = np.arange(count) >= dwellings.premises_start
    occupancy = np.where(leased | (business & (rng.random(count) < 0.7)), LEASED, np.where(lived_in, OWNER, VACANT))
    landlords = households.head[households.registration == LOCAL]
    if not len(landlords):
        landlords = households.head[households.registration <= MIGRANT]
    landlord = landlords[rng.integers(0, len(landlords), count)]
    owner = np.where(lived_in & ~leased, households.head[household], landlord)
    return Tenures(occupancy=occupancy, owner=np.where(business & (rng.random(count) < 0.6), NOBODY, owner))


@dataclass(frozen=True, slots=True, kw_only=True)
class _Units:
    committee: Ints
    shape: Ints
    built: Ints
    floor: Ints
    address: pa.Array
    building_address: pa.Array


def _estates(place: Slice, *, homes: Ints, roads: tuple[str, ...], rng: Rng) -> Estates:
    per_committee = -(-homes // ESTATE_DWELLINGS)
    committee = np.repeat(np.arange(len(homes)), per_committee)
    ordinal = serials(committee) - 1
    count = len(committee)
    shape = np.where(
        place.village[committee],
        len(ESTATES) + draw(rng, share_ends=_VILLAGE_ENDS, count=count),
        draw(rng, share_ends=_ESTATE_ENDS, count=count),
    )
    titles, first = _road(place, committee=committee, road=ordinal % _ROADS_PER_COMMITTEE, roads=roads)
    lanes = (first + 1 + 2 * (ordinal // _ROADS_PER_COMMITTEE)).tolist()
    return Estates(
        committee=committee,
        shape=shape,
        built=_years(shape, rng=rng),
        prefix=pa.array([f"{title}{lane}弄" for title, lane in zip(titles, lanes, strict=True)], pa.string()),
        first_number=np.ones(count, dtype=np.int64),
        step=np.ones(count, dtype=np.int64),
    )


def _business_streets(place: Slice, *, premises: Ints, roads: tuple[str, ...], rng: Rng) -> Estates:
    committee = np.flatnonzero(premises)
    count = len(committee)
    shape = np.full(count, len(SHAPES) - 1)
    titles, first = _road(place, committee=committee, road=np.full(count, _ROADS_PER_COMMITTEE), roads=roads)
    return Estates(
        committee=committee,
        shape=shape,
        built=_years(shape, rng=rng),
        prefix=pa.array(titles, pa.string()),
        first_number=first + 2,
        step=np.full(count, 2),
    )


def _road(place: Slice, *, committee: Ints, road: Ints, roads: tuple[str, ...]) -> tuple[list[str], Ints]:
    """Return the road's address and the first house number that belongs to the committee there.

    Each committee has its own stretch of each of its roads, so no address occurs twice in a district.
    """
    slot = place.ordinals[committee] * (_ROADS_PER_COMMITTEE + 1) + road
    start = place.district_code * 37
    titles = [f"{CITY_TITLE}{place.district_title}{roads[(start + s) % len(roads)]}" for s in slot.tolist()]
    return titles, slot // len(roads) * _NUMBERS_PER_COMMITTEE + slot * 74 % _STRETCH_STARTS


def _years(shape: Ints, *, rng: Rng) -> Ints:
    first, last = (np.array([s.built[i] for s in SHAPES])[shape] for i in (0, 1))
    years: Ints = first + (rng.random(len(shape)) * (last - first + 1)).astype(np.int64)
    return years


def _units(estates: Estates, *, totals: Ints) -> _Units:
    """Spread the committees' dwellings evenly over their estates, and there over buildings, floors and rooms."""
    per_committee = np.bincount(estates.committee, minlength=len(totals))
    ordinal = serials(estates.committee) - 1
    total, parts = totals[estates.committee], per_committee[estates.committee]
    sizes = (ordinal + 1) * total // parts - ordinal * total // parts
    estate = np.repeat(np.arange(len(sizes)), sizes)
    position = serials(estate) - 1
    shape = estates.shape[estate]
    capacity = _FLOORS[shape] * _UNITS[shape]
    building = position // capacity
    floor = position % capacity // _UNITS[shape] + 1
    room = floor * 100 + position % _UNITS[shape] + 1
    number = estates.first_number[estate] + estates.step[estate] * building
    prefix = estates.prefix.take(pa.array(estate))
    building_address = pc.binary_join_element_wise(prefix, pc.cast(pa.array(number), pa.string()), "号", "")
    address = pc.binary_join_element_wise(building_address, pc.cast(pa.array(room), pa.string()), "室", "")
    return _Units(
        committee=estates.committee[estate],
        shape=shape,
        built=estates.built[estate],
        floor=floor,
        address=address,
        building_address=building_address,
    )


def _move_in(homes: Ints, *, households: Households, total: int, rng: Rng) -> Ints:
    """Give each household one of its committee's homes, at random; return the household per dwelling."""
    starts = np.cumsum(homes) - homes
    committee = np.repeat(np.arange(len(homes)), homes)
    order = np.lexsort((rng.random(len(committee)), committee))
    chosen = order[starts[households.committee] + households.serial - 1]
    household = np.full(total, NOBODY, dtype=np.int64)
    household[chosen] = np.arange(len(chosen))
    return household
