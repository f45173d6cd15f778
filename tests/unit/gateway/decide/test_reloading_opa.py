"""An OPA server fetches the policies by itself, and decides only by what the gateway has verified too."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from gateway.decide import (
    PolicyBundle,
    PolicyDecisionPoint,
    ReloadingPdp,
)
from gateway.decide.opa_server import OpaServerPdp
from gateway.errors import Unavailable
from gateway.messages import Reason
from gateway.model.policy import Refusal
from tests.opa_binary import running_opa
from tests.unit.gateway.decide.reloaded import (
    Bundles,
    activated,
    ask,
    change_under_load,
    other_key,
    policy,
    put,
    refused,
    until,
)
from tests.unit.gateway.decide.test_signed_bundle import write_key


@pytest.fixture
def bundles(tmp_path: Path) -> Bundles:
    return Bundles(tmp_path)


class BundleServer(BaseHTTPRequestHandler):
    """Serves one file to OPA, which waits for the next version (https://www.openpolicyagent.org/docs/management-bundles)."""

    protocol_version = "HTTP/1.1"
    path_served: Path
    stopped: threading.Event

    def do_GET(self) -> None:
        while (content := self.path_served.read_bytes()) and self.headers["If-None-Match"] == str(hash(content)):
            if self.stopped.wait(0.02):
                self.close_connection = True
                return
        self.send_response(200)
        self.send_header("Content-Type", "application/vnd.openpolicyagent.bundles")
        self.send_header("ETag", str(hash(content)))
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, *_: object) -> None:
        pass


@contextmanager
def opa_with_bundle_service(path: Path) -> Iterator[str]:
    """Run OPA as in production: it fetches the signed bundle itself and verifies every version; yields its URL."""
    handler = type("Handler", (BundleServer,), {"path_served": path, "stopped": threading.Event()})
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    settings = {
        "services.gateway.url": f"http://127.0.0.1:{server.server_address[1]}",
        "bundles.sharing.service": "gateway",
        "bundles.sharing.resource": "bundle.tar.gz",
        "bundles.sharing.polling.long_polling_timeout_seconds": "10",
        "bundles.sharing.signing.keyid": "policy",
        "keys.policy.algorithm": "ES256",
    }
    arguments = [part for name, value in settings.items() for part in ("--set", f"{name}={value}")]
    arguments += ["--set-file", f"keys.policy.key={write_key(path.parent)}"]
    try:
        with running_opa(*arguments) as url:
            yield url
    finally:
        handler.stopped.set()  # type: ignore[attr-defined]
        server.shutdown()
        server.server_close()
        thread.join()


@contextmanager
def opa_pdp(bundles: Bundles, *, served: Path | None = None) -> Iterator[ReloadingPdp]:
    with opa_with_bundle_service(served or bundles.path) as url:

        def start(bundle: PolicyBundle) -> PolicyDecisionPoint:
            return OpaServerPdp(url, bundle)

        deadline = time.monotonic() + 120
        while True:
            try:
                with bundles.pdp(start=start) as pdp:
                    bundles.changes[:-1] = []
                    yield pdp
                return
            except Unavailable:  # OPA has not fetched its bundle yet
                assert time.monotonic() < deadline
                time.sleep(0.1)


@pytest.mark.opa
def test_no_evaluation_fails_while_the_policy_of_an_opa_server_changes(bundles: Bundles) -> None:
    """OPA fetches each signed bundle by itself; callers ask through all changes, and every answer is labelled right."""
    put(bundles.path, policy(1), sequence=1)
    with opa_pdp(bundles) as pdp:
        change_under_load(pdp, bundles, settle=lambda revision: until(lambda: pdp.revision == revision))


@pytest.mark.opa
def test_an_opa_server_keeps_the_old_policy_when_the_new_one_is_not_signed(bundles: Bundles) -> None:
    """OPA and the gateway refuse the same file: queries go on under the old policy."""
    first = put(bundles.path, policy(1), sequence=1)
    with opa_pdp(bundles) as pdp:
        other_key(bundles.path)
        until(lambda: len(bundles.changes) == 2)
        for _ in range(20):
            assert ask(pdp).revision == first
            time.sleep(0.05)
    assert bundles.said == [activated(1), refused(None, Refusal.SIGNATURE)]


@pytest.mark.opa
def test_an_answer_of_a_revision_that_was_not_verified_is_refused(bundles: Bundles, tmp_path: Path) -> None:
    """When OPA goes over to policies that this gateway has not verified, nothing is decided any more."""
    served = tmp_path / "served.tar.gz"
    put(bundles.path, policy(1), sequence=1)
    put(served, policy(1), sequence=1)

    def denied(*because: Reason) -> bool:
        try:
            return not pdp.evaluate({"x": 0}, deadline_seconds=1).answer
        except Unavailable as error:
            return error.reason in because

    with opa_pdp(bundles, served=served) as pdp:
        assert not denied()
        put(served, policy(2), sequence=2)
        until(lambda: denied(Reason.POLICY_UNAVAILABLE))
        assert all(denied(Reason.POLICY_UNAVAILABLE, Reason.POLICY_SLOW) for _ in range(3))
        put(bundles.path, policy(2), sequence=2)
        assert ask(pdp).answer["rule"] == 2  # type: ignore[index]
