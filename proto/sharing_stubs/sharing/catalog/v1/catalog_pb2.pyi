from google.protobuf.internal import containers as _containers
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Iterable as _Iterable, Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class Text(_message.Message):
    __slots__ = ("zh", "en")
    ZH_FIELD_NUMBER: _ClassVar[int]
    EN_FIELD_NUMBER: _ClassVar[int]
    zh: str
    en: str
    def __init__(self, zh: _Optional[str] = ..., en: _Optional[str] = ...) -> None: ...

class DatasetSummary(_message.Message):
    __slots__ = ("name", "title", "controller", "update_cycle", "sharing_class", "available")
    NAME_FIELD_NUMBER: _ClassVar[int]
    TITLE_FIELD_NUMBER: _ClassVar[int]
    CONTROLLER_FIELD_NUMBER: _ClassVar[int]
    UPDATE_CYCLE_FIELD_NUMBER: _ClassVar[int]
    SHARING_CLASS_FIELD_NUMBER: _ClassVar[int]
    AVAILABLE_FIELD_NUMBER: _ClassVar[int]
    name: str
    title: Text
    controller: Text
    update_cycle: str
    sharing_class: str
    available: bool
    def __init__(self, name: _Optional[str] = ..., title: _Optional[_Union[Text, _Mapping]] = ..., controller: _Optional[_Union[Text, _Mapping]] = ..., update_cycle: _Optional[str] = ..., sharing_class: _Optional[str] = ..., available: _Optional[bool] = ...) -> None: ...

class ListDatasetsRequest(_message.Message):
    __slots__ = ()
    def __init__(self) -> None: ...

class ListDatasetsResponse(_message.Message):
    __slots__ = ("datasets",)
    DATASETS_FIELD_NUMBER: _ClassVar[int]
    datasets: _containers.RepeatedCompositeFieldContainer[DatasetSummary]
    def __init__(self, datasets: _Optional[_Iterable[_Union[DatasetSummary, _Mapping]]] = ...) -> None: ...

class GetDatasetRequest(_message.Message):
    __slots__ = ("name",)
    NAME_FIELD_NUMBER: _ClassVar[int]
    name: str
    def __init__(self, name: _Optional[str] = ...) -> None: ...

class ColumnDescription(_message.Message):
    __slots__ = ("name", "type", "title", "grade", "treatments")
    class TreatmentsEntry(_message.Message):
        __slots__ = ("key", "value")
        KEY_FIELD_NUMBER: _ClassVar[int]
        VALUE_FIELD_NUMBER: _ClassVar[int]
        key: str
        value: str
        def __init__(self, key: _Optional[str] = ..., value: _Optional[str] = ...) -> None: ...
    NAME_FIELD_NUMBER: _ClassVar[int]
    TYPE_FIELD_NUMBER: _ClassVar[int]
    TITLE_FIELD_NUMBER: _ClassVar[int]
    GRADE_FIELD_NUMBER: _ClassVar[int]
    TREATMENTS_FIELD_NUMBER: _ClassVar[int]
    name: str
    type: str
    title: Text
    grade: str
    treatments: _containers.ScalarMap[str, str]
    def __init__(self, name: _Optional[str] = ..., type: _Optional[str] = ..., title: _Optional[_Union[Text, _Mapping]] = ..., grade: _Optional[str] = ..., treatments: _Optional[_Mapping[str, str]] = ...) -> None: ...

class GetDatasetResponse(_message.Message):
    __slots__ = ("summary", "description", "source", "columns")
    SUMMARY_FIELD_NUMBER: _ClassVar[int]
    DESCRIPTION_FIELD_NUMBER: _ClassVar[int]
    SOURCE_FIELD_NUMBER: _ClassVar[int]
    COLUMNS_FIELD_NUMBER: _ClassVar[int]
    summary: DatasetSummary
    description: Text
    source: Text
    columns: _containers.RepeatedCompositeFieldContainer[ColumnDescription]
    def __init__(self, summary: _Optional[_Union[DatasetSummary, _Mapping]] = ..., description: _Optional[_Union[Text, _Mapping]] = ..., source: _Optional[_Union[Text, _Mapping]] = ..., columns: _Optional[_Iterable[_Union[ColumnDescription, _Mapping]]] = ...) -> None: ...

class ListPurposesRequest(_message.Message):
    __slots__ = ()
    def __init__(self) -> None: ...

