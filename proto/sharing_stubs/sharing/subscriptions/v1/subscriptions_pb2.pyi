from google.protobuf.internal import containers as _containers
from google.protobuf.internal import enum_type_wrapper as _enum_type_wrapper
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Iterable as _Iterable, Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class Cycle(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    CYCLE_UNSPECIFIED: _ClassVar[Cycle]
    CYCLE_HOURLY: _ClassVar[Cycle]
    CYCLE_DAILY: _ClassVar[Cycle]
    CYCLE_WEEKLY: _ClassVar[Cycle]
    CYCLE_MONTHLY: _ClassVar[Cycle]

class RunState(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    RUN_STATE_UNSPECIFIED: _ClassVar[RunState]
    RUN_STATE_RUNNING: _ClassVar[RunState]
    RUN_STATE_READY: _ClassVar[RunState]
    RUN_STATE_ACKNOWLEDGED: _ClassVar[RunState]
    RUN_STATE_FAILED: _ClassVar[RunState]
    RUN_STATE_DENIED: _ClassVar[RunState]
    RUN_STATE_DISCARDED: _ClassVar[RunState]
    RUN_STATE_EXPIRED: _ClassVar[RunState]
CYCLE_UNSPECIFIED: Cycle
CYCLE_HOURLY: Cycle
CYCLE_DAILY: Cycle
CYCLE_WEEKLY: Cycle
CYCLE_MONTHLY: Cycle
RUN_STATE_UNSPECIFIED: RunState
RUN_STATE_RUNNING: RunState
RUN_STATE_READY: RunState
RUN_STATE_ACKNOWLEDGED: RunState
RUN_STATE_FAILED: RunState
RUN_STATE_DENIED: RunState
RUN_STATE_DISCARDED: RunState
RUN_STATE_EXPIRED: RunState

class Text(_message.Message):
    __slots__ = ("zh", "en")
    ZH_FIELD_NUMBER: _ClassVar[int]
    EN_FIELD_NUMBER: _ClassVar[int]
    zh: str
    en: str
    def __init__(self, zh: _Optional[str] = ..., en: _Optional[str] = ...) -> None: ...

class Run(_message.Message):
    __slots__ = ("id", "started_at", "state", "entry", "rows", "builds_on", "expires_at", "reason")
    ID_FIELD_NUMBER: _ClassVar[int]
    STARTED_AT_FIELD_NUMBER: _ClassVar[int]
    STATE_FIELD_NUMBER: _ClassVar[int]
    ENTRY_FIELD_NUMBER: _ClassVar[int]
    ROWS_FIELD_NUMBER: _ClassVar[int]
    BUILDS_ON_FIELD_NUMBER: _ClassVar[int]
    EXPIRES_AT_FIELD_NUMBER: _ClassVar[int]
    REASON_FIELD_NUMBER: _ClassVar[int]
    id: str
    started_at: int
    state: RunState
    entry: str
    rows: int
    builds_on: str
    expires_at: int
    reason: str
    def __init__(self, id: _Optional[str] = ..., started_at: _Optional[int] = ..., state: _Optional[_Union[RunState, str]] = ..., entry: _Optional[str] = ..., rows: _Optional[int] = ..., builds_on: _Optional[str] = ..., expires_at: _Optional[int] = ..., reason: _Optional[str] = ...) -> None: ...

class Subscription(_message.Message):
    __slots__ = ("id", "subject", "office", "purpose", "case_number", "sql", "cycle", "minute_of_day", "key_columns", "created_at", "next_at", "stopped_at", "stopped_because", "runs")
    ID_FIELD_NUMBER: _ClassVar[int]
    SUBJECT_FIELD_NUMBER: _ClassVar[int]
    OFFICE_FIELD_NUMBER: _ClassVar[int]
    PURPOSE_FIELD_NUMBER: _ClassVar[int]
    CASE_NUMBER_FIELD_NUMBER: _ClassVar[int]
    SQL_FIELD_NUMBER: _ClassVar[int]
    CYCLE_FIELD_NUMBER: _ClassVar[int]
    MINUTE_OF_DAY_FIELD_NUMBER: _ClassVar[int]
    KEY_COLUMNS_FIELD_NUMBER: _ClassVar[int]
    CREATED_AT_FIELD_NUMBER: _ClassVar[int]
    NEXT_AT_FIELD_NUMBER: _ClassVar[int]
    STOPPED_AT_FIELD_NUMBER: _ClassVar[int]
    STOPPED_BECAUSE_FIELD_NUMBER: _ClassVar[int]
    RUNS_FIELD_NUMBER: _ClassVar[int]
    id: str
    subject: str
    office: str
    purpose: str
    case_number: str
    sql: str
    cycle: Cycle
    minute_of_day: int
    key_columns: _containers.RepeatedScalarFieldContainer[str]
    created_at: int
    next_at: int
    stopped_at: int
    stopped_because: Text
    runs: _containers.RepeatedCompositeFieldContainer[Run]
    def __init__(self, id: _Optional[str] = ..., subject: _Optional[str] = ..., office: _Optional[str] = ..., purpose: _Optional[str] = ..., case_number: _Optional[str] = ..., sql: _Optional[str] = ..., cycle: _Optional[_Union[Cycle, str]] = ..., minute_of_day: _Optional[int] = ..., key_columns: _Optional[_Iterable[str]] = ..., created_at: _Optional[int] = ..., next_at: _Optional[int] = ..., stopped_at: _Optional[int] = ..., stopped_because: _Optional[_Union[Text, _Mapping]] = ..., runs: _Optional[_Iterable[_Union[Run, _Mapping]]] = ...) -> None: ...

class CreateSubscriptionRequest(_message.Message):
    __slots__ = ("sql", "cycle", "minute_of_day", "key_columns")
    SQL_FIELD_NUMBER: _ClassVar[int]
    CYCLE_FIELD_NUMBER: _ClassVar[int]
    MINUTE_OF_DAY_FIELD_NUMBER: _ClassVar[int]
    KEY_COLUMNS_FIELD_NUMBER: _ClassVar[int]
    sql: str
    cycle: Cycle
    minute_of_day: int
    key_columns: _containers.RepeatedScalarFieldContainer[str]
    def __init__(self, sql: _Optional[str] = ..., cycle: _Optional[_Union[Cycle, str]] = ..., minute_of_day: _Optional[int] = ..., key_columns: _Optional[_Iterable[str]] = ...) -> None: ...

class CreateSubscriptionResponse(_message.Message):
    __slots__ = ("subscription",)
    SUBSCRIPTION_FIELD_NUMBER: _ClassVar[int]
    subscription: Subscription
    def __init__(self, subscription: _Optional[_Union[Subscription, _Mapping]] = ...) -> None: ...

class ListSubscriptionsRequest(_message.Message):
    __slots__ = ()
    def __init__(self) -> None: ...

class ListSubscriptionsResponse(_message.Message):
    __slots__ = ("subscriptions",)
    SUBSCRIPTIONS_FIELD_NUMBER: _ClassVar[int]
    subscriptions: _containers.RepeatedCompositeFieldContainer[Subscription]
    def __init__(self, subscriptions: _Optional[_Iterable[_Union[Subscription, _Mapping]]] = ...) -> None: ...

class PullRunRequest(_message.Message):
    __slots__ = ("subscription",)
    SUBSCRIPTION_FIELD_NUMBER: _ClassVar[int]
    subscription: str
    def __init__(self, subscription: _Optional[str] = ...) -> None: ...

class PullRunResponse(_message.Message):
    __slots__ = ("run", "flight_data")
    RUN_FIELD_NUMBER: _ClassVar[int]
    FLIGHT_DATA_FIELD_NUMBER: _ClassVar[int]
    run: Run
    flight_data: bytes
    def __init__(self, run: _Optional[_Union[Run, _Mapping]] = ..., flight_data: _Optional[bytes] = ...) -> None: ...

class AcknowledgeRunRequest(_message.Message):
    __slots__ = ("subscription", "run")
    SUBSCRIPTION_FIELD_NUMBER: _ClassVar[int]
    RUN_FIELD_NUMBER: _ClassVar[int]
    subscription: str
    run: str
    def __init__(self, subscription: _Optional[str] = ..., run: _Optional[str] = ...) -> None: ...

class AcknowledgeRunResponse(_message.Message):
    __slots__ = ("run",)
    RUN_FIELD_NUMBER: _ClassVar[int]
    run: Run
    def __init__(self, run: _Optional[_Union[Run, _Mapping]] = ...) -> None: ...

class StopSubscriptionRequest(_message.Message):
    __slots__ = ("subscription",)
    SUBSCRIPTION_FIELD_NUMBER: _ClassVar[int]
    subscription: str
    def __init__(self, subscription: _Optional[str] = ...) -> None: ...

class StopSubscriptionResponse(_message.Message):
    __slots__ = ("subscription",)
    SUBSCRIPTION_FIELD_NUMBER: _ClassVar[int]
    subscription: Subscription
    def __init__(self, subscription: _Optional[_Union[Subscription, _Mapping]] = ...) -> None: ...
