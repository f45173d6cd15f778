"""A registered purpose: for what, on which legal basis, and which columns it needs in which form."""

from __future__ import annotations

import datetime

from pydantic import Field, model_validator

from catalog.dataset import DatasetName, Entry, Name, Text
from catalog.vocabulary import MASKS_OF_ACTION, ColumnAction, Jurisdiction, LawfulGround, Mask, OfficeKind, Role


class LegalBasis(Entry):
    """An article a purpose or rule rests on."""

    instrument: Text
    article: str
    """Empty when the whole instrument is meant."""

    @property
    def citation(self) -> Text:
        """The article in words: `13(1)(3)` is 第13条第1款第3项."""
        if not self.article:
            return self.instrument
        numbers = self.article.replace(")", "").split("(")
        units = "".join(f"第{number}{unit}" for number, unit in zip(numbers, "条款项", strict=False))
        return Text(zh=self.instrument.zh + units, en=f"{self.instrument.en}, article {self.article}")


class Treatment(Entry):
    """How a purpose needs one column."""

    action: ColumnAction
    mask: Mask | None = None
    """Required for `partial` and `generalise`, forbidden otherwise."""

    @model_validator(mode="after")
    def _mask_fits(self) -> Treatment:
        allowed = MASKS_OF_ACTION.get(self.action)
        if allowed is None and self.mask is not None:
            raise ValueError(f"action '{self.action}' takes no mask")
        if allowed is not None and self.mask not in allowed:
            raise ValueError(f"action '{self.action}' needs one of the masks {sorted(allowed)}")
        return self


class DatasetNeed(Entry):
    """What a purpose needs of one dataset. Columns that are not named are denied."""

    dataset: DatasetName
    jurisdiction: Jurisdiction
    lookup_values_max: int | None = Field(default=None, ge=1, le=100)
    """With a `lookup` column: how many keys one query may bind."""
    columns: dict[Name, Treatment] = Field(min_length=1)

    @model_validator(mode="after")
    def _lookup_is_bounded(self) -> DatasetNeed:
        lookups = [name for name, treatment in self.columns.items() if treatment.action is ColumnAction.LOOKUP]
        if len(lookups) > 1:
            raise ValueError("at most one column may be a lookup key")
        if bool(lookups) != (self.lookup_values_max is not None):
            raise ValueError("lookup_values_max and a column with action 'lookup' belong together")
        return self


class Obligations(Entry):
    """What the recipient accepts with the result."""

    rows_max: int = Field(ge=1)
    retention_days: int = Field(ge=1)
    onward_sharing: bool = False


class Quota(Entry):
    """What one requester may receive for a purpose in one day (Shanghai time)."""

    rows_per_day_max: int = Field(ge=1)
    lookups_per_day_max: int | None = Field(default=None, ge=1)
    """Bound look-up keys; required when the purpose has look-ups, forbidden otherwise."""


class Disclosure(Entry):
    """When a data subject who asks is told of an access (PIPL, article 45), where that is not at once (articles 18 and 35)."""

    delay_days: int = Field(default=0, ge=0)
    withheld: bool = False
    """Never."""
    basis: tuple[LegalBasis, ...] = Field(min_length=1)

    @model_validator(mode="after")
    def _is_one_of_both(self) -> Disclosure:
        if self.withheld == (self.delay_days > 0):
            raise ValueError("either delay_days or withheld")
        return self


class QueryExample(Entry):
    """A query that the purpose allows, to begin with."""

    title: Text
    sql: str = Field(min_length=1)


class Purpose(Entry):
    """A declared aim with its legal basis."""

    id: str = Field(pattern=r"^[a-z][a-z0-9-]{2,62}$")
    title: Text
    description: Text
    lawful_ground: LawfulGround
    """Why personal information may be processed; `legal_basis` cites it as PIPL 13(1)(item)."""
    consent_required: bool = False
    """Whether each data subject must have consented; exactly when the ground is consent."""
    legal_basis: tuple[LegalBasis, ...] = Field(min_length=1)
    active_from: datetime.date
    active_until: datetime.date | None = None
    """Last day, inclusive, in Shanghai time."""
    office_kinds: frozenset[OfficeKind] = Field(min_length=1)
    roles: frozenset[Role] = Field(min_length=1)
    case_required: bool = False
    case_pattern: str | None = None
    """Regular expression (RE2) the whole case number must match."""
    emergency_required: bool = False
    aggregate_only: bool = False
    people_min: int | None = Field(default=None, ge=2)
    """Smallest group a statistic may describe; required when `aggregate_only`."""
    permitted_combinations: frozenset[str] = frozenset()
    """Keys of `combinations.yaml` that this purpose needs."""
    datasets: tuple[DatasetNeed, ...] = Field(min_length=1)
    obligations: Obligations
    quota: Quota
    disclosure: Disclosure | None = None
    """When data subjects are told; None tells them whenever they ask."""
    examples: tuple[QueryExample, ...] = ()

    @model_validator(mode="after")
    def _is_bounded(self) -> Purpose:
        if self.aggregate_only != (self.people_min is not None):
            raise ValueError("aggregate_only and people_min belong together")
        lookups = any(need.lookup_values_max is not None for need in self.datasets)
        if lookups != (self.quota.lookups_per_day_max is not None):
            raise ValueError("lookups_per_day_max and look-ups belong together")
        for need in self.datasets:
            bounded = self.aggregate_only or need.lookup_values_max is not None
            if need.jurisdiction is Jurisdiction.ANYWHERE and not bounded:
                raise ValueError(f"{need.dataset}: jurisdiction 'anywhere' needs look-ups or aggregates only")
        return self

    def need(self, dataset: str) -> DatasetNeed | None:
        """Return what the purpose needs of `dataset`, or None when it does not name it."""
        return next((need for need in self.datasets if need.dataset == dataset), None)
