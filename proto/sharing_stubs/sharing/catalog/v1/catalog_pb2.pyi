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
    __slots__ = ("name", "title", "controller", "update_cycle", "sharing_class", "available", "purposes", "version", "freshness", "unavailable_because")
    NAME_FIELD_NUMBER: _ClassVar[int]
    TITLE_FIELD_NUMBER: _ClassVar[int]
    CONTROLLER_FIELD_NUMBER: _ClassVar[int]
    UPDATE_CYCLE_FIELD_NUMBER: _ClassVar[int]
    SHARING_CLASS_FIELD_NUMBER: _ClassVar[int]
    AVAILABLE_FIELD_NUMBER: _ClassVar[int]
    PURPOSES_FIELD_NUMBER: _ClassVar[int]
    VERSION_FIELD_NUMBER: _ClassVar[int]
    FRESHNESS_FIELD_NUMBER: _ClassVar[int]
    UNAVAILABLE_BECAUSE_FIELD_NUMBER: _ClassVar[int]
    name: str
    title: Text
    controller: Text
    update_cycle: str
    sharing_class: str
    available: bool
    purposes: _containers.RepeatedScalarFieldContainer[str]
    version: str
    freshness: Freshness
    unavailable_because: Text
    def __init__(self, name: _Optional[str] = ..., title: _Optional[_Union[Text, _Mapping]] = ..., controller: _Optional[_Union[Text, _Mapping]] = ..., update_cycle: _Optional[str] = ..., sharing_class: _Optional[str] = ..., available: _Optional[bool] = ..., purposes: _Optional[_Iterable[str]] = ..., version: _Optional[str] = ..., freshness: _Optional[_Union[Freshness, _Mapping]] = ..., unavailable_because: _Optional[_Union[Text, _Mapping]] = ...) -> None: ...

class Freshness(_message.Message):
    __slots__ = ("as_of", "due_at", "late")
    AS_OF_FIELD_NUMBER: _ClassVar[int]
    DUE_AT_FIELD_NUMBER: _ClassVar[int]
    LATE_FIELD_NUMBER: _ClassVar[int]
    as_of: int
    due_at: int
    late: bool
    def __init__(self, as_of: _Optional[int] = ..., due_at: _Optional[int] = ..., late: _Optional[bool] = ...) -> None: ...

class ListDatasetsRequest(_message.Message):
    __slots__ = ("page_size", "page_token")
    PAGE_SIZE_FIELD_NUMBER: _ClassVar[int]
    PAGE_TOKEN_FIELD_NUMBER: _ClassVar[int]
    page_size: int
    page_token: str
    def __init__(self, page_size: _Optional[int] = ..., page_token: _Optional[str] = ...) -> None: ...

class ListDatasetsResponse(_message.Message):
    __slots__ = ("datasets", "next_page_token")
    DATASETS_FIELD_NUMBER: _ClassVar[int]
    NEXT_PAGE_TOKEN_FIELD_NUMBER: _ClassVar[int]
    datasets: _containers.RepeatedCompositeFieldContainer[DatasetSummary]
    next_page_token: str
    def __init__(self, datasets: _Optional[_Iterable[_Union[DatasetSummary, _Mapping]]] = ..., next_page_token: _Optional[str] = ...) -> None: ...

class SearchDatasetsRequest(_message.Message):
    __slots__ = ("query", "page_size")
    QUERY_FIELD_NUMBER: _ClassVar[int]
    PAGE_SIZE_FIELD_NUMBER: _ClassVar[int]
    query: str
    page_size: int
    def __init__(self, query: _Optional[str] = ..., page_size: _Optional[int] = ...) -> None: ...

class SearchDatasetsResponse(_message.Message):
    __slots__ = ("datasets", "total")
    DATASETS_FIELD_NUMBER: _ClassVar[int]
    TOTAL_FIELD_NUMBER: _ClassVar[int]
    datasets: _containers.RepeatedCompositeFieldContainer[DatasetSummary]
    total: int
    def __init__(self, datasets: _Optional[_Iterable[_Union[DatasetSummary, _Mapping]]] = ..., total: _Optional[int] = ...) -> None: ...