class PurposeDescription(_message.Message):
    __slots__ = ("id", "title", "description", "legal_basis", "case_required", "emergency_required", "aggregate_only", "datasets", "retention_days")
    ID_FIELD_NUMBER: _ClassVar[int]
    TITLE_FIELD_NUMBER: _ClassVar[int]
    DESCRIPTION_FIELD_NUMBER: _ClassVar[int]
    LEGAL_BASIS_FIELD_NUMBER: _ClassVar[int]
    CASE_REQUIRED_FIELD_NUMBER: _ClassVar[int]
    EMERGENCY_REQUIRED_FIELD_NUMBER: _ClassVar[int]
    AGGREGATE_ONLY_FIELD_NUMBER: _ClassVar[int]
    DATASETS_FIELD_NUMBER: _ClassVar[int]
    RETENTION_DAYS_FIELD_NUMBER: _ClassVar[int]
    id: str
    title: Text
    description: Text
    legal_basis: _containers.RepeatedCompositeFieldContainer[Text]
    case_required: bool
    emergency_required: bool
    aggregate_only: bool
    datasets: _containers.RepeatedScalarFieldContainer[str]
    retention_days: int
    def __init__(self, id: _Optional[str] = ..., title: _Optional[_Union[Text, _Mapping]] = ..., description: _Optional[_Union[Text, _Mapping]] = ..., legal_basis: _Optional[_Iterable[_Union[Text, _Mapping]]] = ..., case_required: _Optional[bool] = ..., emergency_required: _Optional[bool] = ..., aggregate_only: _Optional[bool] = ..., datasets: _Optional[_Iterable[str]] = ..., retention_days: _Optional[int] = ...) -> None: ...

class ListPurposesResponse(_message.Message):
    __slots__ = ("purposes",)
    PURPOSES_FIELD_NUMBER: _ClassVar[int]
    purposes: _containers.RepeatedCompositeFieldContainer[PurposeDescription]
    def __init__(self, purposes: _Optional[_Iterable[_Union[PurposeDescription, _Mapping]]] = ...) -> None: ...

class ExplainQueryRequest(_message.Message):
    __slots__ = ("sql",)
    SQL_FIELD_NUMBER: _ClassVar[int]
    sql: str
    def __init__(self, sql: _Optional[str] = ...) -> None: ...

class ColumnTreatment(_message.Message):
    __slots__ = ("dataset", "column", "action", "mask")
    DATASET_FIELD_NUMBER: _ClassVar[int]
    COLUMN_FIELD_NUMBER: _ClassVar[int]
    ACTION_FIELD_NUMBER: _ClassVar[int]
    MASK_FIELD_NUMBER: _ClassVar[int]
    dataset: str
    column: str
    action: str
    mask: str
    def __init__(self, dataset: _Optional[str] = ..., column: _Optional[str] = ..., action: _Optional[str] = ..., mask: _Optional[str] = ...) -> None: ...

class RowScope(_message.Message):
    __slots__ = ("dataset", "text")
    DATASET_FIELD_NUMBER: _ClassVar[int]
    TEXT_FIELD_NUMBER: _ClassVar[int]
    dataset: str
    text: Text
    def __init__(self, dataset: _Optional[str] = ..., text: _Optional[_Union[Text, _Mapping]] = ...) -> None: ...

class DenialReason(_message.Message):
    __slots__ = ("code", "message", "legal_basis", "remedy")
    CODE_FIELD_NUMBER: _ClassVar[int]
    MESSAGE_FIELD_NUMBER: _ClassVar[int]
    LEGAL_BASIS_FIELD_NUMBER: _ClassVar[int]
    REMEDY_FIELD_NUMBER: _ClassVar[int]
    code: str
    message: Text
    legal_basis: Text
    remedy: Text
    def __init__(self, code: _Optional[str] = ..., message: _Optional[_Union[Text, _Mapping]] = ..., legal_basis: _Optional[_Union[Text, _Mapping]] = ..., remedy: _Optional[_Union[Text, _Mapping]] = ...) -> None: ...

class ExplainQueryResponse(_message.Message):
    __slots__ = ("allow", "columns", "rows", "denials", "determined_by", "legal_basis", "policy_revision")
    ALLOW_FIELD_NUMBER: _ClassVar[int]
    COLUMNS_FIELD_NUMBER: _ClassVar[int]
    ROWS_FIELD_NUMBER: _ClassVar[int]
    DENIALS_FIELD_NUMBER: _ClassVar[int]
    DETERMINED_BY_FIELD_NUMBER: _ClassVar[int]
    LEGAL_BASIS_FIELD_NUMBER: _ClassVar[int]
    POLICY_REVISION_FIELD_NUMBER: _ClassVar[int]
    allow: bool
    columns: _containers.RepeatedCompositeFieldContainer[ColumnTreatment]
    rows: _containers.RepeatedCompositeFieldContainer[RowScope]
    denials: _containers.RepeatedCompositeFieldContainer[DenialReason]
    determined_by: _containers.RepeatedScalarFieldContainer[str]
    legal_basis: _containers.RepeatedCompositeFieldContainer[Text]
    policy_revision: str
    def __init__(self, allow: _Optional[bool] = ..., columns: _Optional[_Iterable[_Union[ColumnTreatment, _Mapping]]] = ..., rows: _Optional[_Iterable[_Union[RowScope, _Mapping]]] = ..., denials: _Optional[_Iterable[_Union[DenialReason, _Mapping]]] = ..., determined_by: _Optional[_Iterable[str]] = ..., legal_basis: _Optional[_Iterable[_Union[Text, _Mapping]]] = ..., policy_revision: _Optional[str] = ...) -> None: ...
