"""What market supervision has on file: enterprises and licences."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from connectors.sample_city.codes import Ints, credit_codes
from connectors.sample_city.columns import (
    TODAY,
    Bools,
    Columns,
    Dates,
    Rng,
    at,
    chosen,
    days_between,
    division_codes,
    either,
    serial_codes,
    share,
    without,
)
from connectors.sample_city.neighbourhood import Neighbourhood
from connectors.sample_city.people import births, issue, names, phones, serials
from connectors.sample_city.rates import (
    DIRT,
    ENTERPRISE_KINDS,
    ENTERPRISE_STATUS,
    ENTERPRISES_PER_RESIDENT,
    LEGAL_REPRESENTATIVE_FROM_OUTSIDE,
)
from connectors.sample_city.territory import Slice
from connectors.sample_city.words import Words, draw, ends
from connectors.sample_city.world import World

_KINDS: Final = tuple(ENTERPRISE_KINDS)
_STATES: Final = tuple(ENTERPRISE_STATUS)
_INDIVIDUAL: Final = _KINDS.index("individual")
_FIRST_ESTABLISHED: Final = np.datetime64("1984-01-01")
_CATEGORIES: Final = np.array([{"company": 1, "individual": 2, "partnership": 1}[kind] for kind in _KINDS])
LICENCE_KINDS: Final = ("food", "hygiene", "fire", "special_trade", "medical")
_LICENCE_YEARS: Final = (5, 4, 30, 20, 10)
_REVOKED: Final = 0.01
_CAPITAL_SUMS: Final = np.array([10, 30, 50, 100, 200, 500, 1000, 2000, 5000])
_CAPITAL_ENDS: Final = ends((0.12, 0.06, 0.16, 0.28, 0.12, 0.13, 0.09, 0.03, 0.01))


@dataclass(frozen=True, slots=True, kw_only=True)
class Enterprises:
    """The enterprises of a slice, ordered by committee."""

    committee: Ints
    credit_code: pa.Array
    industry: Ints
    established: Dates
    gone: Bools
    """Revoked or deregistered."""
    columns: Columns
    """Rows of legal_entity.enterprise."""


def enterprise_counts(place: Slice, *, rng: Rng) -> Ints:
    """Draw how many enterprises each committee has; business districts have many."""
    total = int(place.residents * ENTERPRISES_PER_RESIDENT + rng.random())
    pull = place.weights * rng.lognormal(0.0, 0.8, len(place.weights))
    return rng.multinomial(total, pull / pull.sum()).astype(np.int64)


def register(here: Neighbourhood, *, counts: Ints, first_serial: int, world: World, rng: Rng) -> Enterprises:
    """Register the enterprises of a slice: `counts` per committee.

    Args:
        here: Their legal representatives and premises.
        counts: Enterprises of each committee.
        first_serial: Numbers the organisation codes through the city.
        world: Words, and identity numbers for people from outside.
        rng: Source of chance.
    """
    place, words = here.place, world.words
    committee = np.repeat(np.arange(len(counts)), counts)
    count = len(committee)
    kind = draw(rng, share_ends=ends(ENTERPRISE_KINDS.values()), count=count)
    industry = draw(rng, share_ends=ends(entry.share for entry in words.industries), count=count)
    state = draw(rng, share_ends=ends(ENTERPRISE_STATUS.values()), count=count)
    name, number = _representatives(here, count=count, world=world, rng=rng)
    address = _addresses(here, committee=committee, counts=counts, rng=rng)
    age_days = (rng.gamma(1.6, 1700, count) + 3).astype(np.int64)
    established = np.maximum(TODAY - age_days.astype("m8[D]"), _FIRST_ESTABLISHED)
    serial = np.arange(first_serial, first_serial + count)
    codes = credit_codes(serial, categories=_CATEGORIES[kind], districts=np.full(count, place.district_code))
    employees = np.where(kind == _INDIVIDUAL, rng.integers(1, 9, count), _employees(rng, count=count))
    columns = {
        "credit_code": codes,
        "name": _titles(place, kind=kind, industry=industry, words=words, rng=rng),
        "enterprise_kind": chosen(_KINDS, rows=kind),
        "legal_representative": name,
        "legal_representative_id": number,
        "registered_capital": _capital(kind, rng=rng),
        "industry": chosen([entry.code for entry in words.industries], rows=industry),
        "established_date": established,
        "status": chosen(_STATES, rows=state),
        "division_code": division_codes(place, committee=committee),
        "address": address,
        "phone": without(phones(rng, count=count), missing=share(rng, rate=DIRT.enterprise_phone_missing, count=count)),
        "employees": without(
            pa.array(employees), missing=share(rng, rate=DIRT.enterprise_employees_missing, count=count)
        ),
    }
    return Enterprises(
        committee=committee,
        credit_code=codes,
        industry=industry,
        established=established,
        gone=state >= _STATES.index("revoked"),
        columns=columns,
    )


def licence_rows(place: Slice, *, enterprises: Enterprises, words: Words, rng: Rng) -> Columns:
    """Make the rows of legal_entity.licence, ordered by committee."""
    count = len(enterprises.committee)
    rates = np.array([[entry.licences.get(kind, 0.0) for kind in LICENCE_KINDS] for entry in words.industries])
    holder, kind = np.nonzero(rng.random((count, len(LICENCE_KINDS))) < rates[enterprises.industry])
    rows = len(holder)
    committee = enterprises.committee[holder]
    years = np.array(_LICENCE_YEARS)[kind]
    first = np.maximum(enterprises.established[holder], TODAY - (years * 365 + 200).astype("m8[D]"))
    issued = days_between(rng, first=first, last=TODAY, count=rows)
    expires = issued + (years * 365).astype("m8[D]")
    revoked = enterprises.gone[holder] | share(rng, rate=_REVOKED, count=rows)
    return {
        "licence_id": serial_codes(place, committee=committee, letter="X", serial=serials(committee)),
        "credit_code": at(enterprises.credit_code, rows=holder),
        "licence_kind": chosen(LICENCE_KINDS, rows=kind),
        "issued_date": issued,
        "expires_date": expires,
        "authority": chosen(_authorities(place.district_title), rows=kind),
        "status": chosen(("valid", "expired", "revoked"), rows=np.where(revoked, 2, np.where(expires < TODAY, 1, 0))),
        "division_code": division_codes(place, committee=committee),
    }


def _authorities(district: str) -> tuple[str, ...]:
    return (
        f"{district}市场监督管理局",
        f"{district}卫生健康委员会",
        f"{district}消防救援支队",
        f"上海市公安局{district.removesuffix('区').removesuffix('新')}分局",
        f"{district}卫生健康委员会",
    )


def _representatives(here: Neighbourhood, *, count: int, world: World, rng: Rng) -> tuple[pa.Array, pa.Array]:
    """Return names and identity numbers: mostly residents of the slice, some people from outside the city."""
    people = here.people
    adults = np.flatnonzero((people.age >= 22) & (people.age <= 70))
    adults = adults if len(adults) else np.arange(len(people.age))
    resident = adults[rng.integers(0, len(adults), count)]
    outside = np.flatnonzero(share(rng, rate=LEGAL_REPRESENTATIVE_FROM_OUTSIDE, count=count))
    male = share(rng, rate=0.7, count=len(outside))
    birth = births(rng.integers(24, 66, len(outside)), rng=rng)
    ids = issue(birth, male=male, outside=np.full(len(outside), True), world=world, rng=rng)
    where = np.arange(count)
    where[outside] = count + np.arange(len(outside))
    name = pa.concat_arrays([at(people.name, rows=resident), names(male, words=world.words, rng=rng)])
    return at(name, rows=where), at(pa.concat_arrays([at(people.resident_id, rows=resident), ids]), rows=where)


def _addresses(here: Neighbourhood, *, committee: Ints, counts: Ints, rng: Rng) -> pa.Array:
    """Return the address of premises in each enterprise's own committee; several enterprises may share them."""
    dwellings = here.dwellings
    business = dwellings.committee[dwellings.premises_start :]
    available = np.bincount(business, minlength=len(counts))
    starts = dwellings.premises_start + np.cumsum(available) - available
    premises = starts[committee] + (rng.random(len(committee)) * available[committee]).astype(np.int64)
    return either(
        share(rng, rate=DIRT.enterprise_address_unlike_premises, count=len(committee)),
        then=at(dwellings.building_address, rows=premises),
        otherwise=at(dwellings.address, rows=premises),
    )


