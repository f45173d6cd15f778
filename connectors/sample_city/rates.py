"""Every rate of the sample city in one place: the census shape it follows and the dirt it carries on purpose."""

from __future__ import annotations

import datetime
from dataclasses import dataclass
from enum import IntEnum

AS_OF = datetime.date(2026, 6, 30)
"""The day the city is a picture of. Ages count from it and nothing happens after it, except that leases and licences end."""

SLICE_RESIDENTS_MAX = 50_000
"""Residents generated at once, about; bounds memory at any city size."""


class Member(IntEnum):
    """Part a person plays in a household; decides age, sex and marital status."""

    CHILD = 0
    SINGLE = 1
    PARTNER = 2
    SPOUSE = 3
    GROWN_CHILD = 4
    WORKER = 5
    OLD_SINGLE = 6
    OLD_PARTNER = 7
    OLD_SPOUSE = 8
    LONE_PARENT = 9


@dataclass(frozen=True, slots=True, kw_only=True)
class HouseholdShape:
    """One composition of households."""

    share: float
    """Of all households; the shares of all shapes sum to 1."""
    members: tuple[Member, ...]
    """The head first."""
    migrant: float
    """Share whose members are registered outside Shanghai."""
    collective: bool = False


_COUPLE = (Member.PARTNER, Member.SPOUSE)
_OLD_COUPLE = (Member.OLD_PARTNER, Member.OLD_SPOUSE)

HOUSEHOLD_SHAPES = (
    HouseholdShape(share=0.178, members=(Member.SINGLE,), migrant=0.62),
    HouseholdShape(share=0.108, members=(Member.OLD_SINGLE,), migrant=0.05),
    HouseholdShape(share=0.157, members=_COUPLE, migrant=0.62),
    HouseholdShape(share=0.102, members=_OLD_COUPLE, migrant=0.08),
    HouseholdShape(share=0.040, members=(Member.SINGLE, Member.OLD_SINGLE), migrant=0.08),
    HouseholdShape(share=0.020, members=(Member.LONE_PARENT, Member.CHILD), migrant=0.35),
    HouseholdShape(share=0.110, members=(*_COUPLE, Member.GROWN_CHILD), migrant=0.42),
    HouseholdShape(share=0.095, members=(*_COUPLE, Member.CHILD), migrant=0.58),
    HouseholdShape(share=0.050, members=(*_COUPLE, Member.OLD_SINGLE), migrant=0.15),
    HouseholdShape(share=0.028, members=(*_COUPLE, Member.CHILD, Member.CHILD), migrant=0.65),
    HouseholdShape(share=0.027, members=(*_COUPLE, *_OLD_COUPLE), migrant=0.10),
    HouseholdShape(share=0.025, members=(*_COUPLE, Member.CHILD, Member.OLD_SINGLE), migrant=0.35),
    HouseholdShape(share=0.030, members=(*_COUPLE, Member.CHILD, *_OLD_COUPLE), migrant=0.25),
    HouseholdShape(share=0.020, members=(*_COUPLE, Member.GROWN_CHILD, Member.GROWN_CHILD), migrant=0.45),
    HouseholdShape(share=0.010, members=(Member.WORKER,) * 6, migrant=0.97, collective=True),
)

MALE_SHARE = {
    Member.CHILD: 0.520,
    Member.SINGLE: 0.670,
    Member.PARTNER: 0.700,
    Member.GROWN_CHILD: 0.560,
    Member.WORKER: 0.820,
    Member.OLD_SINGLE: 0.400,
    Member.OLD_PARTNER: 0.700,
    Member.LONE_PARENT: 0.250,
}
"""A spouse has the other sex of the partner."""

OLD_AGES = ((60, 65, 0.343), (65, 70, 0.258), (70, 75, 0.164), (75, 80, 0.094), (80, 90, 0.108), (90, 100, 0.033))
"""Ages of people over 60: from, before, share."""

SEPARATED = 0.30
"""Of Shanghai-registered households: live at another place than their registration (人户分离)."""
MIGRANT_SPOUSE = 0.05
"""Of spouses in Shanghai-registered households: registered outside Shanghai."""
ID_ISSUED_ELSEWHERE = 0.20
"""Of Shanghai-registered people: the identity number was issued outside Shanghai."""
MINORITY = 0.016
"""Of residents: an ethnicity other than Han."""


@dataclass(frozen=True, slots=True, kw_only=True)
class EstateShape:
    """A kind of housing estate: all its buildings are alike."""

    share: float
    floors: int
    units_per_floor: int
    has_elevator: bool
    structure: str
    built: tuple[int, int]
    """First and last year."""
    area: tuple[float, float]
    """Square metres of a dwelling, from and to."""
    mixed: bool = False