class Quality(_message.Message):
    __slots__ = ("at", "rows", "duplicate_keys", "columns")
    AT_FIELD_NUMBER: _ClassVar[int]
    ROWS_FIELD_NUMBER: _ClassVar[int]
    DUPLICATE_KEYS_FIELD_NUMBER: _ClassVar[int]
    COLUMNS_FIELD_NUMBER: _ClassVar[int]
    at: int
    rows: int
    duplicate_keys: int
    columns: _containers.RepeatedCompositeFieldContainer[ColumnQuality]
    def __init__(self, at: _Optional[int] = ..., rows: _Optional[int] = ..., duplicate_keys: _Optional[int] = ..., columns: _Optional[_Iterable[_Union[ColumnQuality, _Mapping]]] = ...) -> None: ...

class ColumnQuality(_message.Message):
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

class GetDatasetRequest(_message.Message):
    __slots__ = ("name",)
    NAME_FIELD_NUMBER: _ClassVar[int]
    name: str
    def __init__(self, name: _Optional[str] = ...) -> None: ...

class Code(_message.Message):
    __slots__ = ("code", "title")
    CODE_FIELD_NUMBER: _ClassVar[int]
    TITLE_FIELD_NUMBER: _ClassVar[int]
    code: str
    title: Text
    def __init__(self, code: _Optional[str] = ..., title: _Optional[_Union[Text, _Mapping]] = ...) -> None: ...

class ColumnDescription(_message.Message):
    __slots__ = ("name", "type", "title", "grade", "treatments", "codes", "identifier", "groupable", "summable", "treatment_texts")
    class TreatmentsEntry(_message.Message):
        __slots__ = ("key", "value")
        KEY_FIELD_NUMBER: _ClassVar[int]
        VALUE_FIELD_NUMBER: _ClassVar[int]
        key: str
        value: str
        def __init__(self, key: _Optional[str] = ..., value: _Optional[str] = ...) -> None: ...
    class TreatmentTextsEntry(_message.Message):
        __slots__ = ("key", "value")
        KEY_FIELD_NUMBER: _ClassVar[int]
        VALUE_FIELD_NUMBER: _ClassVar[int]
        key: str
        value: Text
        def __init__(self, key: _Optional[str] = ..., value: _Optional[_Union[Text, _Mapping]] = ...) -> None: ...
    NAME_FIELD_NUMBER: _ClassVar[int]
    TYPE_FIELD_NUMBER: _ClassVar[int]
    TITLE_FIELD_NUMBER: _ClassVar[int]
    GRADE_FIELD_NUMBER: _ClassVar[int]
    TREATMENTS_FIELD_NUMBER: _ClassVar[int]
    CODES_FIELD_NUMBER: _ClassVar[int]
    IDENTIFIER_FIELD_NUMBER: _ClassVar[int]
    GROUPABLE_FIELD_NUMBER: _ClassVar[int]
    SUMMABLE_FIELD_NUMBER: _ClassVar[int]
    TREATMENT_TEXTS_FIELD_NUMBER: _ClassVar[int]
    name: str
    type: str
    title: Text
    grade: str
    treatments: _containers.ScalarMap[str, str]
    codes: _containers.RepeatedCompositeFieldContainer[Code]
    identifier: str
    groupable: bool
    summable: bool
    treatment_texts: _containers.MessageMap[str, Text]
    def __init__(self, name: _Optional[str] = ..., type: _Optional[str] = ..., title: _Optional[_Union[Text, _Mapping]] = ..., grade: _Optional[str] = ..., treatments: _Optional[_Mapping[str, str]] = ..., codes: _Optional[_Iterable[_Union[Code, _Mapping]]] = ..., identifier: _Optional[str] = ..., groupable: _Optional[bool] = ..., summable: _Optional[bool] = ..., treatment_texts: _Optional[_Mapping[str, Text]] = ...) -> None: ...

