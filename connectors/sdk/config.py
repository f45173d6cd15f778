"""The configuration of one connector: a YAML file written by the department."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Literal, TypeVar

import pyarrow as pa
import yaml
from pydantic import AfterValidator, BaseModel, ConfigDict, Field, SecretStr, TypeAdapter, ValidationError

from catalog.dataset import Dataset, Text
from catalog.vocabulary import ColumnAction
from connectors.sdk.source import MappedColumn, MappedTable
from connectors.sdk.tlog.note import VerificationKey
from connectors.sdk.tls import is_loopback

ConnectorName = Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9_-]{0,62}$")]
HostPort = Annotated[str, Field(pattern=r"^(\[[0-9a-fA-F:]+\]|[A-Za-z0-9._-]+):[0-9]{1,5}$")]


_T = TypeVar("_T")
_S = TypeVar("_S", bound=BaseModel)


class _Settings(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class PostgresqlSettings(_Settings):
    """A PostgreSQL database."""

    kind: Literal["postgresql"]
    uri: SecretStr
    """libpq connection URI; it may hold a password and is never logged."""


class ParquetSettings(_Settings):
    """A folder of Parquet files; a table is a sub-folder or one file `table.parquet`."""

    kind: Literal["parquet"]
    path: Path


class SqliteSettings(_Settings):
    """A SQLite database file."""

    kind: Literal["sqlite"]
    path: Path


class CsvSettings(_Settings):
    """A folder of CSV files (RFC 4180) with a header; a table is a sub-folder or one file `table.csv`."""

    kind: Literal["csv"]
    path: Path
    encoding: Literal["utf-8", "gb18030"] = "utf-8"
    """`gb18030` reads GBK and GB 2312 too."""


class DuckdbSettings(_Settings):
    """A DuckDB database file."""

    kind: Literal["duckdb"]
    path: Path


class OdbcSettings(_Settings):
    """A database with an ODBC driver on this machine."""

    kind: Literal["odbc"]
    connection: SecretStr
    """ODBC connection string; it may hold a password and is never logged."""
    quote: Literal['"', "`"] = '"'
    """What the database quotes names with: MySQL and MariaDB take a backtick."""
    text_bytes_max: int = Field(default=16_384, ge=1)
    """Longest text, in bytes of UTF-8; a longer one ends the scan."""


class OwnSettings(_Settings):
    """The department's own Python code."""

    kind: Literal["python"]
    factory: str = Field(pattern=r"^[A-Za-z_][\w.]*:[A-Za-z_]\w*$")
    """`module:name` of a callable that returns a `connectors.sources.own.OwnSource`."""
    options: dict[str, Any] = {}
    """Its keyword arguments."""


class AccessLogSettings(_Settings):
    """The directory of a gateway's access log, on the gateway's machine."""

    kind: Literal["access_log"]
    path: Path


SourceSettings = Annotated[
    PostgresqlSettings
    | ParquetSettings
    | CsvSettings
    | SqliteSettings
    | DuckdbSettings
    | OdbcSettings
    | OwnSettings
    | AccessLogSettings,
    Field(discriminator="kind"),
]


class RegistrationSettings(_Settings):
    """Where and as whom the connector registers."""

    endpoint: HostPort
    token_file: Path
    """Holds the connector's token; read again for every call, so that it may be renewed."""
    ca: Path | None = None
    """PEM file: authority of the gateway's certificate."""
    plaintext: bool = False
    """Sends the token in plaintext instead, to a gateway on loopback only."""


class TlsSettings(_Settings):
    """Certificates of the connector's own server: PEM files, read again when they change."""

    certificate: Path
    """It names the department, see `connectors.sdk.identity.department_host`."""
    private_key: Path
    ca: Path
    """Authority of the gateway's certificate; nobody else is served."""


class LogSettings(_Settings):
    """The department's own log of grants; without the section `<file>-log` and `<file>-log.pem` beside the file."""

    directory: Path
    """Its own folder; made when missing."""
    key: Path
    """PEM file, Ed25519: signs the log; made when missing."""


def _is_verification_key(text: str) -> str:
    VerificationKey.from_text(text)
    return text


class WitnessSettings(_Settings):
    """The logs of which the department is a witness: it remembers their newest checkpoints and never lets them go backwards."""

    directory: Path
    """Holds the checkpoints and the witness's own key; made when missing."""
    logs: tuple[Annotated[str, AfterValidator(_is_verification_key)], ...] = Field(min_length=1)
    """Verification keys of the logs, `name+hash+key`."""


