"""The records of the governance register."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from catalog.dataset import Text


class GovernanceRefused(Exception):
    """A change that the register does not accept; `text` says why, without personal data."""

    def __init__(self, zh: str, en: str) -> None:
        super().__init__(en)
        self.text = Text(zh=zh, en=en)


class RevocationKind(StrEnum):
    """What can be revoked as a whole."""

    REQUESTER = "requester"
    PURPOSE = "purpose"


@dataclass(frozen=True, slots=True, kw_only=True)
class Ending:
    """Who ended something, when and why."""

    at: int
    """Seconds since 1970-01-01 UTC."""
    by: str
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class AgreementRecord:
    """A controller's agreement to share datasets for purposes."""

    id: str
    controller: str
    recipient: str
    """Division code prefix of the offices that may receive."""
    datasets: tuple[str, ...]
    purposes: tuple[str, ...]
    valid_from: int
    valid_until: int
    """Seconds since 1970-01-01 UTC, exclusive."""
    signed_by: str
    """Subject of the controller's steward."""
    signed_at: int
    office: str = ""
    """The only office that may receive; empty for all of `recipient`."""
    columns: tuple[str, ...] = ()
    """The only columns, each as `dataset.column`; empty for all that the purposes open."""
    terms: str = ""
    """In words."""
    revoked: Ending | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class EmergencyRecord:
    """A declared emergency whose signatures hold."""

    id: str
    title: Text
    area: str
    """Division code prefix."""
    purposes: tuple[str, ...]
    """Sorted."""
    starts_at: int
    ends_at: int
    """Seconds since 1970-01-01 UTC, exclusive."""
    signers: tuple[str, ...]
    """Ids of those who signed the declaration, sorted."""
    declared_by: str
    declared_at: int
    ended: Ending | None = None
    """Set when it was ended before its time."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Revocation:
    """A requester or purpose that nothing is released to until it is restored."""

    kind: RevocationKind
    id: str
    reason: str
    revoked_by: str
    revoked_at: int


class StopKind(StrEnum):
    """What a controller can hold back."""

    DATASET = "dataset"
    COLUMN = "column"
    OFFICE = "office"
    AGREEMENT = "agreement"


@dataclass(frozen=True, slots=True, kw_only=True)
class Stop:
    """What is held back."""

    kind: StopKind
    controller: str
    """Department whose data it is."""
    target: str
    """Dataset name, `dataset.column` path, office id (all datasets of the controller, for this office) or agreement id."""

    @property
    def dataset(self) -> str:
        """The dataset, whole or in one column; empty for an office or agreement."""
        match self.kind:
            case StopKind.DATASET:
                return self.target
            case StopKind.COLUMN:
                return self.target.rpartition(".")[0]
            case _:
                return ""


@dataclass(frozen=True, slots=True, kw_only=True)
class StopRecord:
    """A stop that nobody has lifted."""

    id: str
    stop: Stop
    reason: str
    stopped_by: str
    by_administrator: bool
    """Then no steward may lift it."""
    stopped_at: int
    """Seconds since 1970-01-01 UTC."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RegisterProblem:
    """A stored agreement or emergency that is ignored, because what is stored is not what was signed."""

    id: str
    text: Text
