from google.protobuf.internal import containers as _containers
from google.protobuf.internal import enum_type_wrapper as _enum_type_wrapper
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Iterable as _Iterable, Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class RevocationKind(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    REVOCATION_KIND_UNSPECIFIED: _ClassVar[RevocationKind]
    REVOCATION_KIND_REQUESTER: _ClassVar[RevocationKind]
    REVOCATION_KIND_PURPOSE: _ClassVar[RevocationKind]

class StopKind(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    STOP_KIND_UNSPECIFIED: _ClassVar[StopKind]
    STOP_KIND_DATASET: _ClassVar[StopKind]
    STOP_KIND_COLUMN: _ClassVar[StopKind]
    STOP_KIND_OFFICE: _ClassVar[StopKind]
    STOP_KIND_AGREEMENT: _ClassVar[StopKind]
REVOCATION_KIND_UNSPECIFIED: RevocationKind
REVOCATION_KIND_REQUESTER: RevocationKind
REVOCATION_KIND_PURPOSE: RevocationKind
STOP_KIND_UNSPECIFIED: StopKind
STOP_KIND_DATASET: StopKind
STOP_KIND_COLUMN: StopKind
STOP_KIND_OFFICE: StopKind
STOP_KIND_AGREEMENT: StopKind

class Text(_message.Message):
    __slots__ = ("zh", "en")
    ZH_FIELD_NUMBER: _ClassVar[int]
    EN_FIELD_NUMBER: _ClassVar[int]
    zh: str
    en: str
    def __init__(self, zh: _Optional[str] = ..., en: _Optional[str] = ...) -> None: ...

class Ending(_message.Message):
    __slots__ = ("at", "by", "reason")
    AT_FIELD_NUMBER: _ClassVar[int]
    BY_FIELD_NUMBER: _ClassVar[int]
    REASON_FIELD_NUMBER: _ClassVar[int]
    at: int
    by: str
    reason: str
    def __init__(self, at: _Optional[int] = ..., by: _Optional[str] = ..., reason: _Optional[str] = ...) -> None: ...

class Agreement(_message.Message):
    __slots__ = ("id", "controller", "recipient", "datasets", "purposes", "valid_from", "valid_until", "signed_by", "signed_at", "revoked", "office", "columns", "terms")
    ID_FIELD_NUMBER: _ClassVar[int]
    CONTROLLER_FIELD_NUMBER: _ClassVar[int]
    RECIPIENT_FIELD_NUMBER: _ClassVar[int]
    DATASETS_FIELD_NUMBER: _ClassVar[int]
    PURPOSES_FIELD_NUMBER: _ClassVar[int]
    VALID_FROM_FIELD_NUMBER: _ClassVar[int]
    VALID_UNTIL_FIELD_NUMBER: _ClassVar[int]
    SIGNED_BY_FIELD_NUMBER: _ClassVar[int]
    SIGNED_AT_FIELD_NUMBER: _ClassVar[int]
    REVOKED_FIELD_NUMBER: _ClassVar[int]
    OFFICE_FIELD_NUMBER: _ClassVar[int]
    COLUMNS_FIELD_NUMBER: _ClassVar[int]
    TERMS_FIELD_NUMBER: _ClassVar[int]
    id: str
    controller: str
    recipient: str
    datasets: _containers.RepeatedScalarFieldContainer[str]
    purposes: _containers.RepeatedScalarFieldContainer[str]
    valid_from: int
    valid_until: int
    signed_by: str
    signed_at: int
    revoked: Ending
    office: str
    columns: _containers.RepeatedScalarFieldContainer[str]
    terms: str
    def __init__(self, id: _Optional[str] = ..., controller: _Optional[str] = ..., recipient: _Optional[str] = ..., datasets: _Optional[_Iterable[str]] = ..., purposes: _Optional[_Iterable[str]] = ..., valid_from: _Optional[int] = ..., valid_until: _Optional[int] = ..., signed_by: _Optional[str] = ..., signed_at: _Optional[int] = ..., revoked: _Optional[_Union[Ending, _Mapping]] = ..., office: _Optional[str] = ..., columns: _Optional[_Iterable[str]] = ..., terms: _Optional[str] = ...) -> None: ...

class SignAgreementRequest(_message.Message):
    __slots__ = ("agreement",)
    AGREEMENT_FIELD_NUMBER: _ClassVar[int]
    agreement: Agreement
    def __init__(self, agreement: _Optional[_Union[Agreement, _Mapping]] = ...) -> None: ...

class SignAgreementResponse(_message.Message):
    __slots__ = ("agreement",)
    AGREEMENT_FIELD_NUMBER: _ClassVar[int]
    agreement: Agreement
    def __init__(self, agreement: _Optional[_Union[Agreement, _Mapping]] = ...) -> None: ...

class RevokeAgreementRequest(_message.Message):
    __slots__ = ("id", "reason")
    ID_FIELD_NUMBER: _ClassVar[int]
    REASON_FIELD_NUMBER: _ClassVar[int]
    id: str
    reason: str
    def __init__(self, id: _Optional[str] = ..., reason: _Optional[str] = ...) -> None: ...

class RevokeAgreementResponse(_message.Message):
    __slots__ = ()
    def __init__(self) -> None: ...

class ListAgreementsRequest(_message.Message):
    __slots__ = ()
    def __init__(self) -> None: ...

class ListAgreementsResponse(_message.Message):
    __slots__ = ("agreements",)
    AGREEMENTS_FIELD_NUMBER: _ClassVar[int]
    agreements: _containers.RepeatedCompositeFieldContainer[Agreement]
    def __init__(self, agreements: _Optional[_Iterable[_Union[Agreement, _Mapping]]] = ...) -> None: ...

class Declaration(_message.Message):
    __slots__ = ("id", "title", "area", "purposes", "starts_at", "ends_at")
    ID_FIELD_NUMBER: _ClassVar[int]
    TITLE_FIELD_NUMBER: _ClassVar[int]
    AREA_FIELD_NUMBER: _ClassVar[int]
    PURPOSES_FIELD_NUMBER: _ClassVar[int]
    STARTS_AT_FIELD_NUMBER: _ClassVar[int]
    ENDS_AT_FIELD_NUMBER: _ClassVar[int]
    id: str
    title: Text
    area: str
    purposes: _containers.RepeatedScalarFieldContainer[str]
    starts_at: int
    ends_at: int
    def __init__(self, id: _Optional[str] = ..., title: _Optional[_Union[Text, _Mapping]] = ..., area: _Optional[str] = ..., purposes: _Optional[_Iterable[str]] = ..., starts_at: _Optional[int] = ..., ends_at: _Optional[int] = ...) -> None: ...

class Signature(_message.Message):
    __slots__ = ("signer", "signature")
    SIGNER_FIELD_NUMBER: _ClassVar[int]
    SIGNATURE_FIELD_NUMBER: _ClassVar[int]
    signer: str
    signature: str
    def __init__(self, signer: _Optional[str] = ..., signature: _Optional[str] = ...) -> None: ...

class Emergency(_message.Message):
    __slots__ = ("declaration", "signers", "declared_by", "declared_at", "ended")
    DECLARATION_FIELD_NUMBER: _ClassVar[int]
    SIGNERS_FIELD_NUMBER: _ClassVar[int]
    DECLARED_BY_FIELD_NUMBER: _ClassVar[int]
    DECLARED_AT_FIELD_NUMBER: _ClassVar[int]
    ENDED_FIELD_NUMBER: _ClassVar[int]
    declaration: Declaration
    signers: _containers.RepeatedScalarFieldContainer[str]
    declared_by: str
    declared_at: int
    ended: Ending
    def __init__(self, declaration: _Optional[_Union[Declaration, _Mapping]] = ..., signers: _Optional[_Iterable[str]] = ..., declared_by: _Optional[str] = ..., declared_at: _Optional[int] = ..., ended: _Optional[_Union[Ending, _Mapping]] = ...) -> None: ...

class EmergencyProblem(_message.Message):
    __slots__ = ("id", "text")
    ID_FIELD_NUMBER: _ClassVar[int]
    TEXT_FIELD_NUMBER: _ClassVar[int]
    id: str
    text: Text
    def __init__(self, id: _Optional[str] = ..., text: _Optional[_Union[Text, _Mapping]] = ...) -> None: ...

class DeclareEmergencyRequest(_message.Message):
    __slots__ = ("declaration", "signatures")
    DECLARATION_FIELD_NUMBER: _ClassVar[int]
    SIGNATURES_FIELD_NUMBER: _ClassVar[int]
    declaration: Declaration
    signatures: _containers.RepeatedCompositeFieldContainer[Signature]
    def __init__(self, declaration: _Optional[_Union[Declaration, _Mapping]] = ..., signatures: _Optional[_Iterable[_Union[Signature, _Mapping]]] = ...) -> None: ...

class DeclareEmergencyResponse(_message.Message):
    __slots__ = ()
    def __init__(self) -> None: ...

class EndEmergencyRequest(_message.Message):
    __slots__ = ("id", "reason")
    ID_FIELD_NUMBER: _ClassVar[int]
    REASON_FIELD_NUMBER: _ClassVar[int]
    id: str
    reason: str
    def __init__(self, id: _Optional[str] = ..., reason: _Optional[str] = ...) -> None: ...

class EndEmergencyResponse(_message.Message):
    __slots__ = ()
    def __init__(self) -> None: ...

class ListEmergenciesRequest(_message.Message):
    __slots__ = ()
    def __init__(self) -> None: ...

class ListEmergenciesResponse(_message.Message):
    __slots__ = ("emergencies", "problems")
    EMERGENCIES_FIELD_NUMBER: _ClassVar[int]
    PROBLEMS_FIELD_NUMBER: _ClassVar[int]
    emergencies: _containers.RepeatedCompositeFieldContainer[Emergency]
    problems: _containers.RepeatedCompositeFieldContainer[EmergencyProblem]
    def __init__(self, emergencies: _Optional[_Iterable[_Union[Emergency, _Mapping]]] = ..., problems: _Optional[_Iterable[_Union[EmergencyProblem, _Mapping]]] = ...) -> None: ...

class Revocation(_message.Message):
    __slots__ = ("kind", "id", "reason", "revoked_by", "revoked_at")
    KIND_FIELD_NUMBER: _ClassVar[int]
    ID_FIELD_NUMBER: _ClassVar[int]
    REASON_FIELD_NUMBER: _ClassVar[int]
    REVOKED_BY_FIELD_NUMBER: _ClassVar[int]
    REVOKED_AT_FIELD_NUMBER: _ClassVar[int]
    kind: RevocationKind
    id: str
    reason: str
    revoked_by: str
    revoked_at: int
    def __init__(self, kind: _Optional[_Union[RevocationKind, str]] = ..., id: _Optional[str] = ..., reason: _Optional[str] = ..., revoked_by: _Optional[str] = ..., revoked_at: _Optional[int] = ...) -> None: ...

class RevokeAccessRequest(_message.Message):
    __slots__ = ("kind", "id", "reason")
    KIND_FIELD_NUMBER: _ClassVar[int]
    ID_FIELD_NUMBER: _ClassVar[int]
    REASON_FIELD_NUMBER: _ClassVar[int]
    kind: RevocationKind
    id: str
    reason: str
    def __init__(self, kind: _Optional[_Union[RevocationKind, str]] = ..., id: _Optional[str] = ..., reason: _Optional[str] = ...) -> None: ...

class RevokeAccessResponse(_message.Message):
    __slots__ = ()
    def __init__(self) -> None: ...

class RestoreAccessRequest(_message.Message):
    __slots__ = ("kind", "id", "reason")
    KIND_FIELD_NUMBER: _ClassVar[int]
    ID_FIELD_NUMBER: _ClassVar[int]
    REASON_FIELD_NUMBER: _ClassVar[int]
    kind: RevocationKind
    id: str
    reason: str
    def __init__(self, kind: _Optional[_Union[RevocationKind, str]] = ..., id: _Optional[str] = ..., reason: _Optional[str] = ...) -> None: ...

class RestoreAccessResponse(_message.Message):
    __slots__ = ()
    def __init__(self) -> None: ...

class ListRevocationsRequest(_message.Message):
    __slots__ = ()
    def __init__(self) -> None: ...

class ListRevocationsResponse(_message.Message):
    __slots__ = ("revocations",)
    REVOCATIONS_FIELD_NUMBER: _ClassVar[int]
    revocations: _containers.RepeatedCompositeFieldContainer[Revocation]
    def __init__(self, revocations: _Optional[_Iterable[_Union[Revocation, _Mapping]]] = ...) -> None: ...

class RecordConsentRequest(_message.Message):
    __slots__ = ("resident_id", "purpose", "evidence", "days")
    RESIDENT_ID_FIELD_NUMBER: _ClassVar[int]
    PURPOSE_FIELD_NUMBER: _ClassVar[int]
    EVIDENCE_FIELD_NUMBER: _ClassVar[int]
    DAYS_FIELD_NUMBER: _ClassVar[int]
    resident_id: str
    purpose: str
    evidence: str
    days: int
    def __init__(self, resident_id: _Optional[str] = ..., purpose: _Optional[str] = ..., evidence: _Optional[str] = ..., days: _Optional[int] = ...) -> None: ...

class RecordConsentResponse(_message.Message):
    __slots__ = ("expires_at",)
    EXPIRES_AT_FIELD_NUMBER: _ClassVar[int]
    expires_at: int
    def __init__(self, expires_at: _Optional[int] = ...) -> None: ...

class WithdrawConsentRequest(_message.Message):
    __slots__ = ("resident_id", "purpose")
    RESIDENT_ID_FIELD_NUMBER: _ClassVar[int]
    PURPOSE_FIELD_NUMBER: _ClassVar[int]
    resident_id: str
    purpose: str
    def __init__(self, resident_id: _Optional[str] = ..., purpose: _Optional[str] = ...) -> None: ...

class WithdrawConsentResponse(_message.Message):
    __slots__ = ()
    def __init__(self) -> None: ...

class OwedDestruction(_message.Message):
    __slots__ = ("entry_id", "emergency", "ended_at", "office", "requester", "purpose", "rows")
    ENTRY_ID_FIELD_NUMBER: _ClassVar[int]
    EMERGENCY_FIELD_NUMBER: _ClassVar[int]
    ENDED_AT_FIELD_NUMBER: _ClassVar[int]
    OFFICE_FIELD_NUMBER: _ClassVar[int]
    REQUESTER_FIELD_NUMBER: _ClassVar[int]
    PURPOSE_FIELD_NUMBER: _ClassVar[int]
    ROWS_FIELD_NUMBER: _ClassVar[int]
    entry_id: str
    emergency: str
    ended_at: int
    office: str
    requester: str
    purpose: str
    rows: int
    def __init__(self, entry_id: _Optional[str] = ..., emergency: _Optional[str] = ..., ended_at: _Optional[int] = ..., office: _Optional[str] = ..., requester: _Optional[str] = ..., purpose: _Optional[str] = ..., rows: _Optional[int] = ...) -> None: ...

class ListOwedDestructionsRequest(_message.Message):
    __slots__ = ()
    def __init__(self) -> None: ...

class ListOwedDestructionsResponse(_message.Message):
    __slots__ = ("owed",)
    OWED_FIELD_NUMBER: _ClassVar[int]
    owed: _containers.RepeatedCompositeFieldContainer[OwedDestruction]
    def __init__(self, owed: _Optional[_Iterable[_Union[OwedDestruction, _Mapping]]] = ...) -> None: ...

class RecordDestructionRequest(_message.Message):
    __slots__ = ("entry_id", "emergency", "method")
    ENTRY_ID_FIELD_NUMBER: _ClassVar[int]
    EMERGENCY_FIELD_NUMBER: _ClassVar[int]
    METHOD_FIELD_NUMBER: _ClassVar[int]
    entry_id: str
    emergency: str
    method: str
    def __init__(self, entry_id: _Optional[str] = ..., emergency: _Optional[str] = ..., method: _Optional[str] = ...) -> None: ...

class RecordDestructionResponse(_message.Message):
    __slots__ = ("entry_ids",)
    ENTRY_IDS_FIELD_NUMBER: _ClassVar[int]
    entry_ids: _containers.RepeatedScalarFieldContainer[str]
    def __init__(self, entry_ids: _Optional[_Iterable[str]] = ...) -> None: ...

class StopOrder(_message.Message):
    __slots__ = ("id", "kind", "controller", "target", "reason", "stopped_by", "stopped_at", "lifted")
    ID_FIELD_NUMBER: _ClassVar[int]
    KIND_FIELD_NUMBER: _ClassVar[int]
    CONTROLLER_FIELD_NUMBER: _ClassVar[int]
    TARGET_FIELD_NUMBER: _ClassVar[int]
    REASON_FIELD_NUMBER: _ClassVar[int]
    STOPPED_BY_FIELD_NUMBER: _ClassVar[int]
    STOPPED_AT_FIELD_NUMBER: _ClassVar[int]
    LIFTED_FIELD_NUMBER: _ClassVar[int]
    id: str
    kind: StopKind
    controller: str
    target: str
    reason: str
    stopped_by: str
    stopped_at: int
    lifted: Ending
    def __init__(self, id: _Optional[str] = ..., kind: _Optional[_Union[StopKind, str]] = ..., controller: _Optional[str] = ..., target: _Optional[str] = ..., reason: _Optional[str] = ..., stopped_by: _Optional[str] = ..., stopped_at: _Optional[int] = ..., lifted: _Optional[_Union[Ending, _Mapping]] = ...) -> None: ...

class StopRequest(_message.Message):
    __slots__ = ("kind", "target", "reason", "controller")
    KIND_FIELD_NUMBER: _ClassVar[int]
    TARGET_FIELD_NUMBER: _ClassVar[int]
    REASON_FIELD_NUMBER: _ClassVar[int]
    CONTROLLER_FIELD_NUMBER: _ClassVar[int]
    kind: StopKind
    target: str
    reason: str
    controller: str
    def __init__(self, kind: _Optional[_Union[StopKind, str]] = ..., target: _Optional[str] = ..., reason: _Optional[str] = ..., controller: _Optional[str] = ...) -> None: ...

class StopResponse(_message.Message):
    __slots__ = ("stop", "deliveries_ended")
    STOP_FIELD_NUMBER: _ClassVar[int]
    DELIVERIES_ENDED_FIELD_NUMBER: _ClassVar[int]
    stop: StopOrder
    deliveries_ended: int
    def __init__(self, stop: _Optional[_Union[StopOrder, _Mapping]] = ..., deliveries_ended: _Optional[int] = ...) -> None: ...

class LiftStopRequest(_message.Message):
    __slots__ = ("id", "reason")
    ID_FIELD_NUMBER: _ClassVar[int]
    REASON_FIELD_NUMBER: _ClassVar[int]
    id: str
    reason: str
    def __init__(self, id: _Optional[str] = ..., reason: _Optional[str] = ...) -> None: ...

class LiftStopResponse(_message.Message):
    __slots__ = ()
    def __init__(self) -> None: ...

class ListStopsRequest(_message.Message):
    __slots__ = ("with_lifted",)
    WITH_LIFTED_FIELD_NUMBER: _ClassVar[int]
    with_lifted: bool
    def __init__(self, with_lifted: _Optional[bool] = ...) -> None: ...

class ListStopsResponse(_message.Message):
    __slots__ = ("stops", "lifted")
    STOPS_FIELD_NUMBER: _ClassVar[int]
    LIFTED_FIELD_NUMBER: _ClassVar[int]
    stops: _containers.RepeatedCompositeFieldContainer[StopOrder]
    lifted: _containers.RepeatedCompositeFieldContainer[StopOrder]
    def __init__(self, stops: _Optional[_Iterable[_Union[StopOrder, _Mapping]]] = ..., lifted: _Optional[_Iterable[_Union[StopOrder, _Mapping]]] = ...) -> None: ...