class DatasetSettings(_Settings):
    """How one dataset is read."""

    table: str = Field(min_length=1)
    columns: dict[str, str]
    """Own column name by catalogue name; every column of the catalogue."""
    ceiling: dict[str, ColumnAction] = {}
    """The mildest treatment the controller allows for a column, whatever a grant says."""


class ConnectorSettings(_Settings):
    """The whole file."""

    department: str
    connector: ConnectorName = "main"
    """Name within the department; connectors with the same name are replicas, with different ones they serve different datasets."""
    listen: HostPort
    advertise: HostPort | None = None
    """Address the gateway is told, when it differs from the one listened on."""
    grant_keys: Path
    """The gateway's public keys, a JWK set."""
    tls: TlsSettings | None = None
    plaintext: bool = False
    """Serves plaintext instead, on loopback only."""
    registration: RegistrationSettings | None = None
    catalogue: Path | None = None
    """Directory of catalogue entries; None uses the entries of the distribution."""
    log: LogSettings
    witness: WitnessSettings | None = None
    source: SourceSettings
    datasets: dict[str, DatasetSettings] = Field(min_length=1)

    def tables(self, datasets: Mapping[str, Dataset]) -> Mapping[str, MappedTable]:
        """Return the mapping of every configured dataset, in catalogue order of columns."""
        return {
            name: MappedTable(
                dataset=name,
                table=settings.table,
                columns=tuple(
                    MappedColumn(
                        field=pa.field(column.name, column.arrow_type, nullable=column.nullable),
                        own_name=settings.columns[column.name],
                    )
                    for column in datasets[name].columns
                ),
            )
            for name, settings in self.datasets.items()
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class Problem:
    """One thing wrong with the file."""

    place: str
    """Path of keys, for example `datasets.housing.dwelling.columns`."""
    text: Text


class ConfigInvalid(Exception):
    """The file cannot be used; `problems` names everything that is wrong with it."""

    def __init__(self, problems: tuple[Problem, ...]) -> None:
        super().__init__("; ".join(f"{problem.place}: {problem.text.en}" for problem in problems))
        self.problems = problems


def read_config(path: Path) -> ConnectorSettings:
    """Read a connector's configuration, a YAML file; relative paths count from the file's folder.

    Raises:
        ConfigInvalid: The file is missing, no YAML, or wrong; all problems at once.
    """
    document = _document(path)
    if isinstance(document, dict):
        document = {"log": {"directory": f"{path.stem}-log", "key": f"{path.stem}-log.pem"}} | document
    settings = _validated(TypeAdapter(ConnectorSettings), document)
    problems = tuple(_unprotected(settings))
    if problems:
        raise ConfigInvalid(problems)
    return _resolved(settings, path.resolve().parent)


def read_source(path: Path) -> SourceSettings:
    """Read a YAML file that holds what stands under `source` in a configuration; paths count from its folder.

    Raises:
        ConfigInvalid: The file is missing, no YAML, or wrong; all problems at once.
    """
    adapter: TypeAdapter[SourceSettings] = TypeAdapter(SourceSettings)
    return _with_paths(_validated(adapter, _document(path)), path.resolve().parent)


def _document(path: Path) -> object:
    try:
        return yaml.safe_load(path.read_text("utf-8"))
    except OSError:
        raise ConfigInvalid((_problem(str(path), "无法读取该文件。", "The file cannot be read."),)) from None
    except (yaml.YAMLError, UnicodeDecodeError):
        raise ConfigInvalid((_problem(str(path), "该文件不是 YAML。", "The file is not YAML."),)) from None


def _validated(adapter: TypeAdapter[_T], document: object) -> _T:
    try:
        return adapter.validate_python(document)
    except ValidationError as error:
        raise ConfigInvalid(tuple(_from_pydantic(found) for found in error.errors(include_input=False))) from None


def check_config(settings: ConnectorSettings, *, datasets: Mapping[str, Dataset]) -> None:
    """Compare a configuration with the catalogue's datasets.

    Raises:
        ConfigInvalid: They do not agree; all problems at once.
    """
    problems = tuple(_mismatches(settings, datasets))
    if problems:
        raise ConfigInvalid(problems)


def _problem(place: str, zh: str, en: str) -> Problem:
    return Problem(place=place, text=Text(zh=zh, en=en))


_PYDANTIC_TEXTS: Mapping[str, tuple[str, str]] = {
    "missing": ("缺少必填项。", "This is required."),
    "extra_forbidden": ("没有这个配置项。", "There is no such key."),
    "union_tag_invalid": (
        "数据源类型只能是 postgresql、parquet、csv、sqlite、duckdb、odbc、python 或 access_log。",
        "The kind is postgresql, parquet, csv, sqlite, duckdb, odbc, python or access_log.",
    ),
    "union_tag_not_found": ("缺少数据源类型 kind。", "The kind of the source is missing."),
    "enum": ("不是已知的脱敏方式。", "This is not a known treatment."),
    "string_pattern_mismatch": (
        "地址应为“主机:端口”，程序应为“模块:名称”，connector 只含 a-z、0-9、- 和 _。",
        "An address is host:port, code is module:name, a connector's name has a-z, 0-9, - and _.",
    ),
    "value_error": ("应为 name+hash+key 形式的验证公钥。", "This must be a verification key, name+hash+key."),
    "string_too_short": ("不能为空。", "This must not be empty."),
    "too_short": ("不能为空。", "This must not be empty."),
}

_TLS_NEEDED = (
    "须配置证书；仅在本机监听时可以改写 plaintext: true。",
    "Give certificates; on loopback only, `plaintext: true` may stand instead.",
)
_CA_NEEDED = (
    "须写明网关证书的颁发机构；网关在本机时可以改写 plaintext: true。",
    "Name the authority of the gateway's certificate; for a gateway on loopback `plaintext: true` may stand instead.",
)


def _from_pydantic(found: Any) -> Problem:  # noqa: ANN401 - pydantic's ErrorDetails
    zh, en = _PYDANTIC_TEXTS.get(found["type"], ("值的类型不正确。", "The value has the wrong type."))
    return _problem(".".join(str(part) for part in found["loc"]) or "(file)", zh, en)


def _unprotected(settings: ConnectorSettings) -> Iterator[Problem]:
    """Yield what would travel in plaintext without being asked to, or to another machine."""
    if not _is_protected(settings.tls, plaintext=settings.plaintext, address=settings.listen):
        yield _problem("tls", *_TLS_NEEDED)
    gateway = settings.registration
    if gateway is not None and not _is_protected(gateway.ca, plaintext=gateway.plaintext, address=gateway.endpoint):
        yield _problem("registration.ca", *_CA_NEEDED)


def _is_protected(certificates: object | None, *, plaintext: bool, address: str) -> bool:
    if certificates is not None:
        return not plaintext
    return plaintext and is_loopback(address)


def _mismatches(settings: ConnectorSettings, datasets: Mapping[str, Dataset]) -> Iterator[Problem]:
    """Yield what does not agree with the catalogue or within the file."""
    host = settings.listen.rpartition(":")[0]
    if settings.registration is not None and settings.advertise is None and host in {"0.0.0.0", "[::]"}:  # noqa: S104
        yield _problem("advertise", "监听所有地址时必须写明网关访问的地址。", "Needed when listening on every address.")
    for name, dataset_settings in settings.datasets.items():
        place, dataset = f"datasets.{name}", datasets.get(name)
        if dataset is None:
            yield _problem(place, "目录中没有该数据集。", "The catalogue has no such dataset.")
            continue
        if dataset.controller != settings.department:
            yield _problem(
                place,
                f"该数据集由部门“{dataset.controller}”主管。",
                f"The controller of this dataset is '{dataset.controller}'.",
            )
        known = {column.name for column in dataset.columns}
        for column in sorted(known - set(dataset_settings.columns)):
            yield _problem(f"{place}.columns.{column}", "目录列没有映射。", "A catalogue column is not mapped.")
        for column in sorted((set(dataset_settings.columns) | set(dataset_settings.ceiling)) - known):
            yield _problem(f"{place}.{column}", "目录中没有该列。", "The catalogue has no such column.")


def _resolved(settings: ConnectorSettings, folder: Path) -> ConnectorSettings:
    """Make every path absolute."""
    changes: dict[str, object] = {"grant_keys": folder / settings.grant_keys}
    if settings.catalogue is not None:
        changes["catalogue"] = folder / settings.catalogue
    for name in ("source", "tls", "registration", "log", "witness"):
        section: BaseModel | None = getattr(settings, name)
        if section is not None:
            changes[name] = _with_paths(section, folder)
    return settings.model_copy(update=changes)


def _with_paths(section: _S, folder: Path) -> _S:
    return section.model_copy(update={key: folder / value for key, value in section if isinstance(value, Path)})
