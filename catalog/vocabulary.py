"""The closed word lists of the catalogue, policies and grants."""

from __future__ import annotations

from enum import StrEnum


class ColumnAction(StrEnum):
    """What happens to the values of one column, from the strictest to the mildest (`rank` 6 to 0)."""

    DENY = "deny"
    LOOKUP = "lookup"
    NULL = "null"
    PSEUDONYM = "pseudonym"
    PARTIAL = "partial"
    GENERALISE = "generalise"
    CLEAR = "clear"

    @property
    def rank(self) -> int:
        """Strictness, 0 (clear) to 6 (deny)."""
        return len(ColumnAction) - 1 - list(ColumnAction).index(self)


class Mask(StrEnum):
    """Names of the masks; `connectors.sdk.masks` implements them. Every mask keeps the Arrow type and is idempotent."""

    NAME = "name"
    RESIDENT_ID = "resident_id"
    CREDIT_CODE = "credit_code"
    PHONE = "phone"
    ADDRESS = "address"
    ADDRESS_LANE = "address_lane"
    ADDRESS_COMMITTEE = "address_committee"
    DATE_MONTH = "date_month"
    DATE_YEAR = "date_year"
    AGE_BAND = "age_band"
    """A birth date becomes the first day of its five-year band of birth years, so ages differ by less than five years."""
    BUCKET = "bucket"
    """A whole number becomes the lower bound of its bucket; the catalogue fixes the buckets of a column."""
    DIVISION_TOWNSHIP = "division_township"


MASKS_OF_ACTION: dict[ColumnAction, frozenset[Mask]] = {
    ColumnAction.PARTIAL: frozenset(
        {
            Mask.NAME,
            Mask.RESIDENT_ID,
            Mask.CREDIT_CODE,
            Mask.PHONE,
            Mask.ADDRESS,
            Mask.ADDRESS_LANE,
            Mask.ADDRESS_COMMITTEE,
        }
    ),
    ColumnAction.GENERALISE: frozenset(
        {Mask.DATE_MONTH, Mask.DATE_YEAR, Mask.AGE_BAND, Mask.BUCKET, Mask.DIVISION_TOWNSHIP}
    ),
}


class ColumnUse(StrEnum):
    """How a query uses a column."""

    SELECTED = "selected"
    FILTERED = "filtered"
    JOINED = "joined"
    GROUPED = "grouped"
    ORDERED = "ordered"
    AGGREGATED = "aggregated"
    COUNTED = "counted"
    """`count(DISTINCT column)` of a statistic, instead of `aggregated`."""
    SUMMED = "summed"
    """`sum(column)` or `avg(column)` of a statistic, instead of `aggregated`."""
    LOOKED_UP = "looked_up"


class ColumnType(StrEnum):
    """Arrow types a catalogued column may have."""

    STRING = "string"
    INT16 = "int16"
    INT32 = "int32"
    INT64 = "int64"
    FLOAT64 = "float64"
    BOOL = "bool"
    DATE = "date32"
    TIMESTAMP = "timestamp"
    """Microseconds, UTC."""


class IdentifierKind(StrEnum):
    """What a column identifies, when it identifies something."""

    RESIDENT_ID = "resident_id"
    CREDIT_CODE = "credit_code"
    PERSON_NAME = "person_name"
    PHONE = "phone"
    ADDRESS = "address"
    DWELLING_CODE = "dwelling_code"
    HOUSEHOLD_ID = "household_id"
    DIVISION_CODE = "division_code"
    LICENCE_ID = "licence_id"
    LEASE_ID = "lease_id"


class Category(StrEnum):
    """Kind of information in a column (GB/T 43697-2024 and GB/T 45574-2025 families)."""

    IDENTITY = "identity"
    CONTACT = "contact"
    DEMOGRAPHIC = "demographic"
    LOCATION = "location"
    HEALTH = "health"
    FINANCIAL = "financial"
    PROPERTY = "property"
    BUSINESS = "business"
    ADMINISTRATIVE = "administrative"


class SharingClass(StrEnum):
    """无条件共享, 有条件共享, 不予共享."""

    UNCONDITIONAL = "unconditional"
    CONDITIONAL = "conditional"
    NOT_SHARED = "not_shared"


class OpeningClass(StrEnum):
    """无条件开放, 有条件开放, 非开放."""

    UNCONDITIONAL = "unconditional"
    CONDITIONAL = "conditional"
    NOT_OPEN = "not_open"


class UpdateCycle(StrEnum):
    """实时 每日 每周 每月 每季度 每半年 每年 不定期."""

    REAL_TIME = "real_time"
    DAILY = "daily"
    WEEKLY = "weekly"
    MONTHLY = "monthly"
    QUARTERLY = "quarterly"
    HALF_YEARLY = "half_yearly"
    YEARLY = "yearly"
    IRREGULAR = "irregular"


class OfficeKind(StrEnum):
    """Kinds of offices that may ask for data."""

    CITY = "city"
    DISTRICT = "district"
    STREET = "street"
    DEPARTMENT = "department"
    AUDIT = "audit"


class Role(StrEnum):
    """What a requester does."""

    CLERK = "clerk"
    STEWARD = "steward"
    ANALYST = "analyst"
    AUDITOR = "auditor"
    ADMINISTRATOR = "administrator"
    CONNECTOR = "connector"


OVERSIGHT = frozenset({Role.ADMINISTRATOR, Role.AUDITOR})
"""Roles that see what every office and department does."""


class Jurisdiction(StrEnum):
    """Which of a dataset's division columns bounds the rows a purpose opens; `ANYWHERE` only with look-ups or aggregates."""

    RESIDENCE = "residence"
    REGISTRATION = "registration"
    PREMISES = "premises"
    ANYWHERE = "anywhere"


class LawfulGround(StrEnum):
    """Grounds of PIPL, article 13(1); the number of the item is `item`. Only `consent` asks the data subject."""

    CONSENT = "consent"
    CONTRACT = "contract"
    STATUTORY_DUTY = "statutory_duty"
    EMERGENCY = "emergency"
    NEWS = "news"
    DISCLOSED = "disclosed"
    OTHER_LAW = "other_law"

    @property
    def item(self) -> int:
        """Item of PIPL 13(1), 1 to 7."""
        return list(LawfulGround).index(self) + 1
