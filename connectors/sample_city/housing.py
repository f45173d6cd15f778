"""What the housing department has on file: dwellings and leases."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from connectors.sample_city.codes import Ints, digits, fixed_width_text
from connectors.sample_city.columns import (
    TODAY,
    Columns,
    Rng,
    at,
    chosen,
    division_codes,
    serial_codes,
    share,
    without,
)
from connectors.sample_city.homes import BUILDING_KINDS, LEASED, NOBODY, OCCUPANCIES, SHAPES, Dwellings
from connectors.sample_city.neighbourhood import Neighbourhood
from connectors.sample_city.people import serials
from connectors.sample_city.rates import AS_OF, DIRT
from connectors.sample_city.territory import Slice


def dwelling_rows(here: Neighbourhood, *, rng: Rng) -> Columns:
    """Make the rows of housing.dwelling."""
    place, people, dwellings, tenures = here.place, here.people, here.dwellings, here.tenures
    count = len(dwellings.committee)
    shape = dwellings.shape
    nobody = (tenures.owner == NOBODY) | share(rng, rate=DIRT.dwelling_owner_missing, count=count)
    owner = np.where(nobody, 0, tenures.owner)
    no_certificate = nobody | share(rng, rate=DIRT.dwelling_certificate_missing, count=count)
    return {
        "dwelling_code": dwellings.code,
        "division_code": division_codes(place, committee=dwellings.committee),
        "address": dwellings.address,
        "building_kind": chosen(BUILDING_KINDS, rows=dwellings.kind),
        "structure": chosen([s.structure for s in SHAPES], rows=shape),
        "floors_total": np.array([s.floors for s in SHAPES])[shape],
        "floor": dwellings.floor,
        "floor_area": dwellings.area,
        "built_year": dwellings.built,
        "has_elevator": np.array([s.has_elevator for s in SHAPES])[shape],
        "occupancy": chosen(OCCUPANCIES, rows=tenures.occupancy),
        "owner_name": without(at(people.name, rows=owner), missing=nobody),
        "owner_resident_id": without(at(people.resident_id, rows=owner), missing=nobody),
        "certificate_number": without(_certificates(place, dwellings=dwellings, rng=rng), missing=no_certificate),
    }


def lease_rows(here: Neighbourhood, *, phone: pa.Array, rng: Rng) -> Columns:
    """Make the rows of housing.lease: the filed leases of homes, with the head of the household as lessee.

    `phone` holds the telephone numbers that lessees can be known by, one per person or null.
    """
    place, people, households = here.place, here.people, here.households
    dwellings, tenures = here.dwellings, here.tenures
    let = (tenures.occupancy == LEASED) & (dwellings.household != NOBODY) & (tenures.owner != NOBODY)
    filed = np.flatnonzero(let & ~share(rng, rate=DIRT.lease_not_filed, count=len(let)))
    count = len(filed)
    committee = dwellings.committee[filed]
    household = dwellings.household[filed]
    lessee = households.head[household]
    start, end = _terms(rng, count=count)
    unlike = share(rng, rate=DIRT.lease_occupants_differ, count=count)
    occupants = households.size[household] + np.where(unlike, rng.choice([-1, 1, 2], count), 0)
    lessee_phone = without(at(phone, rows=lessee), missing=share(rng, rate=DIRT.lease_phone_missing, count=count))
    return {
        "lease_id": serial_codes(place, committee=committee, letter="Z", serial=serials(committee)),
        "dwelling_code": at(dwellings.code, rows=filed),
        "division_code": division_codes(place, committee=committee),
        "lessor_name": at(people.name, rows=tenures.owner[filed]),
        "lessor_resident_id": at(people.resident_id, rows=tenures.owner[filed]),
        "lessee_name": at(people.name, rows=lessee),
        "lessee_resident_id": at(people.resident_id, rows=lessee),
        "lessee_phone": lessee_phone,
        "lease_start": start,
        "lease_end": end,
        "monthly_rent": _rents(dwellings.area[filed], rng=rng),
        "occupants": np.maximum(occupants, 1),
        "filed_date": np.minimum(start + rng.integers(0, 31, count).astype("m8[D]"), TODAY),
    }


def _terms(rng: Rng, *, count: int) -> tuple[np.ndarray, np.ndarray]:
    """Draw first and last days of leases of one to three years; a few ended and are still on file."""
    length = rng.choice([365, 730, 1095], count)
    ended = share(rng, rate=DIRT.lease_ended_but_kept, count=count)
    left = np.where(ended, -rng.integers(1, 400, count), (rng.random(count) * (length - 1)).astype(np.int64) + 1)
    end = TODAY + left.astype("m8[D]")
    return end - (length - 1).astype("m8[D]"), end


def _rents(area: np.ndarray, *, rng: Rng) -> Ints:
    """Return monthly rents in yuan, in steps of 50."""
    rents: Ints = np.rint(area * rng.uniform(45, 120, len(area)) / 50).astype(np.int64) * 50
    return np.maximum(rents, 500)


def _certificates(place: Slice, *, dwellings: Dwellings, rng: Rng) -> pa.Array:
    """Return numbers of ownership certificates such as 沪（2018）黄字不动产权第012345号."""
    count = len(dwellings.committee)
    first = np.maximum(dwellings.built, 2016)
    year = first + (rng.random(count) * (AS_OF.year - first + 1)).astype(np.int64)
    number = rng.integers(1, 1_000_000, count)
    return pc.binary_join_element_wise(
        "沪（",
        fixed_width_text(digits(year, width=4)),
        f"）{place.district_title[0]}字不动产权第",
        fixed_width_text(digits(number, width=6)),
        "号",
        "",
    )