class GetDatasetResponse(_message.Message):
    __slots__ = ("summary", "description", "source", "columns", "purposes", "quality", "foreign_keys")
    SUMMARY_FIELD_NUMBER: _ClassVar[int]
    DESCRIPTION_FIELD_NUMBER: _ClassVar[int]
    SOURCE_FIELD_NUMBER: _ClassVar[int]
    COLUMNS_FIELD_NUMBER: _ClassVar[int]
    PURPOSES_FIELD_NUMBER: _ClassVar[int]
    QUALITY_FIELD_NUMBER: _ClassVar[int]
    FOREIGN_KEYS_FIELD_NUMBER: _ClassVar[int]
    summary: DatasetSummary
    description: Text
    source: Text
    columns: _containers.RepeatedCompositeFieldContainer[ColumnDescription]
    purposes: _containers.RepeatedCompositeFieldContainer[PurposeDescription]
    quality: _containers.RepeatedCompositeFieldContainer[Quality]
    foreign_keys: _containers.RepeatedCompositeFieldContainer[ForeignKey]
    def __init__(self, summary: _Optional[_Union[DatasetSummary, _Mapping]] = ..., description: _Optional[_Union[Text, _Mapping]] = ..., source: _Optional[_Union[Text, _Mapping]] = ..., columns: _Optional[_Iterable[_Union[ColumnDescription, _Mapping]]] = ..., purposes: _Optional[_Iterable[_Union[PurposeDescription, _Mapping]]] = ..., quality: _Optional[_Iterable[_Union[Quality, _Mapping]]] = ..., foreign_keys: _Optional[_Iterable[_Union[ForeignKey, _Mapping]]] = ...) -> None: ...

class ForeignKey(_message.Message):
    __slots__ = ("columns", "referenced_dataset", "referenced_columns")
    COLUMNS_FIELD_NUMBER: _ClassVar[int]
    REFERENCED_DATASET_FIELD_NUMBER: _ClassVar[int]
    REFERENCED_COLUMNS_FIELD_NUMBER: _ClassVar[int]
    columns: _containers.RepeatedScalarFieldContainer[str]
    referenced_dataset: str
    referenced_columns: _containers.RepeatedScalarFieldContainer[str]
    def __init__(self, columns: _Optional[_Iterable[str]] = ..., referenced_dataset: _Optional[str] = ..., referenced_columns: _Optional[_Iterable[str]] = ...) -> None: ...

class ListPurposesRequest(_message.Message):
    __slots__ = ()
    def __init__(self) -> None: ...

class Quota(_message.Message):
    __slots__ = ("rows_per_day_max", "rows_left", "lookups_per_day_max", "lookups_left")
    ROWS_PER_DAY_MAX_FIELD_NUMBER: _ClassVar[int]
    ROWS_LEFT_FIELD_NUMBER: _ClassVar[int]
    LOOKUPS_PER_DAY_MAX_FIELD_NUMBER: _ClassVar[int]
    LOOKUPS_LEFT_FIELD_NUMBER: _ClassVar[int]
    rows_per_day_max: int
    rows_left: int
    lookups_per_day_max: int
    lookups_left: int
    def __init__(self, rows_per_day_max: _Optional[int] = ..., rows_left: _Optional[int] = ..., lookups_per_day_max: _Optional[int] = ..., lookups_left: _Optional[int] = ...) -> None: ...

class AgreementState(_message.Message):
    __slots__ = ("dataset", "controller", "agreement")
    DATASET_FIELD_NUMBER: _ClassVar[int]
    CONTROLLER_FIELD_NUMBER: _ClassVar[int]
    AGREEMENT_FIELD_NUMBER: _ClassVar[int]
    dataset: str
    controller: Text
    agreement: str
    def __init__(self, dataset: _Optional[str] = ..., controller: _Optional[_Union[Text, _Mapping]] = ..., agreement: _Optional[str] = ...) -> None: ...

