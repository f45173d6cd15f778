"""Section C: who answers, what it says of its datasets, and whom it answers."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import grpc
import pyarrow as pa

from catalog.dataset import Dataset, Text
from connectors.conformance.report import Broken, Findings
from connectors.conformance.target import Target, failure
from sharing_stubs.sharing.connector.v1 import connector_pb2, connector_pb2_grpc

_REFUSAL_SECONDS_MAX = 5


@dataclass(frozen=True, slots=True, kw_only=True)
class Described:
    """What a connector says of itself."""

    instance_id: str
    datasets: tuple[Dataset, ...]
    """Those whose schema is the catalogue's."""


def check_connection(target: Target, *, catalogue: Mapping[str, Dataset], findings: Findings) -> Described:
    """Check C1 to C4.

    Raises:
        Broken: The connector does not answer as the department's.
    """
    first = _describe(target, nonce=b"")
    if first.department != target.department:
        raise Broken("C1", Text(zh="部门编号不符", en="it names another department"))
    try:
        target.stub.Check(connector_pb2.CheckRequest(), timeout=target.seconds_max)
    except grpc.RpcError as error:
        raise Broken("C1", failure(error).text) from None
    findings.passed("C1")
    _check_instance(first, _describe(target, nonce=target.new_bytes(16)), findings=findings)
    return Described(
        instance_id=first.instance_id,
        datasets=_served(first, target=target, catalogue=catalogue, findings=findings),
    )


def _describe(target: Target, *, nonce: bytes) -> connector_pb2.DescribeResponse:
    request = connector_pb2.DescribeRequest(registration_nonce=nonce)
    try:
        return target.stub.Describe(request, timeout=target.seconds_max)
    except grpc.RpcError as error:
        if isinstance(error, grpc.Call) and error.code() is grpc.StatusCode.UNAVAILABLE:
            raise Broken("C1", Text(zh="无法连接", en="it cannot be reached, or its source cannot")) from None
        raise Broken("C1", failure(error).text) from None


def _check_instance(
    first: connector_pb2.DescribeResponse, again: connector_pb2.DescribeResponse, *, findings: Findings
) -> None:
    if not first.instance_id or first.instance_id != again.instance_id:
        findings.failed(Broken("C4", Text(zh="实例编号缺失或改变", en="the instance id is missing or changes")))
    elif first.confirms_registration or again.confirms_registration:
        text = Text(zh="确认了未发出的登记", en="it confirms a registration that it did not send")
        findings.failed(Broken("C4", text))
    else:
        findings.passed("C4")


def _served(
    described: connector_pb2.DescribeResponse,
    *,
    target: Target,
    catalogue: Mapping[str, Dataset],
    findings: Findings,
) -> tuple[Dataset, ...]:
    names = [one.name for one in described.datasets]
    foreign = [n for n in names if n not in catalogue or catalogue[n].controller != target.department]
    if foreign or not names or names != sorted(set(names)):
        text = Text(
            zh=f"不合规的数据集：{len(foreign)} 个", en=f"{len(foreign)} of {len(names)} are not the department's"
        )
        findings.failed(Broken("C2", text))
    else:
        findings.passed("C2")
    served = []
    for one in described.datasets:
        if one.name in foreign:
            continue
        wrong = _wrong_columns(one.arrow_schema, dataset=catalogue[one.name])
        if wrong:
            named = ", ".join(wrong)
            text = Text(zh=f"与目录不符：{named}", en=f"not as catalogued: {named}")
            findings.failed(Broken("C3", text), dataset=one.name)
            continue
        findings.passed("C3", dataset=one.name)
        try:
            target.check_as_of(one.as_of)
        except Broken as broken:
            findings.failed(broken, dataset=one.name)
        served.append(catalogue[one.name])
    return tuple(served)


def _wrong_columns(arrow_schema: bytes, *, dataset: Dataset) -> list[str]:
    """Return the columns that differ; names that the catalogue does not have are not repeated."""
    try:
        schema = pa.ipc.read_schema(pa.py_buffer(arrow_schema))
    except (pa.ArrowException, OSError, ValueError):
        return ["(schema)"]
    if schema.equals(dataset.schema):
        return []
    fields = {field.name: field for field in schema}
    wrong = [field.name for field in dataset.schema if fields.get(field.name) != field]
    return wrong or ["(columns)"]


def check_callers(endpoint: str, *, roots: bytes, host: str, findings: Findings) -> None:
    """Check C5: without the gateway's certificate nothing is answered.

    Args:
        endpoint: host:port of a connector that serves over TLS.
        roots: PEM of the authority, with which a stranger may well trust the connector.
        host: DNS name in the connector's certificate.
        findings: Gets the result.
    """
    strangers = {
        "plaintext": grpc.insecure_channel(endpoint),
        "no certificate": grpc.secure_channel(
            endpoint,
            grpc.ssl_channel_credentials(root_certificates=roots),
            options=[("grpc.ssl_target_name_override", host)],
        ),
    }
    for way, channel in strangers.items():
        with channel:
            if _answers(channel):
                findings.failed(Broken("C5", Text(zh=f"为陌生调用方服务：{way}", en=f"a stranger is served: {way}")))
                return
    findings.passed("C5")


def _answers(channel: grpc.Channel) -> bool:
    stub = connector_pb2_grpc.ConnectorServiceStub(channel)
    try:
        stub.Describe(connector_pb2.DescribeRequest(), timeout=_REFUSAL_SECONDS_MAX)
    except grpc.RpcError:
        return False
    return True
