"""What public security has on file: residents and households."""

from __future__ import annotations

from typing import Final

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from connectors.sample_city.codes import Ints
from connectors.sample_city.columns import (
    TODAY,
    Columns,
    Rng,
    at,
    chosen,
    days_between,
    division_codes,
    either,
    moments,
    serial_codes,
    share,
    without,
)
from connectors.sample_city.homes import NOBODY
from connectors.sample_city.neighbourhood import Neighbourhood
from connectors.sample_city.people import LOCAL, REGISTRATION_KINDS
from connectors.sample_city.rates import DIRT, MINORITY, Member

_MINORITIES: Final = pa.array(["01", "02", "03", "05", "06", "08", "10", "11", "15", "23"])
"""GB/T 3304: Han, then ethnicities frequent in Shanghai."""
_MARITAL: Final = pa.array(["10", "20", "30", "40"])
"""GB/T 2261.2: unmarried, married, widowed, divorced."""
_MARITAL_SHARES: Final = {
    Member.CHILD: (1.0, 0.0, 0.0, 0.0),
    Member.SINGLE: (0.66, 0.18, 0.01, 0.15),
    Member.PARTNER: (0.0, 1.0, 0.0, 0.0),
    Member.SPOUSE: (0.0, 1.0, 0.0, 0.0),
    Member.GROWN_CHILD: (0.98, 0.02, 0.0, 0.0),
    Member.WORKER: (0.52, 0.45, 0.0, 0.03),
    Member.OLD_SINGLE: (0.06, 0.09, 0.70, 0.15),
    Member.OLD_PARTNER: (0.0, 1.0, 0.0, 0.0),
    Member.OLD_SPOUSE: (0.0, 1.0, 0.0, 0.0),
    Member.LONE_PARENT: (0.08, 0.12, 0.10, 0.70),
}
_MARITAL_ENDS: Final = np.cumsum([_MARITAL_SHARES[member] for member in Member], axis=1)
_MARRIAGE_AGE: Final = 22
_HOUSEHOLD_KINDS: Final = pa.array(["family", "collective"])
_FIRST_MOVE: Final = np.datetime64("1998-01-01")


def homes_of(here: Neighbourhood) -> Ints:
    """Return the index of each household's dwelling."""
    dwellings = here.dwellings
    home = np.empty(len(here.households.size), dtype=np.int64)
    lived_in = np.flatnonzero(dwellings.household != NOBODY)
    home[dwellings.household[lived_in]] = lived_in
    return home


def household_ids(here: Neighbourhood) -> pa.Array:
    """Return the id of every household."""
    households = here.households
    return serial_codes(here.place, committee=households.committee, letter="H", serial=households.serial)


def known_phones(here: Neighbourhood, *, rng: Rng) -> pa.Array:
    """Return the telephone numbers that public security knows, one per person or null."""
    people = here.people
    missing = np.where(people.age >= 70, DIRT.resident_phone_missing_old, DIRT.resident_phone_missing)
    return without(people.phone, missing=(people.age < 12) | share(rng, rate=missing, count=len(people.age)))


def resident_rows(here: Neighbourhood, *, phone: pa.Array, rng: Rng) -> Columns:
    """Make the rows of population.resident; `phone` holds the numbers that public security knows."""
    place, people, households, dwellings = here.place, here.people, here.households, here.dwellings
    count = len(people.age)
    home = homes_of(here)
    address = at(dwellings.address, rows=home[people.household])
    unlike = share(rng, rate=DIRT.resident_address_unlike_dwelling, count=count)
    short = pc.utf8_replace_slice(address, start=0, stop=3, replacement="")
    moved = days_between(rng, first=np.maximum(people.birth, _FIRST_MOVE), last=TODAY, count=count)
    move_unknown = (people.registration == LOCAL) | share(rng, rate=DIRT.resident_moved_in_date_missing, count=count)
    ethnicity = np.where(share(rng, rate=MINORITY, count=count), rng.integers(1, len(_MINORITIES), count), 0)
    marital = (rng.random(count)[:, None] >= _MARITAL_ENDS[people.member, :-1]).sum(axis=1)
    marital[people.age < _MARRIAGE_AGE] = 0
    unassigned = share(rng, rate=DIRT.resident_dwelling_code_missing, count=count)
    updated = moments(rng, days=days_between(rng, first=TODAY - 1100, last=TODAY - 1, count=count))
    return {
        "resident_id": people.resident_id,
        "name": people.name,
        "sex": chosen(("1", "2"), rows=np.where(people.male, 0, 1)),
        "birth_date": people.birth,
        "ethnicity": chosen(_MINORITIES, rows=ethnicity),
        "marital_status": chosen(_MARITAL, rows=marital),
        "phone": phone,
        "residence_division": division_codes(place, committee=households.committee[people.household]),
        "residence_address": either(unlike, then=short, otherwise=address),
        "dwelling_code": without(at(dwellings.code, rows=home[people.household]), missing=unassigned),
        "household_id": at(household_ids(here), rows=people.household),
        "registration_division": pc.cast(pa.array(people.registration_division), pa.string()),
        "registration_kind": chosen(REGISTRATION_KINDS, rows=people.registration),
        "moved_in_date": without(pa.array(moved), missing=move_unknown),
        "updated_at": pa.array(updated, pa.timestamp("us", tz="UTC")),
    }


def household_rows(here: Neighbourhood, *, rng: Rng) -> Columns:
    """Make the rows of population.household."""
    place, people, households = here.place, here.people, here.households
    count = len(households.size)
    home = homes_of(here)
    adult = people.birth[households.head] + np.timedelta64(20 * 365, "D")
    return {
        "household_id": household_ids(here),
        "division_code": division_codes(place, committee=households.committee),
        "dwelling_code": without(
            at(here.dwellings.code, rows=home),
            missing=share(rng, rate=DIRT.household_dwelling_code_missing, count=count),
        ),
        "household_kind": chosen(_HOUSEHOLD_KINDS, rows=households.collective.astype(np.int64)),
        "member_count": households.size,
        "head_name": at(people.name, rows=households.head),
        "head_resident_id": at(people.resident_id, rows=households.head),
        "established_date": days_between(
            rng, first=np.maximum(adult, np.datetime64("1975-01-01")), last=TODAY, count=count
        ),
    }
