"""docs/departments.md says what a connector reads, checks and refuses."""

from __future__ import annotations

import datetime
import time
import types
import typing

import grpc
import pyarrow as pa
import pytest
import structlog
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from pydantic import BaseModel

from catalog.catalogue import Catalogue
from catalog.load import load_catalogue
from catalog.vocabulary import ColumnAction
from connectors.sdk import conformance
from connectors.sdk.config import ConnectorSettings, read_config
from connectors.sdk.conformance import check_source
from connectors.sdk.grant import GrantCode
from connectors.sdk.grant_log import GrantLog
from connectors.sdk.server import Connector, ConnectorServicer, start_server
from connectors.sdk.source import MappedColumn, MappedTable
from sharing_stubs.sharing.connector.v1 import connector_pb2, connector_pb2_grpc
from tests.unit.docs.pages import ROOT, blocks, code, read, section, table

PAGE = read("departments.md")
LICENCE = "legal_entity.licence"


@pytest.fixture(scope="module")
def catalogue() -> Catalogue:
    return load_catalogue()


def keys_of(model: type[BaseModel], prefix: str = "") -> set[str]:
    """Return every key of a settings model, nested ones with dots."""
    found = set()
    for name, field in model.model_fields.items():
        nested = [kind for kind in parts_of(field.annotation) if isinstance(kind, type) and issubclass(kind, BaseModel)]
        inner = f"{prefix}{name}.<name>." if typing.get_origin(field.annotation) is dict else f"{prefix}{name}."
        found |= set().union(*(keys_of(kind, inner) for kind in nested)) if nested else {prefix + name}
    return found


def parts_of(annotation: object) -> list[object]:
    """Return the types that an annotation is made of."""
    if typing.get_origin(annotation) in (typing.Union, types.UnionType, typing.Annotated, dict):
        return [part for argument in typing.get_args(annotation) for part in parts_of(argument)]
    return [annotation]


def test_the_example_is_a_valid_configuration(tmp_path, catalogue):
    """The YAML file of the page is accepted as it stands."""
    (example,) = [content for info, content in blocks(PAGE) if info == "yaml connector"]
    path = tmp_path / "connector.yaml"
    path.write_text(example, "utf-8")
    settings = read_config(path, datasets=catalogue.datasets)
    assert settings.datasets["civil_affairs.social_assistance"].ceiling["bank_account"] is ColumnAction.DENY


def test_every_key_is_explained():
    """The table of keys is that of the settings."""
    listed = {key for row in table(section(PAGE, "One YAML file")) for key in code(row[0])}
    assert listed == keys_of(ConnectorSettings)


def test_treatments_are_listed_from_strict_to_mild():
    """The order of the page is the order of ranks."""
    text = section(PAGE, "One YAML file")
    listed = text[text.index("from strict to mild:") :].split(".")[0]
    assert code(listed) == [str(action) for action in sorted(ColumnAction, key=lambda action: -action.rank)]


def test_every_check_is_explained():
    """The checks of the page are those of `connector check`, in their order."""
    names = {value.en for value in vars(conformance).values() if hasattr(value, "en")}
    listed = [row[0] for row in table(section(PAGE, "Check it"))]
    assert set(listed) == names - {"The source can be reached"}


def test_every_refusal_is_explained():
    """The codes of the page are those of grants, in their order."""
    listed = [code(row[0])[0] for row in table(section(PAGE, "What the connector verifies"))]
    assert listed == [str(refusal) for refusal in GrantCode]


@pytest.fixture
def source(catalogue):
    """The page's own source, over two licences."""
    (example,) = [content for info, content in blocks(PAGE) if info == "python source"]
    namespace: dict[str, typing.Any] = {}
    exec(example, namespace)
    day = datetime.date(2026, 1, 1)
    rows = [
        {
            "licence_id": f"L{number}",
            "credit_code": "91350100M000100Y43",
            "licence_kind": "food",
            "issued_date": day,
            "expires_date": day,
            "authority": "A",
            "status": "valid",
            "division_code": f"31010100200{number}",
        }
        for number in range(2)
    ]
    schema = catalogue.datasets[LICENCE].schema
    return namespace["MemorySource"]({LICENCE: pa.RecordBatch.from_pylist(rows, schema=schema)})


def test_the_source_of_the_page_conforms(catalogue, source):
    """`check_source` finds nothing wrong with it."""
    dataset = catalogue.datasets[LICENCE]
    columns = tuple(MappedColumn(field=field, own_name=field.name) for field in dataset.schema)
    mapped = MappedTable(dataset=LICENCE, table="licence", columns=columns)
    findings = check_source(source, tables={LICENCE: mapped}, datasets=catalogue.datasets)
    assert [finding for finding in findings if not finding.passed] == []
    assert len(findings) == len(table(section(PAGE, "Check it")))


def test_the_source_of_the_page_can_be_served(catalogue, source, tmp_path):
    """A connector with it describes the dataset over gRPC."""
    grant_log = GrantLog.open(
        tmp_path / "log",
        signing_key=Ed25519PrivateKey.generate(),
        department="market_supervision",
        clock_micros=lambda: 0,
        new_entry_id=lambda: "only",
    )
    connector = Connector(
        department="market_supervision",
        datasets={LICENCE: catalogue.datasets[LICENCE]},
        ceilings={},
        source=source,
        grant_keys={"gateway": Ed25519PrivateKey.generate().public_key()},
        grant_log=grant_log,
    )
    servicer = ConnectorServicer(connector, clock=time.time, log=structlog.get_logger())
    server, port = start_server(servicer, listen="127.0.0.1:0", tls=None)
    try:
        with grpc.insecure_channel(f"127.0.0.1:{port}") as channel:
            stub = connector_pb2_grpc.ConnectorServiceStub(channel)
            answer = stub.Describe(connector_pb2.DescribeRequest(), timeout=10)
    finally:
        server.stop(None).wait()
        grant_log.close()
    assert [described.name for described in answer.datasets] == [LICENCE]


def test_the_templates_of_the_page_exist():
    """One for each department of the catalogue."""
    folder = ROOT / "connectors" / "templates"
    assert {path.stem for path in folder.glob("*.yaml")} == set(load_catalogue().departments)