class PurposeDescription(_message.Message):
    __slots__ = ("id", "title", "description", "legal_basis", "case_required", "emergency_required", "aggregate_only", "datasets", "retention_days", "case_pattern", "consent_required", "emergency", "people_min", "quota", "agreements", "office_kinds", "roles", "examples")
    ID_FIELD_NUMBER: _ClassVar[int]
    TITLE_FIELD_NUMBER: _ClassVar[int]
    DESCRIPTION_FIELD_NUMBER: _ClassVar[int]
    LEGAL_BASIS_FIELD_NUMBER: _ClassVar[int]
    CASE_REQUIRED_FIELD_NUMBER: _ClassVar[int]
    EMERGENCY_REQUIRED_FIELD_NUMBER: _ClassVar[int]
    AGGREGATE_ONLY_FIELD_NUMBER: _ClassVar[int]
    DATASETS_FIELD_NUMBER: _ClassVar[int]
    RETENTION_DAYS_FIELD_NUMBER: _ClassVar[int]
    CASE_PATTERN_FIELD_NUMBER: _ClassVar[int]
    CONSENT_REQUIRED_FIELD_NUMBER: _ClassVar[int]
    EMERGENCY_FIELD_NUMBER: _ClassVar[int]
    PEOPLE_MIN_FIELD_NUMBER: _ClassVar[int]
    QUOTA_FIELD_NUMBER: _ClassVar[int]
    AGREEMENTS_FIELD_NUMBER: _ClassVar[int]
    OFFICE_KINDS_FIELD_NUMBER: _ClassVar[int]
    ROLES_FIELD_NUMBER: _ClassVar[int]
    EXAMPLES_FIELD_NUMBER: _ClassVar[int]
    id: str
    title: Text
    description: Text
    legal_basis: _containers.RepeatedCompositeFieldContainer[Text]
    case_required: bool
    emergency_required: bool
    aggregate_only: bool
    datasets: _containers.RepeatedScalarFieldContainer[str]
    retention_days: int
    case_pattern: str
    consent_required: bool
    emergency: str
    people_min: int
    quota: Quota
    agreements: _containers.RepeatedCompositeFieldContainer[AgreementState]
    office_kinds: _containers.RepeatedScalarFieldContainer[str]
    roles: _containers.RepeatedScalarFieldContainer[str]
    examples: _containers.RepeatedCompositeFieldContainer[QueryExample]
    def __init__(self, id: _Optional[str] = ..., title: _Optional[_Union[Text, _Mapping]] = ..., description: _Optional[_Union[Text, _Mapping]] = ..., legal_basis: _Optional[_Iterable[_Union[Text, _Mapping]]] = ..., case_required: _Optional[bool] = ..., emergency_required: _Optional[bool] = ..., aggregate_only: _Optional[bool] = ..., datasets: _Optional[_Iterable[str]] = ..., retention_days: _Optional[int] = ..., case_pattern: _Optional[str] = ..., consent_required: _Optional[bool] = ..., emergency: _Optional[str] = ..., people_min: _Optional[int] = ..., quota: _Optional[_Union[Quota, _Mapping]] = ..., agreements: _Optional[_Iterable[_Union[AgreementState, _Mapping]]] = ..., office_kinds: _Optional[_Iterable[str]] = ..., roles: _Optional[_Iterable[str]] = ..., examples: _Optional[_Iterable[_Union[QueryExample, _Mapping]]] = ...) -> None: ...

class QueryExample(_message.Message):
    __slots__ = ("title", "sql")
    TITLE_FIELD_NUMBER: _ClassVar[int]
    SQL_FIELD_NUMBER: _ClassVar[int]
    title: Text
    sql: str
    def __init__(self, title: _Optional[_Union[Text, _Mapping]] = ..., sql: _Optional[str] = ...) -> None: ...

class ListPurposesResponse(_message.Message):
    __slots__ = ("purposes",)
    PURPOSES_FIELD_NUMBER: _ClassVar[int]
    purposes: _containers.RepeatedCompositeFieldContainer[PurposeDescription]
    def __init__(self, purposes: _Optional[_Iterable[_Union[PurposeDescription, _Mapping]]] = ...) -> None: ...

class ExplainQueryRequest(_message.Message):
    __slots__ = ("sql", "as_office", "as_role")
    SQL_FIELD_NUMBER: _ClassVar[int]
    AS_OFFICE_FIELD_NUMBER: _ClassVar[int]
    AS_ROLE_FIELD_NUMBER: _ClassVar[int]
    sql: str
    as_office: str
    as_role: str
    def __init__(self, sql: _Optional[str] = ..., as_office: _Optional[str] = ..., as_role: _Optional[str] = ...) -> None: ...

class ColumnTreatment(_message.Message):
    __slots__ = ("dataset", "column", "action", "mask", "text")
    DATASET_FIELD_NUMBER: _ClassVar[int]
    COLUMN_FIELD_NUMBER: _ClassVar[int]
    ACTION_FIELD_NUMBER: _ClassVar[int]
    MASK_FIELD_NUMBER: _ClassVar[int]
    TEXT_FIELD_NUMBER: _ClassVar[int]
    dataset: str
    column: str
    action: str
    mask: str
    text: Text
    def __init__(self, dataset: _Optional[str] = ..., column: _Optional[str] = ..., action: _Optional[str] = ..., mask: _Optional[str] = ..., text: _Optional[_Union[Text, _Mapping]] = ...) -> None: ...

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

