"""One entry of the access log in full, and the proof that it is in the log."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

from starlette.responses import Response

from catalog.dataset import Text
from connectors.sdk.tlog.entry import Entry
from connectors.sdk.tlog.evidence import Evidence
from gateway.client import RequestError, request_errors
from gateway.doors.console.asking.words import GRADES
from gateway.doors.console.audit.asked import words_of
from gateway.doors.console.audit.entries import Listed, codes_of, listed
from gateway.doors.console.audit.proving import prove
from gateway.doors.console.audit.titles import Titles, titles_of
from gateway.doors.console.audit.words import (
    CHANNELS,
    ROLES,
    RULES,
    USES,
    condition_words,
    field_words,
    in_words,
    treatment_words,
    value_words,
)
from gateway.doors.console.reasons import reason_words
from gateway.doors.console.visit import Action, Page, Visit
from sharing_stubs.sharing.audit.v1 import audit_pb2, audit_pb2_grpc

_LINKED_SECONDS = 3_600
"""How long after a query its receipt is looked for."""
_SAID_ELSEWHERE = frozenset(
    {
        "answer_sha256",
        "case",
        "catalogue_revision",
        "channel",
        "datasets",
        "decision_id",
        "denials",
        "determined_by",
        "durations_micros",
        "expires_at",
        "intent",
        "intent_sequence",
        "obligations",
        "outcome",
        "people_min",
        "policy_input",
        "policy_revision",
        "purpose",
        "requester",
        "scans",
        "sent",
        "sql",
    }
)


def show(visit: Visit) -> Response:
    """Show the page."""
    evidence = _evidence(visit, visit.names["entry"])
    try:
        one = listed(evidence.leaf)
    except ValueError:
        return visit.render("audit/entry_malformed.html", **_proof_part(visit, evidence))
    body, titles = one.body, titles_of(visit)
    return visit.render(
        "audit/entry.html",
        one=one,
        body=_complete(body),
        titles=titles,
        linked=_linked(visit, one),
        rest=_rest(body, titles=titles),
        action=value_words("action", body.get("action") or ""),
        clearance=in_words(GRADES, (body.get("requester") or {}).get("clearance")),
        denials=[_denial(denial) for denial in body.get("denials") or ()],
        codes=[(code, reason_words(code)) for code in codes_of(one.entry)],
        roles=[in_words(ROLES, role) for role in (body.get("requester") or {}).get("roles", ())],
        channel=in_words(CHANNELS, body.get("channel")),
        rules=_joined([in_words(RULES, rule) for rule in body.get("determined_by") or ()]),
        uses=lambda names: _joined([in_words(USES, name) for name in names]),
        treatment=lambda column: treatment_words(column.get("action") or "", column.get("mask")),
        condition=condition_words,
        json=_json_of(one.entry),
        asked=(body.get("policy_input") or {}).get("query"),
        **_proof_part(visit, evidence),
    )


def download(visit: Visit) -> Response:
    """Offer the evidence as a file."""
    evidence = _evidence(visit, visit.names["entry"])
    text = json.dumps(evidence.to_json(), indent=1)
    path = visit.session.downloads.offer(
        name=f"evidence-{visit.names['entry'][:36]}.json",
        media_type="application/json",
        write=lambda path: path.write_text(text, "utf-8"),
    )
    return visit.go(path)


def _evidence(visit: Visit, entry_id: str) -> Evidence:
    stub = audit_pb2_grpc.AuditServiceStub(visit.connection.channel)
    answer = visit.call(stub.GetEntry, audit_pb2.GetEntryRequest(entry_id=entry_id))
    return Evidence(
        leaf=answer.leaf,
        index=answer.index,
        tree_size=answer.tree_size,
        path=tuple(answer.inclusion_proof),
        checkpoint=answer.checkpoint,
    )


def _proof_part(visit: Visit, evidence: Evidence) -> dict[str, Any]:
    return {
        "proof": prove(evidence, work=visit.session.audit),
        "keys": visit.session.audit.keys,
        "entry_id": visit.names["entry"],
        "back": f"/log/{visit.names['entry']}",
    }


def _linked(visit: Visit, one: Listed) -> list[Listed]:
    """Return the entries that tell of the same query: of a receipt its intent, of an intent what came of it."""
    try:
        if intent := one.body.get("intent"):
            return [listed(_evidence(visit, intent).leaf)]
        with request_errors():
            return _outcomes(visit, one) if one.entry.kind == "intent" else []
    except (RequestError, ValueError):
        return []


def _outcomes(visit: Visit, intent: Listed) -> list[Listed]:
    begun = int(intent.seconds)
    stub = audit_pb2_grpc.AuditServiceStub(visit.connection.channel)
    request = audit_pb2.SearchEntriesRequest(
        from_time=begun, until_time=begun + _LINKED_SECONDS, requester=intent.requester, purpose=intent.purpose
    )
    answers = stub.SearchEntries(request, metadata=visit.connection.headers())
    found = [listed(answer.leaf) for answer in answers]
    return [other for other in found if other.body.get("intent") == intent.entry.entry_id]


def _rest(body: Mapping[str, Any], *, titles: Titles) -> list[tuple[Text, Text]]:
    """Return the members that no other part of the page tells of."""
    told = ((name, value) for name, value in body.items() if name not in _SAID_ELSEWHERE)
    kept = ((name, value) for name, value in told if value not in (None, "", [], {}))
    return [(field_words(name), _plain(name, value, titles=titles)) for name, value in kept]


def _denial(denial: Mapping[str, Any]) -> dict[str, Any]:
    def text(name: str) -> Text | None:
        match denial.get(name):
            case {"zh": str(zh), "en": str(en)} if zh and en:
                return Text(zh=zh, en=en)
        return None

    code = str(denial.get("code") or "—")
    return {
        "code": code,
        "message": text("message") or reason_words(code),
        "legal_basis": text("legal_basis"),
        "remedy": text("remedy"),
    }


def _complete(body: Mapping[str, Any]) -> dict[str, Any]:
    """Return the body with every member that the page asks for; those that it lacks are None."""
    datasets = [{"columns": (), "people": (), "row_filter": None, **dataset} for dataset in body.get("datasets") or ()]
    return {**dict.fromkeys(_SAID_ELSEWHERE), **body, "datasets": datasets}


def _plain(name: str, value: object, *, titles: Titles) -> Text:
    """Return any other member as text."""
    if isinstance(value, str):
        return value_words(name, value)
    if name == "filters" and isinstance(value, dict):
        return words_of(value, titles=titles)
    text = json.dumps(value, ensure_ascii=False, sort_keys=True)
    return Text(zh=text, en=text)


def _joined(texts: Sequence[Text]) -> Text:
    return Text(zh="、".join(text.zh for text in texts) or "—", en=", ".join(text.en for text in texts) or "—")


def _json_of(entry: Entry) -> str:
    """Return an entry's body as it stands in the log, laid out for reading."""
    return json.dumps(dict(entry.body), ensure_ascii=False, indent=1, sort_keys=True)


PAGES = (Page(path="/log/{entry}", title=Text(zh="日志条目", en="Entry of the log"), show=show),)
ACTIONS = (Action(method="POST", path="/log/{entry}/evidence", call=download),)
