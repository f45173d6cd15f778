"""Calls a connector back: who answers is its department's, and the catalogue says the same of its datasets."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

import grpc

from catalog.dataset import Text
from catalog.registry import ConnectorInstance, RegistrationRefused, check_datasets
from connectors.sdk.peer import PEER_SECONDS_MAX, PeerRefused
from connectors.sdk.sketch import BINS, similarity
from gateway.doors.turns import CallTime
from gateway.errors import GatewayError
from gateway.query_path import QueryPath
from gateway.scan import CLOCK_SECONDS_MAX, drift_in
from sharing_stubs.sharing.connector.v1 import connector_pb2, connector_pb2_grpc

DESCRIBE_SECONDS_MAX = 10.0
PROFILE_SECONDS_MAX = 120.0
SIMILARITY_MIN = 0.9
_CONNECTOR_CODE = re.compile(r"[A-Z_]{1,40}")
_DRIFT = "SCHEMA_DRIFT"


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What a connector that registers answered."""

    certificate_sha256: str
    """Hex; empty over plaintext."""
    datasets: tuple[str, ...]
    """Sorted; each is the department's."""
    drifts: Mapping[str, Text]
    """Why a dataset is not as catalogued."""


class CallBack:
    """Asks connectors what they are, on channels on which only their department can answer, while the caller waits.

    Args:
        path: Keys, channels and catalogue.
        within: The call's time.
    """

    def __init__(self, path: QueryPath, *, within: CallTime) -> None:
        self._path = path
        self._within = within

    def registration(self, endpoint: str, *, department: str, instance_id: str, nonce: bytes) -> Answer:
        """Ask a connector that registers.

        Raises:
            RegistrationRefused: It does not answer, is another department's, did not send this registration or confirmed it
                before, or names datasets that are not its department's.
        """
        certificate = self._certificate(endpoint, department=department)
        with _failures_named(endpoint):
            described = self._describe(endpoint, department=department, nonce=nonce)
        if described.department != department:
            raise RegistrationRefused("应答的连接器属于另一部门", "the connector that answers is another department's")
        if described.instance_id != instance_id or not described.confirms_registration:
            raise RegistrationRefused(
                f"{endpoint} 处的连接器没有发出该登记，或已经确认过",
                f"the connector at {endpoint} did not send this registration, or confirmed it before",
            )
        names = [dataset.name for dataset in described.datasets]
        check_datasets(names, department=department, datasets=self._path.catalogue.datasets)
        return Answer(
            certificate_sha256=certificate,
            datasets=tuple(sorted(names)),
            drifts=self._drifts(described, datasets=names),
        )

    def heartbeat(self, instance: ConnectorInstance, *, datasets: Sequence[str]) -> Mapping[str, Text]:
        """Ask a registered connector again, and return why which of its datasets is not as catalogued.

        Raises:
            RegistrationRefused: It does not answer, or another one answers.
        """
        try:
            with _failures_named(instance.endpoint):
                described = self._describe(instance.endpoint, department=instance.department)
        except _NotReadable as drift:
            return dict.fromkeys(datasets, drift.text)
        except RegistrationRefused:
            self._certificate(instance.endpoint, department=instance.department)
            raise
        if (described.department, described.instance_id) != (instance.department, instance.instance_id):
            raise RegistrationRefused(
                f"{instance.endpoint} 处已是另一实例", f"another instance answers at {instance.endpoint}"
            )
        return self._drifts(described, datasets=datasets)

    def is_gone(self, instance: ConnectorInstance) -> bool:
        """Tell whether nobody answers for an instance any more, or another one does."""
        try:
            described = self._describe(instance.endpoint, department=instance.department, wait=False)
        except grpc.RpcError as error:
            unavailable = isinstance(error, grpc.Call) and error.code() is grpc.StatusCode.UNAVAILABLE
            return unavailable and _code_of(error) == grpc.StatusCode.UNAVAILABLE.name
        return described.instance_id != instance.instance_id

    def check_same(
        self, endpoint: str, *, department: str, datasets: Sequence[str], running: Sequence[ConnectorInstance]
    ) -> None:
        """Compare the contents of a connector with those that run, by sketches under a new key.

        Raises:
            RegistrationRefused: One of them cannot be asked, or they share less than nine tenths of a dataset's keys.
        """
        if not running:
            return
        key = self._path.new_nonce()
        for dataset in datasets:
            own = self._sketch(endpoint, department=department, dataset=dataset, key=key)
            for one in running:
                other = self._sketch(one.endpoint, department=department, dataset=dataset, key=key)
                if similarity(own, other) < SIMILARITY_MIN:
                    raise RegistrationRefused(
                        f"数据集“{dataset}”的内容与正在运行的实例 {one.endpoint} 不同，不能作为其副本",
                        f"the content of dataset '{dataset}' is not that of {one.endpoint}, which runs: it is no replica",
                    )

    def _describe(
        self, endpoint: str, *, department: str, nonce: bytes = b"", wait: bool = True
    ) -> connector_pb2.DescribeResponse:
        return self._stub(endpoint, department=department).Describe(
            connector_pb2.DescribeRequest(registration_nonce=nonce),
            timeout=self._within.seconds(DESCRIBE_SECONDS_MAX),
            wait_for_ready=wait,
        )

    def _sketch(self, endpoint: str, *, department: str, dataset: str, key: bytes) -> bytes:
        inquiry = self._path.grants.inquire(department, dataset=dataset, sketch_key=key)
        with _failures_named(endpoint):
            asked = self._stub(endpoint, department=department).Profile.future(
                connector_pb2.ProfileRequest(inquiry=inquiry), timeout=self._within.seconds(PROFILE_SECONDS_MAX)
            )
            sketch: bytes = self._within.result(asked).sketch
        if len(sketch) != BINS:
            raise RegistrationRefused(
                f"{endpoint} 处的连接器对数据集“{dataset}”给出的草图无效",
                f"the connector at {endpoint} sent no valid sketch of dataset '{dataset}'",
            )
        return sketch

    def _stub(self, endpoint: str, *, department: str) -> connector_pb2_grpc.ConnectorServiceStub:
        return connector_pb2_grpc.ConnectorServiceStub(self._path.channels.to(endpoint, department=department))

    def _drifts(self, described: connector_pb2.DescribeResponse, *, datasets: Sequence[str]) -> Mapping[str, Text]:
        catalogued, latest = self._path.catalogue.datasets, self._path.clock_seconds() + CLOCK_SECONDS_MAX
        self._path.quality.saw(
            (d.name, d.as_of) for d in described.datasets if d.name in datasets and d.as_of <= latest
        )
        found = {name: drift_in(described, dataset=catalogued[name]) for name in datasets}
        return {name: text for name, text in found.items() if text is not None}

    def _certificate(self, endpoint: str, *, department: str) -> str:
        """Return the hash of the certificate with which a connector answers.

        Raises:
            RegistrationRefused: Nobody answers, or not with the department's certificate. The cause is for the log alone while
                it might be a machine of others': registering is no way to look for open ports.
        """
        seconds = self._within.seconds(PEER_SECONDS_MAX)
        try:
            return self._path.channels.certificate(endpoint, department=department, seconds_max=seconds)
        except PeerRefused as refused:
            zh, en = refused.text.zh.rstrip("。"), refused.text.en.rstrip(".")
            cause = f"the connector at {endpoint}: {en}"
            if refused.is_known:
                raise RegistrationRefused(f"{endpoint} 处的连接器：{zh}", cause) from refused
            raise RegistrationRefused(
                f"{endpoint} 处没有连接器以所信任机构颁发的证书应答",
                f"no connector answers at {endpoint} with a certificate of the trusted authority",
                recorded=cause,
            ) from refused


class _NotReadable(RegistrationRefused):
    """The connector runs, but a table is not there."""


@contextmanager
def _failures_named(endpoint: str) -> Iterator[None]:
    """Turn a failed call to a connector into a refusal that names its code, and no other text of it."""
    try:
        yield
    except grpc.RpcError as error:
        code = _code_of(error)
        kind = _NotReadable if code == _DRIFT else RegistrationRefused
        raise kind(
            f"{endpoint} 处的连接器没有应答：{code}", f"the connector at {endpoint} did not answer: {code}"
        ) from error
    except (GatewayError, ValueError) as error:
        raise RegistrationRefused(f"不能访问 {endpoint}", f"{endpoint} cannot be called") from error


def _code_of(error: grpc.RpcError) -> str:
    """Return the connector's own code, or else the status."""
    if not isinstance(error, grpc.Call):
        return grpc.StatusCode.UNKNOWN.name
    said = error.details() or ""
    return said if _CONNECTOR_CODE.fullmatch(said) else str(error.code().name)
