"""What the health department has on file: health codes and vaccinations."""

from __future__ import annotations

from typing import Final

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

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
    share,
    without,
)
from connectors.sample_city.neighbourhood import Neighbourhood
from connectors.sample_city.people import SEPARATE, serials
from connectors.sample_city.rates import DIRT, HEALTH_CODE_HOLDERS, HEALTH_COLOURS, VACCINATED
from connectors.sample_city.words import Words, draw, ends

_COLOURS: Final = tuple(HEALTH_COLOURS)
_REASONS: Final = ("contact", "arrival", "test", "manual")
_REASON_ENDS: Final = ends((0.46, 0.30, 0.22, 0.02))
_EXPIRED: Final = 0.03
_FIRST_DOSE: Final = (np.datetime64("2021-03-01"), np.datetime64("2022-03-31"))
_TIMESTAMP: Final = pa.timestamp("us", tz="UTC")


def health_code_rows(here: Neighbourhood, *, phone: pa.Array, rng: Rng) -> Columns:
    """Make the rows of health.health_code: most residents have one.

    `phone` holds the telephone numbers that people can be known by, one per person or null.
    """
    place, people, households = here.place, here.people, here.households
    holder = np.flatnonzero(share(rng, rate=HEALTH_CODE_HOLDERS, count=len(people.age)))
    count = len(holder)
    name = at(people.name, rows=holder)
    spaced = pc.utf8_replace_slice(name, start=1, stop=1, replacement=" ")
    stale = share(rng, rate=DIRT.health_division_stale, count=count) & (people.registration[holder] == SEPARATE)
    registered = pc.cast(pa.array(people.registration_division[holder]), pa.string())
    colour = draw(rng, share_ends=ends(HEALTH_COLOURS.values()), count=count)
    assigned = moments(rng, days=days_between(rng, first=TODAY - 13, last=TODAY - 1, count=count))
    expired = share(rng, rate=_EXPIRED, count=count)
    valid_days = np.where(expired, 1, np.where(colour == 0, 30, 14))
    return {
        "resident_id": at(people.resident_id, rows=holder),
        "name": either(share(rng, rate=DIRT.health_name_unlike, count=count), then=spaced, otherwise=name),
        "phone": without(at(phone, rows=holder), missing=share(rng, rate=DIRT.health_phone_missing, count=count)),
        "residence_division": either(
            stale,
            then=registered,
            otherwise=division_codes(place, committee=households.committee[people.household[holder]]),
        ),
        "colour": chosen(_COLOURS, rows=colour),
        "reason": without(chosen(_REASONS, rows=draw(rng, share_ends=_REASON_ENDS, count=count)), missing=colour == 0),
        "status": chosen(("valid", "expired"), rows=expired.astype(np.int64)),
        "assigned_at": pa.array(assigned, _TIMESTAMP),
        "expires_at": pa.array(assigned + valid_days.astype("m8[D]"), _TIMESTAMP),
    }


def vaccination_rows(here: Neighbourhood, *, words: Words, rng: Rng) -> Columns:
    """Make the rows of health.vaccination: one per dose, a person's doses together and in order."""
    place, people, households = here.place, here.people, here.households
    first, second, third = (share(rng, rate=rate, count=len(people.age)) for rate in VACCINATED)
    first &= people.age >= 4
    doses = first.astype(np.int64) + (first & second) + (first & second & third)
    person = np.repeat(np.arange(len(doses)), doses)
    dose = serials(person)
    start = days_between(rng, first=_FIRST_DOSE[0], last=_FIRST_DOSE[1], count=len(doses))
    later = np.stack(
        [np.zeros(len(doses), np.int64), rng.integers(21, 57, len(doses)), rng.integers(200, 330, len(doses))]
    )
    vaccine = draw(rng, share_ends=words.vaccine_ends, count=len(doses))
    committee = households.committee[people.household[person]]
    return {
        "resident_id": at(people.resident_id, rows=person),
        "name": at(people.name, rows=person),
        "residence_division": division_codes(place, committee=committee),
        "vaccine": chosen(words.vaccines, rows=vaccine[person]),
        "dose": dose,
        "vaccinated_date": start[person] + later[dose - 1, person].astype("m8[D]"),
        "institution": chosen([f"{title}社区卫生服务中心" for title in place.township_titles], rows=committee),
    }
