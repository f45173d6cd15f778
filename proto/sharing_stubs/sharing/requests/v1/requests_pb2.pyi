from google.protobuf.internal import containers as _containers
from google.protobuf.internal import enum_type_wrapper as _enum_type_wrapper
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Iterable as _Iterable, Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class NeedState(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    NEED_STATE_UNSPECIFIED: _ClassVar[NeedState]
    NEED_STATE_FILED: _ClassVar[NeedState]
    NEED_STATE_ACCEPTED: _ClassVar[NeedState]
    NEED_STATE_REFUSED: _ClassVar[NeedState]
    NEED_STATE_WITHDRAWN: _ClassVar[NeedState]

class CorrectionState(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    CORRECTION_STATE_UNSPECIFIED: _ClassVar[CorrectionState]
    CORRECTION_STATE_FILED: _ClassVar[CorrectionState]
    CORRECTION_STATE_CORRECTED: _ClassVar[CorrectionState]
    CORRECTION_STATE_CONFIRMED: _ClassVar[CorrectionState]
NEED_STATE_UNSPECIFIED: NeedState
NEED_STATE_FILED: NeedState
NEED_STATE_ACCEPTED: NeedState
NEED_STATE_REFUSED: NeedState
NEED_STATE_WITHDRAWN: NeedState
CORRECTION_STATE_UNSPECIFIED: CorrectionState
CORRECTION_STATE_FILED: CorrectionState
CORRECTION_STATE_CORRECTED: CorrectionState
CORRECTION_STATE_CONFIRMED: CorrectionState

class Text(_message.Message):
    __slots__ = ("zh", "en")
    ZH_FIELD_NUMBER: _ClassVar[int]
    EN_FIELD_NUMBER: _ClassVar[int]
    zh: str
    en: str
    def __init__(self, zh: _Optional[str] = ..., en: _Optional[str] = ...) -> None: ...

class Deadline(_message.Message):
    __slots__ = ("due_on", "working_days", "provisional", "overdue", "escalated_at")
    DUE_ON_FIELD_NUMBER: _ClassVar[int]
    WORKING_DAYS_FIELD_NUMBER: _ClassVar[int]
    PROVISIONAL_FIELD_NUMBER: _ClassVar[int]
    OVERDUE_FIELD_NUMBER: _ClassVar[int]
    ESCALATED_AT_FIELD_NUMBER: _ClassVar[int]
    due_on: str
    working_days: int
    provisional: bool
    overdue: bool
    escalated_at: int
    def __init__(self, due_on: _Optional[str] = ..., working_days: _Optional[int] = ..., provisional: _Optional[bool] = ..., overdue: _Optional[bool] = ..., escalated_at: _Optional[int] = ...) -> None: ...

class Need(_message.Message):
    __slots__ = ("id", "office", "filed_by", "filed_at", "controller", "dataset", "columns", "purpose", "scenario", "needed_until", "state", "deadline", "answered_at", "answered_by", "answer", "basis", "agreement")
    ID_FIELD_NUMBER: _ClassVar[int]
    OFFICE_FIELD_NUMBER: _ClassVar[int]
    FILED_BY_FIELD_NUMBER: _ClassVar[int]
    FILED_AT_FIELD_NUMBER: _ClassVar[int]
    CONTROLLER_FIELD_NUMBER: _ClassVar[int]
    DATASET_FIELD_NUMBER: _ClassVar[int]
    COLUMNS_FIELD_NUMBER: _ClassVar[int]
    PURPOSE_FIELD_NUMBER: _ClassVar[int]
    SCENARIO_FIELD_NUMBER: _ClassVar[int]
    NEEDED_UNTIL_FIELD_NUMBER: _ClassVar[int]
    STATE_FIELD_NUMBER: _ClassVar[int]
    DEADLINE_FIELD_NUMBER: _ClassVar[int]
    ANSWERED_AT_FIELD_NUMBER: _ClassVar[int]
    ANSWERED_BY_FIELD_NUMBER: _ClassVar[int]
    ANSWER_FIELD_NUMBER: _ClassVar[int]
    BASIS_FIELD_NUMBER: _ClassVar[int]
    AGREEMENT_FIELD_NUMBER: _ClassVar[int]
    id: str
    office: str
    filed_by: str
    filed_at: int
    controller: str
    dataset: str
    columns: _containers.RepeatedScalarFieldContainer[str]
    purpose: str
    scenario: str
    needed_until: int
    state: NeedState
    deadline: Deadline
    answered_at: int
    answered_by: str
    answer: str
    basis: str
    agreement: str
    def __init__(self, id: _Optional[str] = ..., office: _Optional[str] = ..., filed_by: _Optional[str] = ..., filed_at: _Optional[int] = ..., controller: _Optional[str] = ..., dataset: _Optional[str] = ..., columns: _Optional[_Iterable[str]] = ..., purpose: _Optional[str] = ..., scenario: _Optional[str] = ..., needed_until: _Optional[int] = ..., state: _Optional[_Union[NeedState, str]] = ..., deadline: _Optional[_Union[Deadline, _Mapping]] = ..., answered_at: _Optional[int] = ..., answered_by: _Optional[str] = ..., answer: _Optional[str] = ..., basis: _Optional[str] = ..., agreement: _Optional[str] = ...) -> None: ...

class FileNeedRequest(_message.Message):
    __slots__ = ("controller", "dataset", "columns", "purpose", "scenario", "needed_until")
    CONTROLLER_FIELD_NUMBER: _ClassVar[int]
    DATASET_FIELD_NUMBER: _ClassVar[int]
    COLUMNS_FIELD_NUMBER: _ClassVar[int]
    PURPOSE_FIELD_NUMBER: _ClassVar[int]
    SCENARIO_FIELD_NUMBER: _ClassVar[int]
    NEEDED_UNTIL_FIELD_NUMBER: _ClassVar[int]
    controller: str
    dataset: str
    columns: _containers.RepeatedScalarFieldContainer[str]
    purpose: str
    scenario: str
    needed_until: int
    def __init__(self, controller: _Optional[str] = ..., dataset: _Optional[str] = ..., columns: _Optional[_Iterable[str]] = ..., purpose: _Optional[str] = ..., scenario: _Optional[str] = ..., needed_until: _Optional[int] = ...) -> None: ...

class FileNeedResponse(_message.Message):
    __slots__ = ("need",)
    NEED_FIELD_NUMBER: _ClassVar[int]
    need: Need
    def __init__(self, need: _Optional[_Union[Need, _Mapping]] = ...) -> None: ...

class AcceptNeedRequest(_message.Message):
    __slots__ = ("id", "agreement", "valid_until", "terms")
    ID_FIELD_NUMBER: _ClassVar[int]
    AGREEMENT_FIELD_NUMBER: _ClassVar[int]
    VALID_UNTIL_FIELD_NUMBER: _ClassVar[int]
    TERMS_FIELD_NUMBER: _ClassVar[int]
    id: str
    agreement: str
    valid_until: int
    terms: str
    def __init__(self, id: _Optional[str] = ..., agreement: _Optional[str] = ..., valid_until: _Optional[int] = ..., terms: _Optional[str] = ...) -> None: ...

class AcceptNeedResponse(_message.Message):
    __slots__ = ("need",)
    NEED_FIELD_NUMBER: _ClassVar[int]
    need: Need
    def __init__(self, need: _Optional[_Union[Need, _Mapping]] = ...) -> None: ...

class RefuseNeedRequest(_message.Message):
    __slots__ = ("id", "basis", "answer")
    ID_FIELD_NUMBER: _ClassVar[int]
    BASIS_FIELD_NUMBER: _ClassVar[int]
    ANSWER_FIELD_NUMBER: _ClassVar[int]
    id: str
    basis: str
    answer: str
    def __init__(self, id: _Optional[str] = ..., basis: _Optional[str] = ..., answer: _Optional[str] = ...) -> None: ...

class RefuseNeedResponse(_message.Message):
    __slots__ = ("need",)
    NEED_FIELD_NUMBER: _ClassVar[int]
    need: Need
    def __init__(self, need: _Optional[_Union[Need, _Mapping]] = ...) -> None: ...

class WithdrawNeedRequest(_message.Message):
    __slots__ = ("id",)
    ID_FIELD_NUMBER: _ClassVar[int]
    id: str
    def __init__(self, id: _Optional[str] = ...) -> None: ...

class WithdrawNeedResponse(_message.Message):
    __slots__ = ("need",)
    NEED_FIELD_NUMBER: _ClassVar[int]
    need: Need
    def __init__(self, need: _Optional[_Union[Need, _Mapping]] = ...) -> None: ...

class ListNeedsRequest(_message.Message):
    __slots__ = ("overdue_only",)
    OVERDUE_ONLY_FIELD_NUMBER: _ClassVar[int]
    overdue_only: bool
    def __init__(self, overdue_only: _Optional[bool] = ...) -> None: ...

class ListNeedsResponse(_message.Message):
    __slots__ = ("needs",)
    NEEDS_FIELD_NUMBER: _ClassVar[int]
    needs: _containers.RepeatedCompositeFieldContainer[Need]
    def __init__(self, needs: _Optional[_Iterable[_Union[Need, _Mapping]]] = ...) -> None: ...

class NegativeListEntry(_message.Message):
    __slots__ = ("id", "title", "legal_basis", "controllers")
    ID_FIELD_NUMBER: _ClassVar[int]
    TITLE_FIELD_NUMBER: _ClassVar[int]
    LEGAL_BASIS_FIELD_NUMBER: _ClassVar[int]
    CONTROLLERS_FIELD_NUMBER: _ClassVar[int]
    id: str
    title: Text
    legal_basis: Text
    controllers: _containers.RepeatedScalarFieldContainer[str]
    def __init__(self, id: _Optional[str] = ..., title: _Optional[_Union[Text, _Mapping]] = ..., legal_basis: _Optional[_Union[Text, _Mapping]] = ..., controllers: _Optional[_Iterable[str]] = ...) -> None: ...

class ListNegativeListRequest(_message.Message):
    __slots__ = ()
    def __init__(self) -> None: ...

class ListNegativeListResponse(_message.Message):
    __slots__ = ("entries",)
    ENTRIES_FIELD_NUMBER: _ClassVar[int]
    entries: _containers.RepeatedCompositeFieldContainer[NegativeListEntry]
    def __init__(self, entries: _Optional[_Iterable[_Union[NegativeListEntry, _Mapping]]] = ...) -> None: ...

class Correction(_message.Message):
    __slots__ = ("id", "dataset", "row_reference", "columns", "remark", "office", "filed_by", "filed_at", "state", "deadline", "answered_at", "answered_by", "answer")
    ID_FIELD_NUMBER: _ClassVar[int]
    DATASET_FIELD_NUMBER: _ClassVar[int]
    ROW_REFERENCE_FIELD_NUMBER: _ClassVar[int]
    COLUMNS_FIELD_NUMBER: _ClassVar[int]
    REMARK_FIELD_NUMBER: _ClassVar[int]
    OFFICE_FIELD_NUMBER: _ClassVar[int]
    FILED_BY_FIELD_NUMBER: _ClassVar[int]
    FILED_AT_FIELD_NUMBER: _ClassVar[int]
    STATE_FIELD_NUMBER: _ClassVar[int]
    DEADLINE_FIELD_NUMBER: _ClassVar[int]
    ANSWERED_AT_FIELD_NUMBER: _ClassVar[int]
    ANSWERED_BY_FIELD_NUMBER: _ClassVar[int]
    ANSWER_FIELD_NUMBER: _ClassVar[int]
    id: str
    dataset: str
    row_reference: str
    columns: _containers.RepeatedScalarFieldContainer[str]
    remark: str
    office: str
    filed_by: str
    filed_at: int
    state: CorrectionState
    deadline: Deadline
    answered_at: int
    answered_by: str
    answer: str
    def __init__(self, id: _Optional[str] = ..., dataset: _Optional[str] = ..., row_reference: _Optional[str] = ..., columns: _Optional[_Iterable[str]] = ..., remark: _Optional[str] = ..., office: _Optional[str] = ..., filed_by: _Optional[str] = ..., filed_at: _Optional[int] = ..., state: _Optional[_Union[CorrectionState, str]] = ..., deadline: _Optional[_Union[Deadline, _Mapping]] = ..., answered_at: _Optional[int] = ..., answered_by: _Optional[str] = ..., answer: _Optional[str] = ...) -> None: ...

class FileCorrectionRequest(_message.Message):
    __slots__ = ("dataset", "entity_key", "columns", "remark", "receipt_entry")
    DATASET_FIELD_NUMBER: _ClassVar[int]
    ENTITY_KEY_FIELD_NUMBER: _ClassVar[int]
    COLUMNS_FIELD_NUMBER: _ClassVar[int]
    REMARK_FIELD_NUMBER: _ClassVar[int]
    RECEIPT_ENTRY_FIELD_NUMBER: _ClassVar[int]
    dataset: str
    entity_key: str
    columns: _containers.RepeatedScalarFieldContainer[str]
    remark: str
    receipt_entry: str
    def __init__(self, dataset: _Optional[str] = ..., entity_key: _Optional[str] = ..., columns: _Optional[_Iterable[str]] = ..., remark: _Optional[str] = ..., receipt_entry: _Optional[str] = ...) -> None: ...

class FileCorrectionResponse(_message.Message):
    __slots__ = ("correction",)
    CORRECTION_FIELD_NUMBER: _ClassVar[int]
    correction: Correction
    def __init__(self, correction: _Optional[_Union[Correction, _Mapping]] = ...) -> None: ...

class AnswerCorrectionRequest(_message.Message):
    __slots__ = ("id", "state", "answer")
    ID_FIELD_NUMBER: _ClassVar[int]
    STATE_FIELD_NUMBER: _ClassVar[int]
    ANSWER_FIELD_NUMBER: _ClassVar[int]
    id: str
    state: CorrectionState
    answer: str
    def __init__(self, id: _Optional[str] = ..., state: _Optional[_Union[CorrectionState, str]] = ..., answer: _Optional[str] = ...) -> None: ...

class AnswerCorrectionResponse(_message.Message):
    __slots__ = ("correction",)
    CORRECTION_FIELD_NUMBER: _ClassVar[int]
    correction: Correction
    def __init__(self, correction: _Optional[_Union[Correction, _Mapping]] = ...) -> None: ...

class ListCorrectionsRequest(_message.Message):
    __slots__ = ("overdue_only",)
    OVERDUE_ONLY_FIELD_NUMBER: _ClassVar[int]
    overdue_only: bool
    def __init__(self, overdue_only: _Optional[bool] = ...) -> None: ...

class ListCorrectionsResponse(_message.Message):
    __slots__ = ("corrections",)
    CORRECTIONS_FIELD_NUMBER: _ClassVar[int]
    corrections: _containers.RepeatedCompositeFieldContainer[Correction]
    def __init__(self, corrections: _Optional[_Iterable[_Union[Correction, _Mapping]]] = ...) -> None: ...

class RevealCorrectionRequest(_message.Message):
    __slots__ = ("id",)
    ID_FIELD_NUMBER: _ClassVar[int]
    id: str
    def __init__(self, id: _Optional[str] = ...) -> None: ...

class RevealCorrectionResponse(_message.Message):
    __slots__ = ("entity_key",)
    ENTITY_KEY_FIELD_NUMBER: _ClassVar[int]
    entity_key: str
    def __init__(self, entity_key: _Optional[str] = ...) -> None: ...
