from google.protobuf.internal import containers as _containers
from google.protobuf.internal import enum_type_wrapper as _enum_type_wrapper
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Iterable as _Iterable
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class ReplayOutcome(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    REPLAY_OUTCOME_UNSPECIFIED: _ClassVar[ReplayOutcome]
    REPLAY_OUTCOME_IDENTICAL: _ClassVar[ReplayOutcome]
    REPLAY_OUTCOME_DIFFERENT: _ClassVar[ReplayOutcome]
    REPLAY_OUTCOME_NOW_DENIED: _ClassVar[ReplayOutcome]
    REPLAY_OUTCOME_NOW_ALLOWED: _ClassVar[ReplayOutcome]
    REPLAY_OUTCOME_NO_ANSWER: _ClassVar[ReplayOutcome]

class DifferenceKind(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    DIFFERENCE_KIND_UNSPECIFIED: _ClassVar[DifferenceKind]
    DIFFERENCE_KIND_ONLY_GATEWAY: _ClassVar[DifferenceKind]
    DIFFERENCE_KIND_ONLY_DEPARTMENT: _ClassVar[DifferenceKind]
    DIFFERENCE_KIND_ROWS: _ClassVar[DifferenceKind]
    DIFFERENCE_KIND_NO_LOG: _ClassVar[DifferenceKind]
    DIFFERENCE_KIND_AGREED: _ClassVar[DifferenceKind]
REPLAY_OUTCOME_UNSPECIFIED: ReplayOutcome
REPLAY_OUTCOME_IDENTICAL: ReplayOutcome
REPLAY_OUTCOME_DIFFERENT: ReplayOutcome
REPLAY_OUTCOME_NOW_DENIED: ReplayOutcome
REPLAY_OUTCOME_NOW_ALLOWED: ReplayOutcome
REPLAY_OUTCOME_NO_ANSWER: ReplayOutcome
DIFFERENCE_KIND_UNSPECIFIED: DifferenceKind
DIFFERENCE_KIND_ONLY_GATEWAY: DifferenceKind
DIFFERENCE_KIND_ONLY_DEPARTMENT: DifferenceKind
DIFFERENCE_KIND_ROWS: DifferenceKind
DIFFERENCE_KIND_NO_LOG: DifferenceKind
DIFFERENCE_KIND_AGREED: DifferenceKind

class ReplayEntriesRequest(_message.Message):
    __slots__ = ("entry_id", "from_time", "until_time", "by_active_policy", "entries_max")
    ENTRY_ID_FIELD_NUMBER: _ClassVar[int]
    FROM_TIME_FIELD_NUMBER: _ClassVar[int]
    UNTIL_TIME_FIELD_NUMBER: _ClassVar[int]
    BY_ACTIVE_POLICY_FIELD_NUMBER: _ClassVar[int]
    ENTRIES_MAX_FIELD_NUMBER: _ClassVar[int]
    entry_id: str
    from_time: int
    until_time: int
    by_active_policy: bool
    entries_max: int
    def __init__(self, entry_id: _Optional[str] = ..., from_time: _Optional[int] = ..., until_time: _Optional[int] = ..., by_active_policy: _Optional[bool] = ..., entries_max: _Optional[int] = ...) -> None: ...

class ReplayEntriesResponse(_message.Message):
    __slots__ = ("entry_id", "policy_revision", "outcome", "differences", "office", "purpose", "time_micros")
    ENTRY_ID_FIELD_NUMBER: _ClassVar[int]
    POLICY_REVISION_FIELD_NUMBER: _ClassVar[int]
    OUTCOME_FIELD_NUMBER: _ClassVar[int]
    DIFFERENCES_FIELD_NUMBER: _ClassVar[int]
    OFFICE_FIELD_NUMBER: _ClassVar[int]
    PURPOSE_FIELD_NUMBER: _ClassVar[int]
    TIME_MICROS_FIELD_NUMBER: _ClassVar[int]
    entry_id: str
    policy_revision: str
    outcome: ReplayOutcome
    differences: _containers.RepeatedScalarFieldContainer[str]
    office: str
    purpose: str
    time_micros: int
    def __init__(self, entry_id: _Optional[str] = ..., policy_revision: _Optional[str] = ..., outcome: _Optional[_Union[ReplayOutcome, str]] = ..., differences: _Optional[_Iterable[str]] = ..., office: _Optional[str] = ..., purpose: _Optional[str] = ..., time_micros: _Optional[int] = ...) -> None: ...

class ReconcileRequest(_message.Message):
    __slots__ = ("from_time", "until_time")
    FROM_TIME_FIELD_NUMBER: _ClassVar[int]
    UNTIL_TIME_FIELD_NUMBER: _ClassVar[int]
    from_time: int
    until_time: int
    def __init__(self, from_time: _Optional[int] = ..., until_time: _Optional[int] = ...) -> None: ...

class ReconcileResponse(_message.Message):
    __slots__ = ("kind", "department", "dataset", "decision_id", "entry_id", "department_entry_id", "gateway_rows", "department_rows", "reason")
    KIND_FIELD_NUMBER: _ClassVar[int]
    DEPARTMENT_FIELD_NUMBER: _ClassVar[int]
    DATASET_FIELD_NUMBER: _ClassVar[int]
    DECISION_ID_FIELD_NUMBER: _ClassVar[int]
    ENTRY_ID_FIELD_NUMBER: _ClassVar[int]
    DEPARTMENT_ENTRY_ID_FIELD_NUMBER: _ClassVar[int]
    GATEWAY_ROWS_FIELD_NUMBER: _ClassVar[int]
    DEPARTMENT_ROWS_FIELD_NUMBER: _ClassVar[int]
    REASON_FIELD_NUMBER: _ClassVar[int]
    kind: DifferenceKind
    department: str
    dataset: str
    decision_id: str
    entry_id: str
    department_entry_id: str
    gateway_rows: int
    department_rows: int
    reason: str
    def __init__(self, kind: _Optional[_Union[DifferenceKind, str]] = ..., department: _Optional[str] = ..., dataset: _Optional[str] = ..., decision_id: _Optional[str] = ..., entry_id: _Optional[str] = ..., department_entry_id: _Optional[str] = ..., gateway_rows: _Optional[int] = ..., department_rows: _Optional[int] = ..., reason: _Optional[str] = ...) -> None: ...
