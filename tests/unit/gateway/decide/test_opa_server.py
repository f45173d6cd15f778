"""OPA as a server: what a broken, slow or hostile one may do is bounded and has its own reason."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest
import requests

from gateway.decide import PolicyBundle
from gateway.decide.opa_server import OpaServerPdp, provision
from gateway.decide.policy_input import make_policy_input
from gateway.errors import Unavailable
from gateway.messages import Reason
from tests.opa_binary import running_opa
from tests.unit.gateway.decide.conftest import CLERK, CONTEXT, STANDING, VISIT, Decide

INPUT = make_policy_input(VISIT, requester=CLERK, context=CONTEXT, standing=STANDING)
BUNDLE = PolicyBundle(modules={"a.rego": "package sharing.access\n"}, data={"catalog": {"revision": "r"}})

Behaviour = Callable[["FakeOpa"], None]


def labelled(decision: str, *, revision: str = BUNDLE.revision) -> bytes:
    """Return the body of an answer."""
    return f'{{"result": {{"decision": {decision}, "revision": "{revision}"}}}}'.encode()


class FakeOpa(BaseHTTPRequestHandler):
    """Holds `BUNDLE` and answers questions with `behaviour`."""

    protocol_version = "HTTP/1.1"
    behaviour: Behaviour
    stopped: threading.Event
    asked: list[str]

    def do_GET(self) -> None:
        held: dict[str, Any] = {
            "/v1/policies": [{"id": name, "raw": source} for name, source in BUNDLE.served_modules.items()],
            "/v1/data/catalog": BUNDLE.data["catalog"],
        }
        self.answer(json.dumps({"result": held[self.path]}).encode())

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers["Content-Length"]))
        if self.stopped.is_set():
            self.close_connection = True
            return
        self.asked.append(self.path)
        type(self).behaviour(self)

    def answer(self, body: bytes, *, status: int = 200, **headers: str) -> None:
        self.send_response(status)
        for name, value in ({"Content-Length": str(len(body))} | headers).items():
            self.send_header(name.replace("_", "-"), value)
        self.end_headers()
        self.wfile.write(body)

    def drip(self, piece: bytes) -> None:
        """Send `piece` again and again, for ever."""
        try:
            while not self.stopped.wait(0.02):
                self.wfile.write(piece)
                self.wfile.flush()
        except OSError:
            self.close_connection = True

    def log_message(self, *_: object) -> None:
        pass


@contextmanager
def fake_opa(behaviour: Behaviour) -> Iterator[tuple[str, type[FakeOpa]]]:
    """Run a fake OPA on a loopback port."""
    handler = type("Handler", (FakeOpa,), {"behaviour": behaviour, "stopped": threading.Event(), "asked": []})
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}", handler
    finally:
        handler.stopped.set()
        server.shutdown()
        server.server_close()
        thread.join()


def ask(pdp: OpaServerPdp, *, seconds: float = 20) -> object:
    """Ask; returns the answer or the reason why there is none."""
    try:
        return pdp.evaluate(INPUT, deadline_seconds=seconds).answer
    except Unavailable as error:
        return error.reason


def asked_of(behaviour: Behaviour, *, seconds: float = 20) -> object:
    with fake_opa(behaviour) as (url, _):
        pdp = OpaServerPdp(url, bundle=BUNDLE)
        try:
            return ask(pdp, seconds=seconds)
        finally:
            pdp.close()


def raw(text: bytes) -> Behaviour:
    def behave(opa: FakeOpa) -> None:
        opa.wfile.write(text)
        opa.close_connection = True

    return behave


def test_the_result_is_the_answer() -> None:
    """What OPA gives under `result` is returned as it is; only the one fixed path is asked."""
    with fake_opa(lambda opa: opa.answer(labelled('{"allow": "true"}'))) as (url, handler):
        pdp = OpaServerPdp(url, bundle=BUNDLE)
        assert ask(pdp) == {"allow": "true"}
        assert handler.asked == ["/v1/data/sharing/answer/labelled"]
        assert pdp.revision == BUNDLE.revision
        pdp.close()
        assert ask(pdp) is Reason.POLICY_UNAVAILABLE


@pytest.mark.parametrize("body", [b"{}", b'{"decision_id": "x"}'])
def test_an_undefined_decision_has_its_own_reason(body: bytes) -> None:
    """OPA says undefined by leaving `result` out."""
    assert asked_of(lambda opa: opa.answer(body)) is Reason.POLICY_UNDEFINED


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"<html>",
        b"[]",
        b"true",
        b'{"result": NaN}',
        b'{"result": {"allow": false, "allow": true}}',
        b'{"result": 1, "result": 2}',
        b'{"result": "\xff"}',
        b"[" * 100_000,
    ],
)
def test_garbage_is_malformed(body: bytes) -> None:
    """A body that is not one strict JSON object is no answer."""
    assert asked_of(lambda opa: opa.answer(body)) is Reason.POLICY_MALFORMED


@pytest.mark.parametrize(
    "result",
    ["7", "null", "[]", "{}", '{"decision": 7}', '{"revision": "r"}', '{"decision": 7, "revision": "r", "x": 1}'],
)
def test_an_answer_without_a_label_is_malformed(result: str) -> None:
    """A decision that does not say which policy it is of is no answer."""
    assert asked_of(lambda opa: opa.answer(f'{{"result": {result}}}'.encode())) is Reason.POLICY_MALFORMED


@pytest.mark.parametrize("revision", ["0" * 16, "", BUNDLE.revision.upper(), BUNDLE.revision + " "])
def test_an_answer_of_another_revision_is_unavailable(revision: str) -> None:
    """What OPA answers by a policy that this gateway does not know is not used."""
    assert asked_of(lambda opa: opa.answer(labelled("7", revision=revision))) is Reason.POLICY_UNAVAILABLE


def test_an_answer_that_is_too_large_is_malformed() -> None:
    """Reading stops at the bound; the endless rest is never read."""

    def endless(opa: FakeOpa) -> None:
        opa.send_response(200)
        opa.send_header("Content-Length", str(1 << 40))
        opa.end_headers()
        try:
            while True:
                opa.wfile.write(b" " * 65_536)
        except OSError:
            opa.close_connection = True

    assert asked_of(endless) is Reason.POLICY_MALFORMED


def test_a_compressed_answer_is_malformed() -> None:
    """Compression could expand without bound, and was not asked for."""
    assert asked_of(lambda opa: opa.answer(b'{"result": 1}', Content_Encoding="gzip")) is Reason.POLICY_MALFORMED


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_redirects_are_not_followed(status: int) -> None:
    """Another server is never asked, whatever it would say."""
    with fake_opa(lambda opa: opa.answer(labelled('{"allow": true}'))) as (elsewhere, other):
        location = f"{elsewhere}/v1/data/sharing/answer/labelled"
        assert asked_of(lambda opa: opa.answer(b"{}", status=status, Location=location)) is Reason.POLICY_MALFORMED
        assert other.asked == []


@pytest.mark.parametrize(
    "behaviour",
    [
        lambda opa: opa.answer(b'{"code": "internal_error"}', status=500),
        lambda opa: opa.answer(labelled('{"allow": true}'), status=503),
        lambda opa: opa.answer(labelled('{"allow": true}'), status=201),
        raw(b""),
        raw(b"SSH-2.0-OpenSSH_9.9\r\n"),
        raw(b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n{}"),
        raw(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\n{}"),
    ],
)
def test_errors_and_cut_connections_are_unavailable(behaviour: Behaviour) -> None:
    """An error status, another protocol and an answer cut short are no answers."""
    assert asked_of(behaviour) is Reason.POLICY_UNAVAILABLE


@pytest.mark.parametrize(
    "behaviour",
    [
        lambda opa: opa.stopped.wait(),
        lambda opa: (opa.wfile.write(b"HTTP/1.1 200 OK\r\n"), opa.drip(b"X: y\r\n")),
        lambda opa: (opa.wfile.write(b"HTTP/1.1 200 OK\r\nX: "), opa.drip(b"y")),
        lambda opa: (opa.wfile.write(b"HTTP/1.1 200 OK\r\nContent-Length: 1000000\r\n\r\n"), opa.drip(b" ")),
        lambda opa: (
            opa.wfile.write(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"),
            opa.drip(b"1\r\n \r\n"),
        ),
        lambda opa: opa.drip(b"HTTP/1.1 100 Continue\r\n\r\n"),
    ],
    ids=["silent", "headers", "one header", "body", "chunks", "continues"],
)
def test_a_slow_answer_is_given_up_at_the_deadline(behaviour: Behaviour) -> None:
    """Silence and dripping bytes end at the total deadline, not at the last byte."""
    assert asked_of(behaviour, seconds=0.3) is Reason.POLICY_SLOW


def test_connections_recover_after_dripping() -> None:
    """Every connection can be dripped on, and the next calls are served again."""
    dripping = threading.Event()
    dripping.set()

    def behave(opa: FakeOpa) -> None:
        if dripping.is_set():
            opa.wfile.write(b"HTTP/1.1 200 OK\r\nX: ")
            opa.drip(b"y")
        else:
            opa.answer(labelled("7"))

    with fake_opa(behave) as (url, _):
        pdp = OpaServerPdp(url, bundle=BUNDLE)
        assert [ask(pdp, seconds=0.1) for _ in range(12)] == [Reason.POLICY_SLOW] * 12
        dripping.clear()
        assert [ask(pdp) for _ in range(12)] == [7] * 12
        pdp.close()


def test_a_server_that_went_away_is_unavailable() -> None:
    """Nothing listens any more: nothing is decided."""
    with fake_opa(lambda opa: opa.answer(labelled("7"))) as (url, _):
        pdp = OpaServerPdp(url, bundle=BUNDLE)
        assert ask(pdp) == 7
    assert [ask(pdp) for _ in range(8)] == [Reason.POLICY_UNAVAILABLE] * 8
    pdp.close()


def test_a_server_that_is_down_at_the_start_is_refused() -> None:
    """The gateway does not start without its policy."""
    with fake_opa(lambda opa: None) as (url, _):
        pass
    with pytest.raises(Unavailable) as caught:
        OpaServerPdp(url, bundle=BUNDLE)
    assert caught.value.reason is Reason.POLICY_UNAVAILABLE


def test_the_environment_has_no_say(monkeypatch: pytest.MonkeyPatch) -> None:
    """Neither proxies nor credentials of the environment are used."""
    for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    assert asked_of(lambda opa: opa.answer(labelled("7"))) == 7


@pytest.mark.parametrize(
    "url", ["127.0.0.1:8181", "http://127.0.0.1", "ftp://127.0.0.1:1", "http://127.0.0.1:8181/x", "http://:1"]
)
def test_only_a_plain_address_is_taken(url: str) -> None:
    """The path is fixed; an address with another is a mistake."""
    with pytest.raises(ValueError, match="not http"):
        OpaServerPdp(url, bundle=BUNDLE)


@pytest.mark.opa
def test_a_provisioned_server_decides(bundle: PolicyBundle, decided: Decide) -> None:
    """Policies and data uploaded by `provision` are complete."""
    with running_opa() as url:
        provision(url, bundle=bundle)
        pdp = OpaServerPdp(url, bundle=bundle)
        assert decided(pdp=pdp).allow
        pdp.close()


@pytest.mark.opa
def test_a_server_with_other_policies_or_data_is_refused(bundle: PolicyBundle) -> None:
    """An empty server, an extra rule, a changed rule and changed data are all found at the start."""

    def refused() -> bool:
        with pytest.raises(Unavailable) as caught:
            OpaServerPdp(url, bundle=bundle)
        return caught.value.reason is Reason.POLICY_UNAVAILABLE

    with running_opa() as url:
        assert refused()
        provision(url, bundle=bundle)
        OpaServerPdp(url, bundle=bundle).close()
        requests.put(f"{url}/v1/policies/extra", data="package sharing.extra\n\nx := 1\n", timeout=100)
        assert refused()
        requests.delete(f"{url}/v1/policies/extra", timeout=100)
        OpaServerPdp(url, bundle=bundle).close()
        requests.put(
            f"{url}/v1/data/catalog/purposes/elderly-care-visits/obligations/rows_max", json=10**9, timeout=100
        )
        assert refused()
        provision(url, bundle=bundle)
        source = bundle.modules["sharing/access/access.rego"].replace("default allow := false", "default allow := true")
        requests.put(f"{url}/v1/policies/sharing/access/access.rego", data=source.encode(), timeout=100)
        assert refused()


@pytest.mark.opa
def test_a_policy_that_opa_does_not_take_is_reported() -> None:
    """A policy with an error is not provisioned, and not rewritten until it fits."""
    with running_opa() as url, pytest.raises(Unavailable) as caught:
        provision(url, bundle=PolicyBundle(modules={"a.rego": "package a\n\nallow { true }\n"}, data={}))
    assert caught.value.reason is Reason.POLICY_UNAVAILABLE
