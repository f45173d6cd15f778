from google.protobuf.internal import containers as _containers
from google.protobuf.internal import enum_type_wrapper as _enum_type_wrapper
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Iterable as _Iterable, Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class PredicateOp(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    PREDICATE_OP_UNSPECIFIED: _ClassVar[PredicateOp]
    PREDICATE_OP_EQ: _ClassVar[PredicateOp]
    PREDICATE_OP_NE: _ClassVar[PredicateOp]
    PREDICATE_OP_LT: _ClassVar[PredicateOp]
    PREDICATE_OP_LE: _ClassVar[PredicateOp]
    PREDICATE_OP_GT: _ClassVar[PredicateOp]
    PREDICATE_OP_GE: _ClassVar[PredicateOp]
    PREDICATE_OP_IN: _ClassVar[PredicateOp]
    PREDICATE_OP_PREFIX: _ClassVar[PredicateOp]
    PREDICATE_OP_BETWEEN: _ClassVar[PredicateOp]
    PREDICATE_OP_IS_NULL: _ClassVar[PredicateOp]
    PREDICATE_OP_AND: _ClassVar[PredicateOp]
    PREDICATE_OP_OR: _ClassVar[PredicateOp]
    PREDICATE_OP_NOT: _ClassVar[PredicateOp]
PREDICATE_OP_UNSPECIFIED: PredicateOp
PREDICATE_OP_EQ: PredicateOp
PREDICATE_OP_NE: PredicateOp
PREDICATE_OP_LT: PredicateOp
PREDICATE_OP_LE: PredicateOp
PREDICATE_OP_GT: PredicateOp
PREDICATE_OP_GE: PredicateOp
PREDICATE_OP_IN: PredicateOp
PREDICATE_OP_PREFIX: PredicateOp
PREDICATE_OP_BETWEEN: PredicateOp
PREDICATE_OP_IS_NULL: PredicateOp
PREDICATE_OP_AND: PredicateOp
PREDICATE_OP_OR: PredicateOp
PREDICATE_OP_NOT: PredicateOp

class DescribeRequest(_message.Message):
    __slots__ = ("registration_nonce",)
    REGISTRATION_NONCE_FIELD_NUMBER: _ClassVar[int]
    registration_nonce: bytes
    def __init__(self, registration_nonce: _Optional[bytes] = ...) -> None: ...

class DescribeResponse(_message.Message):
    __slots__ = ("department", "datasets", "instance_id", "confirms_registration")
    DEPARTMENT_FIELD_NUMBER: _ClassVar[int]
    DATASETS_FIELD_NUMBER: _ClassVar[int]
    INSTANCE_ID_FIELD_NUMBER: _ClassVar[int]
    CONFIRMS_REGISTRATION_FIELD_NUMBER: _ClassVar[int]
    department: str
    datasets: _containers.RepeatedCompositeFieldContainer[DatasetDescription]
    instance_id: str
    confirms_registration: bool
    def __init__(self, department: _Optional[str] = ..., datasets: _Optional[_Iterable[_Union[DatasetDescription, _Mapping]]] = ..., instance_id: _Optional[str] = ..., confirms_registration: _Optional[bool] = ...) -> None: ...

class DatasetDescription(_message.Message):
    __slots__ = ("name", "arrow_schema", "as_of")
    NAME_FIELD_NUMBER: _ClassVar[int]
    ARROW_SCHEMA_FIELD_NUMBER: _ClassVar[int]
    AS_OF_FIELD_NUMBER: _ClassVar[int]
    name: str
    arrow_schema: bytes
    as_of: int
    def __init__(self, name: _Optional[str] = ..., arrow_schema: _Optional[bytes] = ..., as_of: _Optional[int] = ...) -> None: ...

class CheckRequest(_message.Message):
    __slots__ = ()
    def __init__(self) -> None: ...

class CheckResponse(_message.Message):
    __slots__ = ()
    def __init__(self) -> None: ...

class ScanRequest(_message.Message):
    __slots__ = ("grant", "nonce")
    GRANT_FIELD_NUMBER: _ClassVar[int]
    NONCE_FIELD_NUMBER: _ClassVar[int]
    grant: SignedScanGrant
    nonce: bytes
    def __init__(self, grant: _Optional[_Union[SignedScanGrant, _Mapping]] = ..., nonce: _Optional[bytes] = ...) -> None: ...

class SignedScanGrant(_message.Message):
    __slots__ = ("payload", "signature", "key_id")
    PAYLOAD_FIELD_NUMBER: _ClassVar[int]
    SIGNATURE_FIELD_NUMBER: _ClassVar[int]
    KEY_ID_FIELD_NUMBER: _ClassVar[int]
    payload: bytes
    signature: bytes
    key_id: str
    def __init__(self, payload: _Optional[bytes] = ..., signature: _Optional[bytes] = ..., key_id: _Optional[str] = ...) -> None: ...

class ScanGrant(_message.Message):
    __slots__ = ("grant_id", "decision_id", "audience", "dataset", "purpose", "recipient", "columns", "row_filter", "pushed_filter", "lookup", "rows_max", "issued_at", "expires_at", "pseudonym_key")
    GRANT_ID_FIELD_NUMBER: _ClassVar[int]
    DECISION_ID_FIELD_NUMBER: _ClassVar[int]
    AUDIENCE_FIELD_NUMBER: _ClassVar[int]
    DATASET_FIELD_NUMBER: _ClassVar[int]
    PURPOSE_FIELD_NUMBER: _ClassVar[int]
    RECIPIENT_FIELD_NUMBER: _ClassVar[int]
    COLUMNS_FIELD_NUMBER: _ClassVar[int]
    ROW_FILTER_FIELD_NUMBER: _ClassVar[int]
    PUSHED_FILTER_FIELD_NUMBER: _ClassVar[int]
    LOOKUP_FIELD_NUMBER: _ClassVar[int]
    ROWS_MAX_FIELD_NUMBER: _ClassVar[int]
    ISSUED_AT_FIELD_NUMBER: _ClassVar[int]
    EXPIRES_AT_FIELD_NUMBER: _ClassVar[int]
    PSEUDONYM_KEY_FIELD_NUMBER: _ClassVar[int]
    grant_id: str
    decision_id: str
    audience: str
    dataset: str
    purpose: str
    recipient: str
    columns: _containers.RepeatedCompositeFieldContainer[ColumnGrant]
    row_filter: Predicate
    pushed_filter: Predicate
    lookup: LookupKeys
    rows_max: int
    issued_at: int
    expires_at: int
    pseudonym_key: bytes
    def __init__(self, grant_id: _Optional[str] = ..., decision_id: _Optional[str] = ..., audience: _Optional[str] = ..., dataset: _Optional[str] = ..., purpose: _Optional[str] = ..., recipient: _Optional[str] = ..., columns: _Optional[_Iterable[_Union[ColumnGrant, _Mapping]]] = ..., row_filter: _Optional[_Union[Predicate, _Mapping]] = ..., pushed_filter: _Optional[_Union[Predicate, _Mapping]] = ..., lookup: _Optional[_Union[LookupKeys, _Mapping]] = ..., rows_max: _Optional[int] = ..., issued_at: _Optional[int] = ..., expires_at: _Optional[int] = ..., pseudonym_key: _Optional[bytes] = ...) -> None: ...

class ColumnGrant(_message.Message):
    __slots__ = ("name", "action", "mask")
    NAME_FIELD_NUMBER: _ClassVar[int]
    ACTION_FIELD_NUMBER: _ClassVar[int]
    MASK_FIELD_NUMBER: _ClassVar[int]
    name: str
    action: str
    mask: str
    def __init__(self, name: _Optional[str] = ..., action: _Optional[str] = ..., mask: _Optional[str] = ...) -> None: ...

class LookupKeys(_message.Message):
    __slots__ = ("column", "values")
    COLUMN_FIELD_NUMBER: _ClassVar[int]
    VALUES_FIELD_NUMBER: _ClassVar[int]
    column: str
    values: _containers.RepeatedCompositeFieldContainer[Value]
    def __init__(self, column: _Optional[str] = ..., values: _Optional[_Iterable[_Union[Value, _Mapping]]] = ...) -> None: ...

class SignedInquiry(_message.Message):
    __slots__ = ("payload", "signature", "key_id")
    PAYLOAD_FIELD_NUMBER: _ClassVar[int]
    SIGNATURE_FIELD_NUMBER: _ClassVar[int]
    KEY_ID_FIELD_NUMBER: _ClassVar[int]
    payload: bytes
    signature: bytes
    key_id: str
    def __init__(self, payload: _Optional[bytes] = ..., signature: _Optional[bytes] = ..., key_id: _Optional[str] = ...) -> None: ...

class Inquiry(_message.Message):
    __slots__ = ("inquiry_id", "audience", "from_time", "until_time", "identifier", "value", "issued_at", "expires_at", "dataset", "sketch_key")
    INQUIRY_ID_FIELD_NUMBER: _ClassVar[int]
    AUDIENCE_FIELD_NUMBER: _ClassVar[int]
    FROM_TIME_FIELD_NUMBER: _ClassVar[int]
    UNTIL_TIME_FIELD_NUMBER: _ClassVar[int]
    IDENTIFIER_FIELD_NUMBER: _ClassVar[int]
    VALUE_FIELD_NUMBER: _ClassVar[int]
    ISSUED_AT_FIELD_NUMBER: _ClassVar[int]
    EXPIRES_AT_FIELD_NUMBER: _ClassVar[int]
    DATASET_FIELD_NUMBER: _ClassVar[int]
    SKETCH_KEY_FIELD_NUMBER: _ClassVar[int]
    inquiry_id: str
    audience: str
    from_time: int
    until_time: int
    identifier: str
    value: str
    issued_at: int
    expires_at: int
    dataset: str
    sketch_key: bytes
    def __init__(self, inquiry_id: _Optional[str] = ..., audience: _Optional[str] = ..., from_time: _Optional[int] = ..., until_time: _Optional[int] = ..., identifier: _Optional[str] = ..., value: _Optional[str] = ..., issued_at: _Optional[int] = ..., expires_at: _Optional[int] = ..., dataset: _Optional[str] = ..., sketch_key: _Optional[bytes] = ...) -> None: ...

class ReadGrantLogRequest(_message.Message):
    __slots__ = ("inquiry",)
    INQUIRY_FIELD_NUMBER: _ClassVar[int]
    inquiry: SignedInquiry
    def __init__(self, inquiry: _Optional[_Union[SignedInquiry, _Mapping]] = ...) -> None: ...

class ReadGrantLogResponse(_message.Message):
    __slots__ = ("leaf",)
    LEAF_FIELD_NUMBER: _ClassVar[int]
    leaf: bytes
    def __init__(self, leaf: _Optional[bytes] = ...) -> None: ...

class FindSubjectRequest(_message.Message):
    __slots__ = ("inquiry",)
    INQUIRY_FIELD_NUMBER: _ClassVar[int]
    inquiry: SignedInquiry
    def __init__(self, inquiry: _Optional[_Union[SignedInquiry, _Mapping]] = ...) -> None: ...

class FindSubjectResponse(_message.Message):
    __slots__ = ("decision_id", "dataset", "certain")
    DECISION_ID_FIELD_NUMBER: _ClassVar[int]
    DATASET_FIELD_NUMBER: _ClassVar[int]
    CERTAIN_FIELD_NUMBER: _ClassVar[int]
    decision_id: str
    dataset: str
    certain: bool
    def __init__(self, decision_id: _Optional[str] = ..., dataset: _Optional[str] = ..., certain: _Optional[bool] = ...) -> None: ...

class ProfileRequest(_message.Message):
    __slots__ = ("inquiry",)
    INQUIRY_FIELD_NUMBER: _ClassVar[int]
    inquiry: SignedInquiry
    def __init__(self, inquiry: _Optional[_Union[SignedInquiry, _Mapping]] = ...) -> None: ...

class ProfileResponse(_message.Message):
    __slots__ = ("rows", "duplicate_keys", "columns", "as_of", "sketch")
    ROWS_FIELD_NUMBER: _ClassVar[int]
    DUPLICATE_KEYS_FIELD_NUMBER: _ClassVar[int]
    COLUMNS_FIELD_NUMBER: _ClassVar[int]
    AS_OF_FIELD_NUMBER: _ClassVar[int]
    SKETCH_FIELD_NUMBER: _ClassVar[int]
    rows: int
    duplicate_keys: int
    columns: _containers.RepeatedCompositeFieldContainer[ColumnProfile]
    as_of: int
    sketch: bytes
    def __init__(self, rows: _Optional[int] = ..., duplicate_keys: _Optional[int] = ..., columns: _Optional[_Iterable[_Union[ColumnProfile, _Mapping]]] = ..., as_of: _Optional[int] = ..., sketch: _Optional[bytes] = ...) -> None: ...

class ColumnProfile(_message.Message):
    __slots__ = ("name", "nulls", "malformed", "outside_codes")
    NAME_FIELD_NUMBER: _ClassVar[int]
    NULLS_FIELD_NUMBER: _ClassVar[int]
    MALFORMED_FIELD_NUMBER: _ClassVar[int]
    OUTSIDE_CODES_FIELD_NUMBER: _ClassVar[int]
    name: str
    nulls: int
    malformed: int
    outside_codes: int
    def __init__(self, name: _Optional[str] = ..., nulls: _Optional[int] = ..., malformed: _Optional[int] = ..., outside_codes: _Optional[int] = ...) -> None: ...

class Predicate(_message.Message):
    __slots__ = ("op", "column", "values", "operands")
    OP_FIELD_NUMBER: _ClassVar[int]
    COLUMN_FIELD_NUMBER: _ClassVar[int]
    VALUES_FIELD_NUMBER: _ClassVar[int]
    OPERANDS_FIELD_NUMBER: _ClassVar[int]
    op: PredicateOp
    column: str
    values: _containers.RepeatedCompositeFieldContainer[Value]
    operands: _containers.RepeatedCompositeFieldContainer[Predicate]
    def __init__(self, op: _Optional[_Union[PredicateOp, str]] = ..., column: _Optional[str] = ..., values: _Optional[_Iterable[_Union[Value, _Mapping]]] = ..., operands: _Optional[_Iterable[_Union[Predicate, _Mapping]]] = ...) -> None: ...

class Value(_message.Message):
    __slots__ = ("text", "integer", "number", "truth", "date_days", "timestamp_micros")
    TEXT_FIELD_NUMBER: _ClassVar[int]
    INTEGER_FIELD_NUMBER: _ClassVar[int]
    NUMBER_FIELD_NUMBER: _ClassVar[int]
    TRUTH_FIELD_NUMBER: _ClassVar[int]
    DATE_DAYS_FIELD_NUMBER: _ClassVar[int]
    TIMESTAMP_MICROS_FIELD_NUMBER: _ClassVar[int]
    text: str
    integer: int
    number: float
    truth: bool
    date_days: int
    timestamp_micros: int
    def __init__(self, text: _Optional[str] = ..., integer: _Optional[int] = ..., number: _Optional[float] = ..., truth: _Optional[bool] = ..., date_days: _Optional[int] = ..., timestamp_micros: _Optional[int] = ...) -> None: ...

class ScanResponse(_message.Message):
    __slots__ = ("record_batch", "end")
    RECORD_BATCH_FIELD_NUMBER: _ClassVar[int]
    END_FIELD_NUMBER: _ClassVar[int]
    record_batch: bytes
    end: ScanEnd
    def __init__(self, record_batch: _Optional[bytes] = ..., end: _Optional[_Union[ScanEnd, _Mapping]] = ...) -> None: ...

class ScanEnd(_message.Message):
    __slots__ = ("rows", "sha256", "as_of")
    ROWS_FIELD_NUMBER: _ClassVar[int]
    SHA256_FIELD_NUMBER: _ClassVar[int]
    AS_OF_FIELD_NUMBER: _ClassVar[int]
    rows: int
    sha256: bytes
    as_of: int
    def __init__(self, rows: _Optional[int] = ..., sha256: _Optional[bytes] = ..., as_of: _Optional[int] = ...) -> None: ...