ESTATES = (
    EstateShape(
        share=0.16,
        floors=3,
        units_per_floor=4,
        has_elevator=False,
        structure="timber",
        built=(1926, 1958),
        area=(14, 55),
    ),
    EstateShape(
        share=0.38,
        floors=6,
        units_per_floor=3,
        has_elevator=False,
        structure="brick",
        built=(1978, 1999),
        area=(36, 85),
    ),
    EstateShape(
        share=0.12,
        floors=6,
        units_per_floor=2,
        has_elevator=True,
        structure="concrete",
        built=(1999, 2015),
        area=(75, 130),
    ),
    EstateShape(
        share=0.16,
        floors=11,
        units_per_floor=2,
        has_elevator=True,
        structure="concrete",
        built=(2001, 2023),
        area=(70, 140),
    ),
    EstateShape(
        share=0.13,
        floors=18,
        units_per_floor=4,
        has_elevator=True,
        structure="concrete",
        built=(1996, 2024),
        area=(48, 125),
    ),
    EstateShape(
        share=0.03,
        floors=30,
        units_per_floor=4,
        has_elevator=True,
        structure="steel",
        built=(2004, 2024),
        area=(60, 190),
    ),
    EstateShape(
        share=0.02,
        floors=16,
        units_per_floor=8,
        has_elevator=True,
        structure="concrete",
        built=(2005, 2022),
        area=(30, 60),
        mixed=True,
    ),
)
VILLAGES = (
    EstateShape(
        share=0.15,
        floors=2,
        units_per_floor=1,
        has_elevator=False,
        structure="timber",
        built=(1950, 1975),
        area=(40, 90),
    ),
    EstateShape(
        share=0.85,
        floors=2,
        units_per_floor=1,
        has_elevator=False,
        structure="brick",
        built=(1980, 2018),
        area=(80, 220),
    ),
)
"""Estates in villages."""
PREMISES = EstateShape(
    share=1.0, floors=5, units_per_floor=4, has_elevator=True, structure="concrete", built=(1990, 2024), area=(20, 300)
)
"""Shops and offices."""
ESTATE_DWELLINGS = 350
"""Dwellings in an estate, about."""
VACANT_DWELLINGS = 0.12
"""Per occupied dwelling."""
TENANTS = {"migrant": 0.75, "separated": 0.20, "local": 0.05}
"""Share of households that rent, by registration; collective households always do."""

ENTERPRISES_PER_RESIDENT = 0.13
PREMISES_PER_ENTERPRISE = 0.4
LEGAL_REPRESENTATIVE_FROM_OUTSIDE = 0.15
ENTERPRISE_STATUS = {"active": 0.86, "suspended": 0.03, "revoked": 0.05, "deregistered": 0.06}
ENTERPRISE_KINDS = {"company": 0.76, "individual": 0.22, "partnership": 0.02}

HEALTH_CODE_HOLDERS = 0.985
HEALTH_COLOURS = {"green": 0.982, "yellow": 0.014, "red": 0.004}
VACCINATED = (0.91, 0.95, 0.72)
"""Of people over 3: has dose 1; of those dose 2; of those dose 3."""

ASSISTED_HOUSEHOLDS = {"old_single": 0.060, "single": 0.012, "other": 0.009}
"""Of Shanghai-registered households: receive social assistance, by shape."""
ASSISTANCE_KINDS = {"subsistence": 0.60, "temporary": 0.14, "medical": 0.20, "destitute": 0.06}


@dataclass(frozen=True, slots=True, kw_only=True)
class Dirt:
    """Share of rows that carry one kind of real-life defect."""

    resident_phone_missing: float = 0.07
    """Of residents from 12 to 69; younger ones have none, older ones see the next."""
    resident_phone_missing_old: float = 0.28
    """Of residents over 70."""
    resident_dwelling_code_missing: float = 0.04
    household_dwelling_code_missing: float = 0.03
    resident_address_unlike_dwelling: float = 0.03
    """Written without the city, so it is not letter by letter the dwelling's address."""
    resident_moved_in_date_missing: float = 0.06
    """Of people who moved."""
    dwelling_owner_missing: float = 0.03
    """Owner name, number and certificate are all empty."""
    dwelling_certificate_missing: float = 0.08
    """Owner known, certificate not."""
    lease_not_filed: float = 0.25
    """Of leased dwellings: no lease on file."""
    lease_ended_but_kept: float = 0.12
    lease_phone_missing: float = 0.10
    lease_occupants_differ: float = 0.15
    """Filed number of occupants is not the household's."""
    enterprise_phone_missing: float = 0.12
    enterprise_employees_missing: float = 0.20
    enterprise_address_unlike_premises: float = 0.05
    """Written without the room."""
    health_phone_missing: float = 0.05
    """Beyond those missing with public security."""
    health_name_unlike: float = 0.003
    """Written with a space after the surname."""
    health_division_stale: float = 0.01
    """Still the committee of registration, of people who live elsewhere in Shanghai."""
    assistance_bank_account_missing: float = 0.05


DIRT = Dirt()
