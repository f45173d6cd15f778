from google.protobuf.internal import containers as _containers
from google.protobuf.internal import enum_type_wrapper as _enum_type_wrapper
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Iterable as _Iterable
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class AccessKind(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    ACCESS_KIND_UNSPECIFIED: _ClassVar[AccessKind]
    ACCESS_KIND_LOOKED_UP: _ClassVar[AccessKind]
    ACCESS_KIND_DELIVERED: _ClassVar[AccessKind]
    ACCESS_KIND_COUNTED: _ClassVar[AccessKind]
    ACCESS_KIND_POSSIBLE: _ClassVar[AccessKind]
ACCESS_KIND_UNSPECIFIED: AccessKind
ACCESS_KIND_LOOKED_UP: AccessKind
ACCESS_KIND_DELIVERED: AccessKind
ACCESS_KIND_COUNTED: AccessKind
ACCESS_KIND_POSSIBLE: AccessKind

class ReportSubjectRequest(_message.Message):
    __slots__ = ("identifier", "value", "for_data_subject")
    IDENTIFIER_FIELD_NUMBER: _ClassVar[int]
    VALUE_FIELD_NUMBER: _ClassVar[int]
    FOR_DATA_SUBJECT_FIELD_NUMBER: _ClassVar[int]
    identifier: str
    value: str
    for_data_subject: bool
    def __init__(self, identifier: _Optional[str] = ..., value: _Optional[str] = ..., for_data_subject: _Optional[bool] = ...) -> None: ...

class ReportSubjectResponse(_message.Message):
    __slots__ = ("time_micros", "office", "purpose", "dataset", "columns", "entry_id", "kind", "requester", "withheld_until")
    TIME_MICROS_FIELD_NUMBER: _ClassVar[int]
    OFFICE_FIELD_NUMBER: _ClassVar[int]
    PURPOSE_FIELD_NUMBER: _ClassVar[int]
    DATASET_FIELD_NUMBER: _ClassVar[int]
    COLUMNS_FIELD_NUMBER: _ClassVar[int]
    ENTRY_ID_FIELD_NUMBER: _ClassVar[int]
    KIND_FIELD_NUMBER: _ClassVar[int]
    REQUESTER_FIELD_NUMBER: _ClassVar[int]
    WITHHELD_UNTIL_FIELD_NUMBER: _ClassVar[int]
    time_micros: int
    office: str
    purpose: str
    dataset: str
    columns: _containers.RepeatedScalarFieldContainer[str]
    entry_id: str
    kind: AccessKind
    requester: str
    withheld_until: int
    def __init__(self, time_micros: _Optional[int] = ..., office: _Optional[str] = ..., purpose: _Optional[str] = ..., dataset: _Optional[str] = ..., columns: _Optional[_Iterable[str]] = ..., entry_id: _Optional[str] = ..., kind: _Optional[_Union[AccessKind, str]] = ..., requester: _Optional[str] = ..., withheld_until: _Optional[int] = ...) -> None: ...

class RevealSubjectRequest(_message.Message):
    __slots__ = ("token", "reason")
    TOKEN_FIELD_NUMBER: _ClassVar[int]
    REASON_FIELD_NUMBER: _ClassVar[int]
    token: str
    reason: str
    def __init__(self, token: _Optional[str] = ..., reason: _Optional[str] = ...) -> None: ...

class RevealSubjectResponse(_message.Message):
    __slots__ = ("identifier", "value")
    IDENTIFIER_FIELD_NUMBER: _ClassVar[int]
    VALUE_FIELD_NUMBER: _ClassVar[int]
    identifier: str
    value: str
    def __init__(self, identifier: _Optional[str] = ..., value: _Optional[str] = ...) -> None: ...
