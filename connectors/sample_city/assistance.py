"""What civil affairs has on file: social assistance."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

import numpy as np
import pyarrow as pa

from connectors.sample_city.codes import Ints, digits, fixed_width_text, letters
from connectors.sample_city.columns import (
    TODAY,
    Columns,
    Rng,
    at,
    chosen,
    days_between,
    division_codes,
    share,
    without,
)
from connectors.sample_city.neighbourhood import Neighbourhood
from connectors.sample_city.people import MIGRANT
from connectors.sample_city.population import household_ids
from connectors.sample_city.rates import (
    ASSISTANCE_KINDS,
    ASSISTED_HOUSEHOLDS,
    DIRT,
    HOUSEHOLD_SHAPES,
    Member,
)
from connectors.sample_city.words import draw, ends

CASES_MAX: Final = 1_000_000
_KINDS: Final = tuple(ASSISTANCE_KINDS)
_SUBSISTENCE_YUAN: Final = 1_670
"""Per person and month."""
_DESTITUTE_YUAN: Final = 2_171
_ALONE: Final[Mapping[tuple[Member, ...], str]] = {(Member.OLD_SINGLE,): "old_single", (Member.SINGLE,): "single"}
_SHAPE_RATES: Final = np.array([ASSISTED_HOUSEHOLDS[_ALONE.get(shape.members, "other")] for shape in HOUSEHOLD_SHAPES])


def assistance_rows(here: Neighbourhood, *, first_case: int, rng: Rng) -> Columns:
    """Make the rows of civil_affairs.social_assistance: one case per household, in the name of its head.

    Raises:
        ValueError: The city has more cases than case numbers.
    """
    place, people, households = here.place, here.people, here.households
    eligible = (households.registration != MIGRANT) & ~households.collective
    helped = np.flatnonzero(eligible & share(rng, rate=_SHAPE_RATES[households.shape], count=len(households.size)))
    count = len(helped)
    if first_case + count >= CASES_MAX:
        raise ValueError("the city has more social assistance cases than case numbers")
    head = households.head[helped]
    size = households.size[helped]
    kind = draw(rng, share_ends=ends(ASSISTANCE_KINDS.values()), count=count)
    alone_and_old = (size == 1) & (people.age[head] >= 60)
    kind = np.where((kind == _KINDS.index("destitute")) & ~alone_and_old, 0, kind)
    start = days_between(rng, first=TODAY - 2500, last=TODAY - 10, count=count)
    temporary = kind == _KINDS.index("temporary")
    end = start + np.where(temporary, rng.integers(30, 181, count), rng.integers(365, 3000, count)).astype("m8[D]")
    open_ended = ~temporary & ~share(rng, rate=0.2, count=count)
    # No bank's numbers start with 99.
    account = fixed_width_text(letters("99", rows=count), digits(rng.integers(0, 10**17, count), width=17))
    years = start.astype("M8[Y]").astype(np.int64) + 1970
    return {
        "case_number": _case_numbers(years, serial=np.arange(first_case + 1, first_case + 1 + count)),
        "resident_id": at(people.resident_id, rows=head),
        "name": at(people.name, rows=head),
        "household_id": at(household_ids(here), rows=helped),
        "residence_division": division_codes(place, committee=households.committee[helped]),
        "assistance_kind": chosen(_KINDS, rows=kind),
        "members": size,
        "monthly_amount": _amounts(kind, size=size, rng=rng),
        "start_date": start,
        "end_date": without(pa.array(end), missing=open_ended),
        "bank_account": without(account, missing=share(rng, rate=DIRT.assistance_bank_account_missing, count=count)),
    }


def _case_numbers(years: Ints, *, serial: Ints) -> pa.Array:
    rows = len(serial)
    return fixed_width_text(
        letters("SA-", rows=rows), digits(years, width=4), letters("-", rows=rows), digits(serial, width=6)
    )


def _amounts(kind: Ints, *, size: Ints, rng: Rng) -> Ints:
    """Return yuan per month: the standard less the household's own income, or what was granted once."""
    standard = np.where(kind == _KINDS.index("destitute"), _DESTITUTE_YUAN, size * _SUBSISTENCE_YUAN)
    part = np.where(kind == _KINDS.index("destitute"), 1.0, rng.uniform(0.25, 1.0, len(kind)))
    amounts: Ints = np.rint(standard * part / 10).astype(np.int64) * 10
    return amounts
