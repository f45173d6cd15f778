"""What the command line says when there is no way to the gateway."""

from __future__ import annotations

import datetime
import json
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import grpc
import pytest
import typer
from click.testing import Result
from typer.testing import CliRunner

from gateway.client import ErrorReason, IncompleteResult, NotAuthenticated, Profile, Unavailable
from gateway.doors.cli.app import make_app
from gateway.doors.cli.certificates import Authority
from gateway.doors.cli.connection_trouble import what_to_do
from gateway.doors.cli.options import LanguageChoice
from gateway.doors.cli.session import session

TOKEN = "a-token-nobody-may-see"


def profile(folder: Path, **changes: object) -> Path:
    """Write a profile file."""
    content = {
        "endpoint": "grpc://localhost:1",
        "token": TOKEN,
        "expires_at": "2100-01-01T00:00:00+08:00",
        "office": "o",
    }
    path = folder / "profile.json"
    path.write_text(json.dumps(content | changes), "utf-8")
    return path


def purposes(*arguments: object, language: str = "en") -> Result:
    result = CliRunner(env={"COLUMNS": "2000", "SHARING_PROFILE": ""}).invoke(
        make_app(), ["catalog", "purposes", "--language", language, *map(str, arguments)]
    )
    assert TOKEN not in result.output
    return result


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Path, int]]:
    """A server with TLS that serves nothing: the folder of its certificates, and its port."""
    folder = tmp_path_factory.mktemp("pki")
    now = datetime.datetime.now(datetime.UTC)
    Authority.make(folder, now=now).issue_gateway(folder, hosts=["127.0.0.1"], now=now, days=1)
    pair = ((folder / "gateway.key").read_bytes(), (folder / "gateway.pem").read_bytes())
    server = grpc.server(ThreadPoolExecutor(2))
    port = server.add_secure_port("127.0.0.1:0", grpc.ssl_server_credentials([pair]))
    server.start()
    yield folder, port
    server.stop(None).wait()


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        (None, "cannot be read (No such file or directory). Check --profile"),
        ("{}", "is not a valid profile. Ask the administrator"),
        (f'{{"token": "{TOKEN}"', "is not a valid profile. Ask the administrator"),
        (f'{{"token": ["{TOKEN}"], "endpoint": 7}}', "is not a valid profile. Ask the administrator"),
    ],
)
def test_a_profile_that_cannot_be_used_says_what_to_do(tmp_path, content, expected):
    """Exit 4, the file's name, the way out, and nothing of what stands in the file."""
    path = tmp_path / "profile.json"
    if content is not None:
        path.write_text(content, "utf-8")
    result = purposes("--profile", path)
    assert (result.exit_code, result.stdout) == (4, "")
    assert str(path) in result.stderr
    assert expected in result.stderr


def test_no_profile_says_how_to_name_one():
    """Neither option nor environment: both ways are told."""
    result = purposes()
    assert result.exit_code == 4
    assert "Use --profile FILE or set SHARING_PROFILE" in result.stderr
    assert "请" not in result.stderr
    assert "请用 --profile" in purposes(language="zh").stderr


def test_a_missing_ca_certificate_is_named(tmp_path):
    """The file that is missing is said, not the profile."""
    result = purposes("--profile", profile(tmp_path, endpoint="grpc+tls://localhost:1", ca_certificate="/no/ca.pem"))
    assert result.exit_code == 4
    assert "/no/ca.pem cannot be read" in result.stderr
    assert "'ca_certificate'" in result.stderr


def test_nobody_listens(tmp_path):
    """A refused connection names the address and where it stands."""
    path = profile(tmp_path)
    result = purposes("--profile", path)
    assert result.exit_code == 5
    assert f"Nothing listens at grpc://localhost:1. Check 'endpoint' in {path}" in result.stderr


def test_a_gateway_of_another_authority_is_not_trusted(tmp_path, served):
    """With the wrong CA the token is not sent, and it is said which setting to correct."""
    now = datetime.datetime.now(datetime.UTC)
    Authority.make(tmp_path, now=now)
    endpoint = f"grpc+tls://127.0.0.1:{served[1]}"
    result = purposes("--profile", profile(tmp_path, endpoint=endpoint, ca_certificate=str(tmp_path / "ca.pem")))
    assert result.exit_code == 5
    assert "the token was not sent. Ask the administrator for the right CA certificate" in result.stderr


def test_an_address_without_tls_for_a_gateway_with_it(tmp_path, served):
    """`grpc://` for a gateway with TLS: the right scheme is told."""
    result = purposes("--profile", profile(tmp_path, endpoint=f"grpc://127.0.0.1:{served[1]}"))
    assert result.exit_code == 5
    assert "begins with grpc+tls://" in result.stderr


def test_something_that_is_no_gateway(tmp_path, served):
    """A server without the service is not the gateway."""
    endpoint = f"grpc+tls://127.0.0.1:{served[1]}"
    result = purposes("--profile", profile(tmp_path, endpoint=endpoint, ca_certificate=str(served[0] / "ca.pem")))
    assert result.exit_code == 5
    assert "is no data-sharing gateway, or an older one" in result.stderr


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("SSL_ERROR_SSL: error:100000f7: WRONG_VERSION_NUMBER: Invalid", "g:1 does not speak TLS"),
        ("Hostname Verification Check failed.", "not for the name in grpc://g:1"),
        ("errors resolving g:1: [field:hostname lookup error:", "There is no host of grpc://g:1"),
        ("something new", "Check the gateway's address and the network"),
    ],
)
def test_grpcs_words_are_read(text, expected):
    """What gRPC says of a connection becomes what to do about it."""
    asked = Profile(endpoint="grpc://g:1", token=TOKEN, expires_at="", office="o")
    assert expected in what_to_do(Unavailable(grpc.StatusCode.UNAVAILABLE, text), profile=asked, file="p.json").en


def test_a_cut_is_not_mistaken_for_a_wrong_address():
    """A result that was cut must not be used, whatever ended the connection."""
    asked = Profile(endpoint="grpc://g:1", token=TOKEN, expires_at="", office="o")
    cut = IncompleteResult(grpc.StatusCode.UNAVAILABLE, "Socket closed")
    assert what_to_do(cut, profile=asked, file="p.json") == cut.remedy


def test_a_token_that_has_run_out_says_when(tmp_path, capsys):
    """Next to the gateway's reason stands when the token ended."""
    path = profile(tmp_path, expires_at="2020-01-01T00:00:00+08:00")
    refused = NotAuthenticated(grpc.StatusCode.UNAUTHENTICATED, "", (ErrorReason(code="TOKEN_INVALID", texts={}),))
    with pytest.raises(typer.Exit) as ended, session(path, LanguageChoice.EN):
        raise refused
    assert ended.value.exit_code == 3
    assert "endedat2020-01-0100:00" in "".join(capsys.readouterr().err.split())
