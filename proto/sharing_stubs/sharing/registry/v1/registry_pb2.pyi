from google.protobuf.internal import containers as _containers
from google.protobuf.internal import enum_type_wrapper as _enum_type_wrapper
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Iterable as _Iterable, Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class RegistrationState(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    REGISTRATION_STATE_UNSPECIFIED: _ClassVar[RegistrationState]
    REGISTRATION_STATE_CHECKED: _ClassVar[RegistrationState]
    REGISTRATION_STATE_ACTIVE: _ClassVar[RegistrationState]
    REGISTRATION_STATE_SUSPENDED: _ClassVar[RegistrationState]
    REGISTRATION_STATE_REQUESTED: _ClassVar[RegistrationState]
    REGISTRATION_STATE_APPROVED: _ClassVar[RegistrationState]
    REGISTRATION_STATE_WITHDRAWN: _ClassVar[RegistrationState]
REGISTRATION_STATE_UNSPECIFIED: RegistrationState
REGISTRATION_STATE_CHECKED: RegistrationState
REGISTRATION_STATE_ACTIVE: RegistrationState
REGISTRATION_STATE_SUSPENDED: RegistrationState
REGISTRATION_STATE_REQUESTED: RegistrationState
REGISTRATION_STATE_APPROVED: RegistrationState
REGISTRATION_STATE_WITHDRAWN: RegistrationState

class Text(_message.Message):
    __slots__ = ("zh", "en")
    ZH_FIELD_NUMBER: _ClassVar[int]
    EN_FIELD_NUMBER: _ClassVar[int]
    zh: str
    en: str
    def __init__(self, zh: _Optional[str] = ..., en: _Optional[str] = ...) -> None: ...

class DatasetState(_message.Message):
    __slots__ = ("name", "drift", "drifted_at")
    NAME_FIELD_NUMBER: _ClassVar[int]
    DRIFT_FIELD_NUMBER: _ClassVar[int]
    DRIFTED_AT_FIELD_NUMBER: _ClassVar[int]
    name: str
    drift: Text
    drifted_at: int
    def __init__(self, name: _Optional[str] = ..., drift: _Optional[_Union[Text, _Mapping]] = ..., drifted_at: _Optional[int] = ...) -> None: ...

class Instance(_message.Message):
    __slots__ = ("instance_id", "endpoint", "generation", "lease_expires_at", "certificate_sha256", "software")
    INSTANCE_ID_FIELD_NUMBER: _ClassVar[int]
    ENDPOINT_FIELD_NUMBER: _ClassVar[int]
    GENERATION_FIELD_NUMBER: _ClassVar[int]
    LEASE_EXPIRES_AT_FIELD_NUMBER: _ClassVar[int]
    CERTIFICATE_SHA256_FIELD_NUMBER: _ClassVar[int]
    SOFTWARE_FIELD_NUMBER: _ClassVar[int]
    instance_id: str
    endpoint: str
    generation: int
    lease_expires_at: int
    certificate_sha256: str
    software: str
    def __init__(self, instance_id: _Optional[str] = ..., endpoint: _Optional[str] = ..., generation: _Optional[int] = ..., lease_expires_at: _Optional[int] = ..., certificate_sha256: _Optional[str] = ..., software: _Optional[str] = ...) -> None: ...

class Registration(_message.Message):
    __slots__ = ("department", "connector", "datasets", "state", "changed_at", "changed_by", "reason", "instances")
    DEPARTMENT_FIELD_NUMBER: _ClassVar[int]
    CONNECTOR_FIELD_NUMBER: _ClassVar[int]
    DATASETS_FIELD_NUMBER: _ClassVar[int]
    STATE_FIELD_NUMBER: _ClassVar[int]
    CHANGED_AT_FIELD_NUMBER: _ClassVar[int]
    CHANGED_BY_FIELD_NUMBER: _ClassVar[int]
    REASON_FIELD_NUMBER: _ClassVar[int]
    INSTANCES_FIELD_NUMBER: _ClassVar[int]
    department: str
    connector: str
    datasets: _containers.RepeatedCompositeFieldContainer[DatasetState]
    state: RegistrationState
    changed_at: int
    changed_by: str
    reason: str
    instances: _containers.RepeatedCompositeFieldContainer[Instance]
    def __init__(self, department: _Optional[str] = ..., connector: _Optional[str] = ..., datasets: _Optional[_Iterable[_Union[DatasetState, _Mapping]]] = ..., state: _Optional[_Union[RegistrationState, str]] = ..., changed_at: _Optional[int] = ..., changed_by: _Optional[str] = ..., reason: _Optional[str] = ..., instances: _Optional[_Iterable[_Union[Instance, _Mapping]]] = ...) -> None: ...

class StateChange(_message.Message):
    __slots__ = ("state", "at", "by", "reason")
    STATE_FIELD_NUMBER: _ClassVar[int]
    AT_FIELD_NUMBER: _ClassVar[int]
    BY_FIELD_NUMBER: _ClassVar[int]
    REASON_FIELD_NUMBER: _ClassVar[int]
    state: RegistrationState
    at: int
    by: str
    reason: str
    def __init__(self, state: _Optional[_Union[RegistrationState, str]] = ..., at: _Optional[int] = ..., by: _Optional[str] = ..., reason: _Optional[str] = ...) -> None: ...

class RegisterRequest(_message.Message):
    __slots__ = ("endpoint", "connector", "instance_id", "nonce", "software")
    ENDPOINT_FIELD_NUMBER: _ClassVar[int]
    CONNECTOR_FIELD_NUMBER: _ClassVar[int]
    INSTANCE_ID_FIELD_NUMBER: _ClassVar[int]
    NONCE_FIELD_NUMBER: _ClassVar[int]
    SOFTWARE_FIELD_NUMBER: _ClassVar[int]
    endpoint: str
    connector: str
    instance_id: str
    nonce: bytes
    software: str
    def __init__(self, endpoint: _Optional[str] = ..., connector: _Optional[str] = ..., instance_id: _Optional[str] = ..., nonce: _Optional[bytes] = ..., software: _Optional[str] = ...) -> None: ...

class RegisterResponse(_message.Message):
    __slots__ = ("registration", "generation", "lease_seconds")
    REGISTRATION_FIELD_NUMBER: _ClassVar[int]
    GENERATION_FIELD_NUMBER: _ClassVar[int]
    LEASE_SECONDS_FIELD_NUMBER: _ClassVar[int]
    registration: Registration
    generation: int
    lease_seconds: int
    def __init__(self, registration: _Optional[_Union[Registration, _Mapping]] = ..., generation: _Optional[int] = ..., lease_seconds: _Optional[int] = ...) -> None: ...

class HeartbeatRequest(_message.Message):
    __slots__ = ("connector", "instance_id", "generation")
    CONNECTOR_FIELD_NUMBER: _ClassVar[int]
    INSTANCE_ID_FIELD_NUMBER: _ClassVar[int]
    GENERATION_FIELD_NUMBER: _ClassVar[int]
    connector: str
    instance_id: str
    generation: int
    def __init__(self, connector: _Optional[str] = ..., instance_id: _Optional[str] = ..., generation: _Optional[int] = ...) -> None: ...

class HeartbeatResponse(_message.Message):
    __slots__ = ("registration", "lease_seconds")
    REGISTRATION_FIELD_NUMBER: _ClassVar[int]
    LEASE_SECONDS_FIELD_NUMBER: _ClassVar[int]
    registration: Registration
    lease_seconds: int
    def __init__(self, registration: _Optional[_Union[Registration, _Mapping]] = ..., lease_seconds: _Optional[int] = ...) -> None: ...

class ApproveRequest(_message.Message):
    __slots__ = ("department", "connector")
    DEPARTMENT_FIELD_NUMBER: _ClassVar[int]
    CONNECTOR_FIELD_NUMBER: _ClassVar[int]
    department: str
    connector: str
    def __init__(self, department: _Optional[str] = ..., connector: _Optional[str] = ...) -> None: ...

class ApproveResponse(_message.Message):
    __slots__ = ("registration",)
    REGISTRATION_FIELD_NUMBER: _ClassVar[int]
    registration: Registration
    def __init__(self, registration: _Optional[_Union[Registration, _Mapping]] = ...) -> None: ...

class SuspendRequest(_message.Message):
    __slots__ = ("department", "connector", "reason")
    DEPARTMENT_FIELD_NUMBER: _ClassVar[int]
    CONNECTOR_FIELD_NUMBER: _ClassVar[int]
    REASON_FIELD_NUMBER: _ClassVar[int]
    department: str
    connector: str
    reason: str
    def __init__(self, department: _Optional[str] = ..., connector: _Optional[str] = ..., reason: _Optional[str] = ...) -> None: ...

class SuspendResponse(_message.Message):
    __slots__ = ("registration",)
    REGISTRATION_FIELD_NUMBER: _ClassVar[int]
    registration: Registration
    def __init__(self, registration: _Optional[_Union[Registration, _Mapping]] = ...) -> None: ...

class ResumeRequest(_message.Message):
    __slots__ = ("department", "connector", "reason")
    DEPARTMENT_FIELD_NUMBER: _ClassVar[int]
    CONNECTOR_FIELD_NUMBER: _ClassVar[int]
    REASON_FIELD_NUMBER: _ClassVar[int]
    department: str
    connector: str
    reason: str
    def __init__(self, department: _Optional[str] = ..., connector: _Optional[str] = ..., reason: _Optional[str] = ...) -> None: ...

class ResumeResponse(_message.Message):
    __slots__ = ("registration",)
    REGISTRATION_FIELD_NUMBER: _ClassVar[int]
    registration: Registration
    def __init__(self, registration: _Optional[_Union[Registration, _Mapping]] = ...) -> None: ...

class WithdrawRequest(_message.Message):
    __slots__ = ("department", "connector", "reason")
    DEPARTMENT_FIELD_NUMBER: _ClassVar[int]
    CONNECTOR_FIELD_NUMBER: _ClassVar[int]
    REASON_FIELD_NUMBER: _ClassVar[int]
    department: str
    connector: str
    reason: str
    def __init__(self, department: _Optional[str] = ..., connector: _Optional[str] = ..., reason: _Optional[str] = ...) -> None: ...

class WithdrawResponse(_message.Message):
    __slots__ = ("registration",)
    REGISTRATION_FIELD_NUMBER: _ClassVar[int]
    registration: Registration
    def __init__(self, registration: _Optional[_Union[Registration, _Mapping]] = ...) -> None: ...

class ListRegistrationsRequest(_message.Message):
    __slots__ = ()
    def __init__(self) -> None: ...

class ListRegistrationsResponse(_message.Message):
    __slots__ = ("registrations",)
    REGISTRATIONS_FIELD_NUMBER: _ClassVar[int]
    registrations: _containers.RepeatedCompositeFieldContainer[Registration]
    def __init__(self, registrations: _Optional[_Iterable[_Union[Registration, _Mapping]]] = ...) -> None: ...

class GetRegistrationRequest(_message.Message):
    __slots__ = ("department", "connector")
    DEPARTMENT_FIELD_NUMBER: _ClassVar[int]
    CONNECTOR_FIELD_NUMBER: _ClassVar[int]
    department: str
    connector: str
    def __init__(self, department: _Optional[str] = ..., connector: _Optional[str] = ...) -> None: ...

class GetRegistrationResponse(_message.Message):
    __slots__ = ("registration", "history")
    REGISTRATION_FIELD_NUMBER: _ClassVar[int]
    HISTORY_FIELD_NUMBER: _ClassVar[int]
    registration: Registration
    history: _containers.RepeatedCompositeFieldContainer[StateChange]
    def __init__(self, registration: _Optional[_Union[Registration, _Mapping]] = ..., history: _Optional[_Iterable[_Union[StateChange, _Mapping]]] = ...) -> None: ...
