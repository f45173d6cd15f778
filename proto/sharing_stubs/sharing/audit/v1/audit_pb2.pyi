from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from typing import ClassVar as _ClassVar, Optional as _Optional

DESCRIPTOR: _descriptor.FileDescriptor

class SearchEntriesRequest(_message.Message):
    __slots__ = ("from_time", "until_time", "office", "requester", "purpose", "dataset", "kind", "case", "entries_max")
    FROM_TIME_FIELD_NUMBER: _ClassVar[int]
    UNTIL_TIME_FIELD_NUMBER: _ClassVar[int]
    OFFICE_FIELD_NUMBER: _ClassVar[int]
    REQUESTER_FIELD_NUMBER: _ClassVar[int]
    PURPOSE_FIELD_NUMBER: _ClassVar[int]
    DATASET_FIELD_NUMBER: _ClassVar[int]
    KIND_FIELD_NUMBER: _ClassVar[int]
    CASE_FIELD_NUMBER: _ClassVar[int]
    ENTRIES_MAX_FIELD_NUMBER: _ClassVar[int]
    from_time: int
    until_time: int
    office: str
    requester: str
    purpose: str
    dataset: str
    kind: str
    case: str
    entries_max: int
    def __init__(self, from_time: _Optional[int] = ..., until_time: _Optional[int] = ..., office: _Optional[str] = ..., requester: _Optional[str] = ..., purpose: _Optional[str] = ..., dataset: _Optional[str] = ..., kind: _Optional[str] = ..., case: _Optional[str] = ..., entries_max: _Optional[int] = ...) -> None: ...

class SearchEntriesResponse(_message.Message):
    __slots__ = ("sequence", "canonical_json", "sha256")
    SEQUENCE_FIELD_NUMBER: _ClassVar[int]
    CANONICAL_JSON_FIELD_NUMBER: _ClassVar[int]
    SHA256_FIELD_NUMBER: _ClassVar[int]
    sequence: int
    canonical_json: bytes
    sha256: bytes
    def __init__(self, sequence: _Optional[int] = ..., canonical_json: _Optional[bytes] = ..., sha256: _Optional[bytes] = ...) -> None: ...

class ReadLogRequest(_message.Message):
    __slots__ = ()
    def __init__(self) -> None: ...

class ReadLogResponse(_message.Message):
    __slots__ = ("log", "checkpoint")
    LOG_FIELD_NUMBER: _ClassVar[int]
    CHECKPOINT_FIELD_NUMBER: _ClassVar[int]
    log: bytes
    checkpoint: bytes
    def __init__(self, log: _Optional[bytes] = ..., checkpoint: _Optional[bytes] = ...) -> None: ...