def _titles(place: Slice, *, kind: Ints, industry: Ints, words: Words, rng: Rng) -> pa.Array:
    """Return names such as 上海申瑞信息技术有限公司 and, of sole traders, 黄浦区申瑞食品店."""
    sizes = np.array([len(entry.words) for entry in words.industries])
    flat = [word for entry in words.industries for word in entry.words]
    word = (np.cumsum(sizes) - sizes)[industry] + (rng.random(len(kind)) * sizes[industry]).astype(np.int64)
    individual = kind == _INDIVIDUAL
    return pc.binary_join_element_wise(
        chosen(("上海", place.district_title), rows=individual.astype(np.int64)),
        chosen(words.trade_names, rows=rng.integers(0, len(words.trade_names), len(kind))),
        chosen(flat, rows=word),
        chosen(("有限公司", "店", "中心（有限合伙）"), rows=kind),
        "",
    )


def _capital(kind: Ints, *, rng: Rng) -> npt.NDArray[np.float64]:
    """Draw registered capital, in 10,000 yuan: small sums of sole traders, mostly round ones of others."""
    count = len(kind)
    small = rng.uniform(1, 20, count)
    sums = _CAPITAL_SUMS[draw(rng, share_ends=_CAPITAL_ENDS, count=count)]
    large = sums * rng.choice([1.0, 1.0, 1.0, 1.5, 1.08], count)
    return np.round(np.where(kind == _INDIVIDUAL, small, large), 2).astype(np.float64)


def _employees(rng: Rng, *, count: int) -> Ints:
    """Draw numbers of employees, 1 or more."""
    return np.maximum(np.rint(rng.lognormal(2.1, 1.2, count)).astype(np.int64), 1)