class RuleText(_message.Message):
    __slots__ = ("id", "title", "legal_basis")
    ID_FIELD_NUMBER: _ClassVar[int]
    TITLE_FIELD_NUMBER: _ClassVar[int]
    LEGAL_BASIS_FIELD_NUMBER: _ClassVar[int]
    id: str
    title: Text
    legal_basis: Text
    def __init__(self, id: _Optional[str] = ..., title: _Optional[_Union[Text, _Mapping]] = ..., legal_basis: _Optional[_Union[Text, _Mapping]] = ...) -> None: ...

class AgreementTerms(_message.Message):
    __slots__ = ("id", "controller", "valid_until")
    ID_FIELD_NUMBER: _ClassVar[int]
    CONTROLLER_FIELD_NUMBER: _ClassVar[int]
    VALID_UNTIL_FIELD_NUMBER: _ClassVar[int]
    id: str
    controller: Text
    valid_until: int
    def __init__(self, id: _Optional[str] = ..., controller: _Optional[_Union[Text, _Mapping]] = ..., valid_until: _Optional[int] = ...) -> None: ...

class ResultObligations(_message.Message):
    __slots__ = ("rows_max", "retention_days", "onward_sharing", "grade", "grade_title", "agreements", "emergency", "people_min")
    ROWS_MAX_FIELD_NUMBER: _ClassVar[int]
    RETENTION_DAYS_FIELD_NUMBER: _ClassVar[int]
    ONWARD_SHARING_FIELD_NUMBER: _ClassVar[int]
    GRADE_FIELD_NUMBER: _ClassVar[int]
    GRADE_TITLE_FIELD_NUMBER: _ClassVar[int]
    AGREEMENTS_FIELD_NUMBER: _ClassVar[int]
    EMERGENCY_FIELD_NUMBER: _ClassVar[int]
    PEOPLE_MIN_FIELD_NUMBER: _ClassVar[int]
    rows_max: int
    retention_days: int
    onward_sharing: bool
    grade: str
    grade_title: Text
    agreements: _containers.RepeatedCompositeFieldContainer[AgreementTerms]
    emergency: str
    people_min: int
    def __init__(self, rows_max: _Optional[int] = ..., retention_days: _Optional[int] = ..., onward_sharing: _Optional[bool] = ..., grade: _Optional[str] = ..., grade_title: _Optional[_Union[Text, _Mapping]] = ..., agreements: _Optional[_Iterable[_Union[AgreementTerms, _Mapping]]] = ..., emergency: _Optional[str] = ..., people_min: _Optional[int] = ...) -> None: ...

class ExplainQueryResponse(_message.Message):
    __slots__ = ("allow", "columns", "rows", "denials", "legal_basis", "policy_revision", "rules", "obligations", "quota")
    ALLOW_FIELD_NUMBER: _ClassVar[int]
    COLUMNS_FIELD_NUMBER: _ClassVar[int]
    ROWS_FIELD_NUMBER: _ClassVar[int]
    DENIALS_FIELD_NUMBER: _ClassVar[int]
    LEGAL_BASIS_FIELD_NUMBER: _ClassVar[int]
    POLICY_REVISION_FIELD_NUMBER: _ClassVar[int]
    RULES_FIELD_NUMBER: _ClassVar[int]
    OBLIGATIONS_FIELD_NUMBER: _ClassVar[int]
    QUOTA_FIELD_NUMBER: _ClassVar[int]
    allow: bool
    columns: _containers.RepeatedCompositeFieldContainer[ColumnTreatment]
    rows: _containers.RepeatedCompositeFieldContainer[RowScope]
    denials: _containers.RepeatedCompositeFieldContainer[DenialReason]
    legal_basis: _containers.RepeatedCompositeFieldContainer[Text]
    policy_revision: str
    rules: _containers.RepeatedCompositeFieldContainer[RuleText]
    obligations: ResultObligations
    quota: Quota
    def __init__(self, allow: _Optional[bool] = ..., columns: _Optional[_Iterable[_Union[ColumnTreatment, _Mapping]]] = ..., rows: _Optional[_Iterable[_Union[RowScope, _Mapping]]] = ..., denials: _Optional[_Iterable[_Union[DenialReason, _Mapping]]] = ..., legal_basis: _Optional[_Iterable[_Union[Text, _Mapping]]] = ..., policy_revision: _Optional[str] = ..., rules: _Optional[_Iterable[_Union[RuleText, _Mapping]]] = ..., obligations: _Optional[_Union[ResultObligations, _Mapping]] = ..., quota: _Optional[_Union[Quota, _Mapping]] = ...) -> None: ...

