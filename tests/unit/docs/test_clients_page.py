"""docs/clients.md says what clients send and get."""

from __future__ import annotations

import ast
import json
import re
from collections import defaultdict

import grpc

from gateway import errors, headers
from gateway.client import Profile, RequestError
from gateway.doors.cli.show import Screen
from gateway.messages import MESSAGES, Reason
from tests.unit.docs.pages import ROOT, code, read, section, table

PAGE = read("clients.md")
GATEWAY = ROOT / "gateway"


def statuses() -> dict[str, set[str]]:
    """Return for each reason the status of every error that the gateway makes with it."""
    found: dict[str, set[str]] = defaultdict(set)
    for path in sorted(GATEWAY.rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            made = getattr(errors, node.func.id, None) if is_named_call(node) else None
            if isinstance(made, type) and issubclass(made, errors.GatewayError):
                named = [
                    part.attr
                    for argument in node.args
                    for part in ast.walk(argument)
                    if isinstance(part, ast.Attribute) and ast.unparse(part.value) == "Reason"
                ]
                for reason in named:
                    found[reason].add(made.status.name)
    for default in (errors.Denied(), errors.Bug("")):
        found[default.reason.name].add(default.status.name)
    return found


def is_named_call(node: ast.AST) -> bool:
    return isinstance(node, ast.Call) and isinstance(node.func, ast.Name)


def test_reasons_are_those_of_the_gateway():
    """Code, status, text and remedy of every reason, in the order of `gateway.messages`."""
    found = statuses()
    expected = [
        [
            f"`{reason}`",
            " ".join(f"`{status}`" for status in sorted(found[reason.name])),
            MESSAGES[reason][0].en,
            MESSAGES[reason][1].en,
        ]
        for reason in Reason
    ]
    assert table(section(PAGE, "Reasons of the gateway")) == expected


def test_denials_are_those_of_the_policy():
    """Code, rule and text of every denial that a policy makes."""
    texts = json.loads((ROOT / "policies" / "messages" / "data.json").read_text("utf-8"))["message"]
    rules = {}
    for path in (ROOT / "policies").rglob("*.rego"):
        if not path.name.endswith("_test.rego"):
            rules |= dict(re.findall(r'denial\.make\("([A-Z_]+)", "([a-z]+)"', path.read_text("utf-8")))
    assert set(rules) == set(texts)
    expected = [[f"`{denial}`", f"`{rules[denial]}`", text["en"]] for denial, text in sorted(texts.items())]
    assert table(section(PAGE, "Reasons of the policy")) == expected


def test_exit_codes_are_those_of_the_command_line():
    """Every status ends the command line with the code of the table."""
    rows = table(section(PAGE, "Errors"))
    known = {made.status.name for made in vars(errors).values() if hasattr(made, "status")}
    assert {code(row[0])[0] for row in rows} == known
    for row in rows:
        error = RequestError(grpc.StatusCode[code(row[0])[0]], "", ())
        assert Screen.make("en").failure(error) == int(row[1])


def test_profile_keys_are_those_of_a_profile():
    """The table of the profile file is the profile."""
    assert [code(row[0])[0] for row in table(section(PAGE, "Profile file"))] == list(Profile.model_fields)


def test_headers_are_those_that_are_read():
    """The table of headers names what the doors read."""
    rows = table(section(PAGE, "Headers"))
    assert [code(row[0])[0] for row in rows] == ["authorization", headers.PURPOSE, headers.CASE]


def test_metadata_keys_are_those_of_results():
    """The table of metadata names every key that `release` writes."""
    written = re.findall(r'"(sharing\.[a-z_]+)"', (GATEWAY / "release" / "release.py").read_text("utf-8"))
    assert [code(row[0])[0] for row in table(section(PAGE, "Result metadata"))] == written


def test_receipt_keys_are_those_of_receipts():
    """The table of the receipt names every key."""
    (written,) = re.findall(r"receipt = \{(.*?)\}", (GATEWAY / "audit" / "receipts.py").read_text("utf-8"), re.DOTALL)
    listed = [key for row in table(section(PAGE, "Receipt")) for key in code(row[0])]
    assert sorted(listed) == sorted(re.findall(r'"([a-z0-9_]+)":', written))
