from google.protobuf.internal import containers as _containers
from google.protobuf.internal import enum_type_wrapper as _enum_type_wrapper
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Iterable as _Iterable, Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class Dimension(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    DIMENSION_UNSPECIFIED: _ClassVar[Dimension]
    DIMENSION_KIND: _ClassVar[Dimension]
    DIMENSION_OFFICE: _ClassVar[Dimension]
    DIMENSION_PURPOSE: _ClassVar[Dimension]
    DIMENSION_DATASET: _ClassVar[Dimension]
    DIMENSION_REQUESTER: _ClassVar[Dimension]
    DIMENSION_OUTCOME: _ClassVar[Dimension]
    DIMENSION_REASON: _ClassVar[Dimension]
    DIMENSION_DAY: _ClassVar[Dimension]
    DIMENSION_HOUR: _ClassVar[Dimension]

class OverviewScope(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    OVERVIEW_SCOPE_UNSPECIFIED: _ClassVar[OverviewScope]
    OVERVIEW_SCOPE_CITY: _ClassVar[OverviewScope]
    OVERVIEW_SCOPE_DEPARTMENT: _ClassVar[OverviewScope]
    OVERVIEW_SCOPE_OFFICE: _ClassVar[OverviewScope]
DIMENSION_UNSPECIFIED: Dimension
DIMENSION_KIND: Dimension
DIMENSION_OFFICE: Dimension
DIMENSION_PURPOSE: Dimension
DIMENSION_DATASET: Dimension
DIMENSION_REQUESTER: Dimension
DIMENSION_OUTCOME: Dimension
DIMENSION_REASON: Dimension
DIMENSION_DAY: Dimension
DIMENSION_HOUR: Dimension
OVERVIEW_SCOPE_UNSPECIFIED: OverviewScope
OVERVIEW_SCOPE_CITY: OverviewScope
OVERVIEW_SCOPE_DEPARTMENT: OverviewScope
OVERVIEW_SCOPE_OFFICE: OverviewScope

class SearchEntriesRequest(_message.Message):
    __slots__ = ("from_time", "until_time", "office", "requester", "purpose", "dataset", "kind", "case", "entries_max", "column", "outcome", "person", "before_sequence")
    FROM_TIME_FIELD_NUMBER: _ClassVar[int]
    UNTIL_TIME_FIELD_NUMBER: _ClassVar[int]
    OFFICE_FIELD_NUMBER: _ClassVar[int]
    REQUESTER_FIELD_NUMBER: _ClassVar[int]
    PURPOSE_FIELD_NUMBER: _ClassVar[int]
    DATASET_FIELD_NUMBER: _ClassVar[int]
    KIND_FIELD_NUMBER: _ClassVar[int]
    CASE_FIELD_NUMBER: _ClassVar[int]
    ENTRIES_MAX_FIELD_NUMBER: _ClassVar[int]
    COLUMN_FIELD_NUMBER: _ClassVar[int]
    OUTCOME_FIELD_NUMBER: _ClassVar[int]
    PERSON_FIELD_NUMBER: _ClassVar[int]
    BEFORE_SEQUENCE_FIELD_NUMBER: _ClassVar[int]
    from_time: int
    until_time: int
    office: str
    requester: str
    purpose: str
    dataset: str
    kind: str
    case: str
    entries_max: int
    column: str
    outcome: str
    person: str
    before_sequence: int
    def __init__(self, from_time: _Optional[int] = ..., until_time: _Optional[int] = ..., office: _Optional[str] = ..., requester: _Optional[str] = ..., purpose: _Optional[str] = ..., dataset: _Optional[str] = ..., kind: _Optional[str] = ..., case: _Optional[str] = ..., entries_max: _Optional[int] = ..., column: _Optional[str] = ..., outcome: _Optional[str] = ..., person: _Optional[str] = ..., before_sequence: _Optional[int] = ...) -> None: ...

class SearchEntriesResponse(_message.Message):
    __slots__ = ("leaf",)
    LEAF_FIELD_NUMBER: _ClassVar[int]
    leaf: bytes
    def __init__(self, leaf: _Optional[bytes] = ...) -> None: ...

class Text(_message.Message):
    __slots__ = ("zh", "en")
    ZH_FIELD_NUMBER: _ClassVar[int]
    EN_FIELD_NUMBER: _ClassVar[int]
    zh: str
    en: str
    def __init__(self, zh: _Optional[str] = ..., en: _Optional[str] = ...) -> None: ...

class GetEntryRequest(_message.Message):
    __slots__ = ("entry_id",)
    ENTRY_ID_FIELD_NUMBER: _ClassVar[int]
    entry_id: str
    def __init__(self, entry_id: _Optional[str] = ...) -> None: ...

class GetEntryResponse(_message.Message):
    __slots__ = ("leaf", "index", "tree_size", "inclusion_proof", "checkpoint")
    LEAF_FIELD_NUMBER: _ClassVar[int]
    INDEX_FIELD_NUMBER: _ClassVar[int]
    TREE_SIZE_FIELD_NUMBER: _ClassVar[int]
    INCLUSION_PROOF_FIELD_NUMBER: _ClassVar[int]
    CHECKPOINT_FIELD_NUMBER: _ClassVar[int]
    leaf: bytes
    index: int
    tree_size: int
    inclusion_proof: _containers.RepeatedScalarFieldContainer[bytes]
    checkpoint: bytes
    def __init__(self, leaf: _Optional[bytes] = ..., index: _Optional[int] = ..., tree_size: _Optional[int] = ..., inclusion_proof: _Optional[_Iterable[bytes]] = ..., checkpoint: _Optional[bytes] = ...) -> None: ...

class Grouping(_message.Message):
    __slots__ = ("dimensions",)
    DIMENSIONS_FIELD_NUMBER: _ClassVar[int]
    dimensions: _containers.RepeatedScalarFieldContainer[Dimension]
    def __init__(self, dimensions: _Optional[_Iterable[_Union[Dimension, str]]] = ...) -> None: ...

class SummariseEntriesRequest(_message.Message):
    __slots__ = ("from_time", "until_time", "office", "requester", "purpose", "dataset", "kind", "case", "column", "outcome", "person", "groupings", "groups_max")
    FROM_TIME_FIELD_NUMBER: _ClassVar[int]
    UNTIL_TIME_FIELD_NUMBER: _ClassVar[int]
    OFFICE_FIELD_NUMBER: _ClassVar[int]
    REQUESTER_FIELD_NUMBER: _ClassVar[int]
    PURPOSE_FIELD_NUMBER: _ClassVar[int]
    DATASET_FIELD_NUMBER: _ClassVar[int]
    KIND_FIELD_NUMBER: _ClassVar[int]
    CASE_FIELD_NUMBER: _ClassVar[int]
    COLUMN_FIELD_NUMBER: _ClassVar[int]
    OUTCOME_FIELD_NUMBER: _ClassVar[int]
    PERSON_FIELD_NUMBER: _ClassVar[int]
    GROUPINGS_FIELD_NUMBER: _ClassVar[int]
    GROUPS_MAX_FIELD_NUMBER: _ClassVar[int]
    from_time: int
    until_time: int
    office: str
    requester: str
    purpose: str
    dataset: str
    kind: str
    case: str
    column: str
    outcome: str
    person: str
    groupings: _containers.RepeatedCompositeFieldContainer[Grouping]
    groups_max: int
    def __init__(self, from_time: _Optional[int] = ..., until_time: _Optional[int] = ..., office: _Optional[str] = ..., requester: _Optional[str] = ..., purpose: _Optional[str] = ..., dataset: _Optional[str] = ..., kind: _Optional[str] = ..., case: _Optional[str] = ..., column: _Optional[str] = ..., outcome: _Optional[str] = ..., person: _Optional[str] = ..., groupings: _Optional[_Iterable[_Union[Grouping, _Mapping]]] = ..., groups_max: _Optional[int] = ...) -> None: ...

class GroupCounts(_message.Message):
    __slots__ = ("values", "titles", "entries", "accesses", "denials", "rows", "requesters", "last_time_micros")
    VALUES_FIELD_NUMBER: _ClassVar[int]
    TITLES_FIELD_NUMBER: _ClassVar[int]
    ENTRIES_FIELD_NUMBER: _ClassVar[int]
    ACCESSES_FIELD_NUMBER: _ClassVar[int]
    DENIALS_FIELD_NUMBER: _ClassVar[int]
    ROWS_FIELD_NUMBER: _ClassVar[int]
    REQUESTERS_FIELD_NUMBER: _ClassVar[int]
    LAST_TIME_MICROS_FIELD_NUMBER: _ClassVar[int]
    values: _containers.RepeatedScalarFieldContainer[str]
    titles: _containers.RepeatedCompositeFieldContainer[Text]
    entries: int
    accesses: int
    denials: int
    rows: int
    requesters: int
    last_time_micros: int
    def __init__(self, values: _Optional[_Iterable[str]] = ..., titles: _Optional[_Iterable[_Union[Text, _Mapping]]] = ..., entries: _Optional[int] = ..., accesses: _Optional[int] = ..., denials: _Optional[int] = ..., rows: _Optional[int] = ..., requesters: _Optional[int] = ..., last_time_micros: _Optional[int] = ...) -> None: ...

class GroupedCounts(_message.Message):
    __slots__ = ("groups", "groups_total")
    GROUPS_FIELD_NUMBER: _ClassVar[int]
    GROUPS_TOTAL_FIELD_NUMBER: _ClassVar[int]
    groups: _containers.RepeatedCompositeFieldContainer[GroupCounts]
    groups_total: int
    def __init__(self, groups: _Optional[_Iterable[_Union[GroupCounts, _Mapping]]] = ..., groups_total: _Optional[int] = ...) -> None: ...

class SummariseEntriesResponse(_message.Message):
    __slots__ = ("groupings",)
    GROUPINGS_FIELD_NUMBER: _ClassVar[int]
    groupings: _containers.RepeatedCompositeFieldContainer[GroupedCounts]
    def __init__(self, groupings: _Optional[_Iterable[_Union[GroupedCounts, _Mapping]]] = ...) -> None: ...

class GetOverviewRequest(_message.Message):
    __slots__ = ()
    def __init__(self) -> None: ...

class UseCounts(_message.Message):
    __slots__ = ("queries", "denials", "rows")
    QUERIES_FIELD_NUMBER: _ClassVar[int]
    DENIALS_FIELD_NUMBER: _ClassVar[int]
    ROWS_FIELD_NUMBER: _ClassVar[int]
    queries: int
    denials: int
    rows: int
    def __init__(self, queries: _Optional[int] = ..., denials: _Optional[int] = ..., rows: _Optional[int] = ...) -> None: ...

class NamedCounts(_message.Message):
    __slots__ = ("id", "title", "counts")
    ID_FIELD_NUMBER: _ClassVar[int]
    TITLE_FIELD_NUMBER: _ClassVar[int]
    COUNTS_FIELD_NUMBER: _ClassVar[int]
    id: str
    title: Text
    counts: UseCounts
    def __init__(self, id: _Optional[str] = ..., title: _Optional[_Union[Text, _Mapping]] = ..., counts: _Optional[_Union[UseCounts, _Mapping]] = ...) -> None: ...

class LogState(_message.Message):
    __slots__ = ("entries", "published_micros", "witnesses", "cosigned", "stopped")
    ENTRIES_FIELD_NUMBER: _ClassVar[int]
    PUBLISHED_MICROS_FIELD_NUMBER: _ClassVar[int]
    WITNESSES_FIELD_NUMBER: _ClassVar[int]
    COSIGNED_FIELD_NUMBER: _ClassVar[int]
    STOPPED_FIELD_NUMBER: _ClassVar[int]
    entries: int
    published_micros: int
    witnesses: int
    cosigned: int
    stopped: bool
    def __init__(self, entries: _Optional[int] = ..., published_micros: _Optional[int] = ..., witnesses: _Optional[int] = ..., cosigned: _Optional[int] = ..., stopped: _Optional[bool] = ...) -> None: ...

class GetOverviewResponse(_message.Message):
    __slots__ = ("scope", "scope_id", "scope_title", "since", "total", "purposes", "departments", "offices", "hours", "log")
    SCOPE_FIELD_NUMBER: _ClassVar[int]
    SCOPE_ID_FIELD_NUMBER: _ClassVar[int]
    SCOPE_TITLE_FIELD_NUMBER: _ClassVar[int]
    SINCE_FIELD_NUMBER: _ClassVar[int]
    TOTAL_FIELD_NUMBER: _ClassVar[int]
    PURPOSES_FIELD_NUMBER: _ClassVar[int]
    DEPARTMENTS_FIELD_NUMBER: _ClassVar[int]
    OFFICES_FIELD_NUMBER: _ClassVar[int]
    HOURS_FIELD_NUMBER: _ClassVar[int]
    LOG_FIELD_NUMBER: _ClassVar[int]
    scope: OverviewScope
    scope_id: str
    scope_title: Text
    since: int
    total: UseCounts
    purposes: _containers.RepeatedCompositeFieldContainer[NamedCounts]
    departments: _containers.RepeatedCompositeFieldContainer[NamedCounts]
    offices: _containers.RepeatedCompositeFieldContainer[NamedCounts]
    hours: _containers.RepeatedCompositeFieldContainer[UseCounts]
    log: LogState
    def __init__(self, scope: _Optional[_Union[OverviewScope, str]] = ..., scope_id: _Optional[str] = ..., scope_title: _Optional[_Union[Text, _Mapping]] = ..., since: _Optional[int] = ..., total: _Optional[_Union[UseCounts, _Mapping]] = ..., purposes: _Optional[_Iterable[_Union[NamedCounts, _Mapping]]] = ..., departments: _Optional[_Iterable[_Union[NamedCounts, _Mapping]]] = ..., offices: _Optional[_Iterable[_Union[NamedCounts, _Mapping]]] = ..., hours: _Optional[_Iterable[_Union[UseCounts, _Mapping]]] = ..., log: _Optional[_Union[LogState, _Mapping]] = ...) -> None: ...

class ReadLogRequest(_message.Message):
    __slots__ = ()
    def __init__(self) -> None: ...

class ReadLogResponse(_message.Message):
    __slots__ = ("file", "data")
    FILE_FIELD_NUMBER: _ClassVar[int]
    DATA_FIELD_NUMBER: _ClassVar[int]
    file: str
    data: bytes
    def __init__(self, file: _Optional[str] = ..., data: _Optional[bytes] = ...) -> None: ...

class GetCheckpointRequest(_message.Message):
    __slots__ = ("old_size",)
    OLD_SIZE_FIELD_NUMBER: _ClassVar[int]
    old_size: int
    def __init__(self, old_size: _Optional[int] = ...) -> None: ...

class GetCheckpointResponse(_message.Message):
    __slots__ = ("checkpoint", "consistency_proof")
    CHECKPOINT_FIELD_NUMBER: _ClassVar[int]
    CONSISTENCY_PROOF_FIELD_NUMBER: _ClassVar[int]
    checkpoint: bytes
    consistency_proof: _containers.RepeatedScalarFieldContainer[bytes]
    def __init__(self, checkpoint: _Optional[bytes] = ..., consistency_proof: _Optional[_Iterable[bytes]] = ...) -> None: ...

class GetReceiptRequest(_message.Message):
    __slots__ = ("entry_id",)
    ENTRY_ID_FIELD_NUMBER: _ClassVar[int]
    entry_id: str
    def __init__(self, entry_id: _Optional[str] = ...) -> None: ...

class GetReceiptResponse(_message.Message):
    __slots__ = ("receipt",)
    RECEIPT_FIELD_NUMBER: _ClassVar[int]
    receipt: bytes
    def __init__(self, receipt: _Optional[bytes] = ...) -> None: ...

class TraceCopyRequest(_message.Message):
    __slots__ = ("digests", "marked")
    DIGESTS_FIELD_NUMBER: _ClassVar[int]
    MARKED_FIELD_NUMBER: _ClassVar[int]
    digests: _containers.RepeatedScalarFieldContainer[int]
    marked: _containers.RepeatedScalarFieldContainer[bool]
    def __init__(self, digests: _Optional[_Iterable[int]] = ..., marked: _Optional[_Iterable[bool]] = ...) -> None: ...

class TraceCopyResponse(_message.Message):
    __slots__ = ("suspects",)
    SUSPECTS_FIELD_NUMBER: _ClassVar[int]
    suspects: _containers.RepeatedCompositeFieldContainer[Suspect]
    def __init__(self, suspects: _Optional[_Iterable[_Union[Suspect, _Mapping]]] = ...) -> None: ...

class Suspect(_message.Message):
    __slots__ = ("requester", "office", "matches", "compared", "log_chance")
    REQUESTER_FIELD_NUMBER: _ClassVar[int]
    OFFICE_FIELD_NUMBER: _ClassVar[int]
    MATCHES_FIELD_NUMBER: _ClassVar[int]
    COMPARED_FIELD_NUMBER: _ClassVar[int]
    LOG_CHANCE_FIELD_NUMBER: _ClassVar[int]
    requester: str
    office: str
    matches: int
    compared: int
    log_chance: float
    def __init__(self, requester: _Optional[str] = ..., office: _Optional[str] = ..., matches: _Optional[int] = ..., compared: _Optional[int] = ..., log_chance: _Optional[float] = ...) -> None: ...