class ListDivisionsRequest(_message.Message):
    __slots__ = ()
    def __init__(self) -> None: ...

class ListDivisionsResponse(_message.Message):
    __slots__ = ("office", "divisions")
    OFFICE_FIELD_NUMBER: _ClassVar[int]
    DIVISIONS_FIELD_NUMBER: _ClassVar[int]
    office: Text
    divisions: _containers.RepeatedCompositeFieldContainer[Code]
    def __init__(self, office: _Optional[_Union[Text, _Mapping]] = ..., divisions: _Optional[_Iterable[_Union[Code, _Mapping]]] = ...) -> None: ...

class GetRequesterRequest(_message.Message):
    __slots__ = ()
    def __init__(self) -> None: ...

class GetRequesterResponse(_message.Message):
    __slots__ = ("subject", "display_name", "office", "office_title", "roles", "department", "department_title", "clearance", "clearance_title")
    SUBJECT_FIELD_NUMBER: _ClassVar[int]
    DISPLAY_NAME_FIELD_NUMBER: _ClassVar[int]
    OFFICE_FIELD_NUMBER: _ClassVar[int]
    OFFICE_TITLE_FIELD_NUMBER: _ClassVar[int]
    ROLES_FIELD_NUMBER: _ClassVar[int]
    DEPARTMENT_FIELD_NUMBER: _ClassVar[int]
    DEPARTMENT_TITLE_FIELD_NUMBER: _ClassVar[int]
    CLEARANCE_FIELD_NUMBER: _ClassVar[int]
    CLEARANCE_TITLE_FIELD_NUMBER: _ClassVar[int]
    subject: str
    display_name: str
    office: str
    office_title: Text
    roles: _containers.RepeatedScalarFieldContainer[str]
    department: str
    department_title: Text
    clearance: str
    clearance_title: Text
    def __init__(self, subject: _Optional[str] = ..., display_name: _Optional[str] = ..., office: _Optional[str] = ..., office_title: _Optional[_Union[Text, _Mapping]] = ..., roles: _Optional[_Iterable[str]] = ..., department: _Optional[str] = ..., department_title: _Optional[_Union[Text, _Mapping]] = ..., clearance: _Optional[str] = ..., clearance_title: _Optional[_Union[Text, _Mapping]] = ...) -> None: ...

class ListNamesRequest(_message.Message):
    __slots__ = ()
    def __init__(self) -> None: ...

class Office(_message.Message):
    __slots__ = ("id", "title", "division")
    ID_FIELD_NUMBER: _ClassVar[int]
    TITLE_FIELD_NUMBER: _ClassVar[int]
    DIVISION_FIELD_NUMBER: _ClassVar[int]
    id: str
    title: Text
    division: str
    def __init__(self, id: _Optional[str] = ..., title: _Optional[_Union[Text, _Mapping]] = ..., division: _Optional[str] = ...) -> None: ...

class Named(_message.Message):
    __slots__ = ("id", "title")
    ID_FIELD_NUMBER: _ClassVar[int]
    TITLE_FIELD_NUMBER: _ClassVar[int]
    id: str
    title: Text
    def __init__(self, id: _Optional[str] = ..., title: _Optional[_Union[Text, _Mapping]] = ...) -> None: ...

class ListNamesResponse(_message.Message):
    __slots__ = ("offices", "departments", "purposes", "datasets")
    OFFICES_FIELD_NUMBER: _ClassVar[int]
    DEPARTMENTS_FIELD_NUMBER: _ClassVar[int]
    PURPOSES_FIELD_NUMBER: _ClassVar[int]
    DATASETS_FIELD_NUMBER: _ClassVar[int]
    offices: _containers.RepeatedCompositeFieldContainer[Office]
    departments: _containers.RepeatedCompositeFieldContainer[Named]
    purposes: _containers.RepeatedCompositeFieldContainer[Named]
    datasets: _containers.RepeatedCompositeFieldContainer[Named]
    def __init__(self, offices: _Optional[_Iterable[_Union[Office, _Mapping]]] = ..., departments: _Optional[_Iterable[_Union[Named, _Mapping]]] = ..., purposes: _Optional[_Iterable[_Union[Named, _Mapping]]] = ..., datasets: _Optional[_Iterable[_Union[Named, _Mapping]]] = ...) -> None: ...
