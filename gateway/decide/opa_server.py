"""The policy in an OPA server."""

from __future__ import annotations

import contextlib
import io
import socket
from collections.abc import Callable, Mapping
from typing import Any
from urllib.parse import urlsplit

import requests
import urllib3
from opa_client.errors import RegoParseError
from opa_client.opa import OpaClient
from requests.adapters import HTTPAdapter

from gateway.decide.bundle import LABELLED, PolicyBundle
from gateway.decide.pdp import EngineNotReady, Evaluation
from gateway.decide.rule_texts import RuleText, rule_texts
from gateway.decide.strict_json import parse_strict
from gateway.decide.workers import Workers
from gateway.errors import Unavailable
from gateway.messages import Reason

ANSWER_BYTES_MAX = 1 << 20
_POLICIES_BYTES_MAX = 1 << 26
_CONNECTIONS = 4
_VERIFY_SECONDS = 10.0


class OpaServerPdp:
    """Asks an OPA server that serves nothing but this policy, and takes answers of this revision only."""

    def __init__(self, url: str, bundle: PolicyBundle) -> None:
        """Connect and check that the server holds exactly the policies and data of `bundle`.

        Raises:
            EngineNotReady: It is down or holds something else.
            ValueError: The URL is not `http(s)://host:port`.
        """
        self._revision = bundle.revision
        self._rules = rule_texts(bundle)
        self._workers = Workers([_Connection(url) for _ in range(_CONNECTIONS)], abandon=_Connection.abort)
        try:
            self._workers.run(
                lambda connection: connection.verify(bundle, seconds=_VERIFY_SECONDS), deadline_seconds=_VERIFY_SECONDS
            )
        except Unavailable as error:
            self.close()
            raise EngineNotReady(error.reason, internal=error.internal) from error

    @property
    def revision(self) -> str:
        """Revision of the policies and their data."""
        return self._revision

    @property
    def rules(self) -> Mapping[str, RuleText]:
        """What the rules are called and rest on."""
        return self._rules

    def evaluate(self, policy_input: Mapping[str, Any], *, deadline_seconds: float) -> Evaluation:
        """Return the decision; see `PolicyDecisionPoint`.

        Raises:
            EngineNotReady: OPA answered with another revision.
            Unavailable: As in `PolicyDecisionPoint`.
        """
        evaluation = self._workers.run(
            lambda connection: connection.decide(policy_input, seconds=deadline_seconds),
            deadline_seconds=deadline_seconds,
        )
        if evaluation.revision != self._revision:
            detail = f"OPA answers with revision {evaluation.revision!r} instead of {self._revision}"
            raise EngineNotReady(Reason.POLICY_UNAVAILABLE, internal=detail)
        return evaluation

    def close(self) -> None:
        """Take no more calls."""
        self._workers.close()


def provision(url: str, *, bundle: PolicyBundle) -> None:
    """Upload policies and data to a fresh OPA server. For local cities and tests; production servers load a bundle.

    Raises:
        Unavailable: `POLICY_UNAVAILABLE` when the server does not take them.
        ValueError: The URL is not `http(s)://host:port`.
    """
    client = _client(url)
    try:
        for name, document in bundle.data.items():
            client.update_or_create_data(document, name)
        _upload(client, bundle.served_modules)
    except (requests.RequestException, RegoParseError) as error:
        raise Unavailable(Reason.POLICY_UNAVAILABLE, internal=f"OPA takes no policies: {error}") from error
    finally:
        client.close_connection()


def _upload(client: OpaClient, modules: Mapping[str, str]) -> None:
    """Upload modules after those whose functions they call, which OPA wants to know first."""
    refused: dict[str, RegoParseError] = {}
    for name, source in modules.items():
        try:
            client.update_policy_from_string(source, name, rego_compat=False)
        except RegoParseError as error:
            refused[name] = error
    if len(refused) == len(modules):
        raise next(iter(refused.values()))
    if refused:
        _upload(client, {name: modules[name] for name in refused})


def _client(url: str) -> OpaClient:
    parts = urlsplit(url)
    if parts.scheme not in ("http", "https") or not parts.hostname or parts.port is None or parts.path.strip("/"):
        raise ValueError(f"{url}: not http(s)://host:port")
    client = OpaClient(
        host=parts.hostname, port=parts.port, ssl=parts.scheme == "https", retries=0, timeout=_VERIFY_SECONDS
    )
    client._session.trust_env = False  # no proxies and no credentials from the environment
    return client


class _Connection:
    """One connection to the server; used by one thread at a time, except `abort`."""

    def __init__(self, url: str) -> None:
        self._client = _client(url)
        self._adapter = _BoundedAdapter()
        for scheme in ("http://", "https://"):
            self._client._session.mount(scheme, self._adapter)

    def decide(self, policy_input: Mapping[str, Any], *, seconds: float) -> Evaluation:
        """Return the decision and what OPA says it is of. Raises Unavailable."""
        result = self._ask(
            lambda client: client.query_rule(dict(policy_input), *LABELLED),
            seconds=seconds,
            bytes_max=ANSWER_BYTES_MAX,
        )
        if not isinstance(result, dict):
            raise Unavailable(Reason.POLICY_MALFORMED, internal="OPA's answer is not an object")
        if "result" not in result:
            raise Unavailable(Reason.POLICY_UNDEFINED, internal="the decision is undefined")
        labelled = result["result"]
        if not isinstance(labelled, dict) or set(labelled) != {"decision", "revision"}:
            raise Unavailable(Reason.POLICY_MALFORMED, internal="OPA's answer is not a labelled decision")
        return Evaluation(answer=labelled["decision"], revision=labelled["revision"])

    def verify(self, bundle: PolicyBundle, *, seconds: float) -> None:
        """Compare what the server holds with `bundle`. Raises Unavailable."""
        policies = self._get("policies", seconds=seconds)
        try:
            sources = sorted(policy["raw"] for policy in policies)
        except (KeyError, TypeError) as error:
            raise Unavailable(Reason.POLICY_MALFORMED, internal=f"OPA's policies: {error!r}") from error
        data = {name: self._get(f"data/{name}", seconds=seconds) for name in bundle.data}
        if sources != sorted(bundle.served_modules.values()) or data != bundle.data:
            raise Unavailable(Reason.POLICY_UNAVAILABLE, internal=f"OPA does not hold revision {bundle.revision}")

    def _get(self, path: str, *, seconds: float) -> Any:  # noqa: ANN401 - JSON
        answer = self._ask(
            lambda client: client._session.get(f"{client.root_url}/{path}", timeout=seconds).json(),
            seconds=seconds,
            bytes_max=_POLICIES_BYTES_MAX,
        )
        return answer.get("result") if isinstance(answer, dict) else None

    def abort(self) -> None:
        """End a call that was given up; from any thread."""
        self._adapter.abort()

    def _ask(self, call: Callable[[OpaClient], Any], *, seconds: float, bytes_max: int) -> Any:  # noqa: ANN401 - JSON
        self._client.timeout = seconds
        self._adapter.bytes_max = bytes_max
        try:
            return call(self._client)
        except (requests.Timeout, urllib3.exceptions.TimeoutError) as error:
            raise Unavailable(Reason.POLICY_SLOW, internal=f"OPA: {error}") from error
        except (requests.RequestException, urllib3.exceptions.HTTPError, OSError) as error:
            raise Unavailable(Reason.POLICY_UNAVAILABLE, internal=f"OPA: {error}") from error


class _BoundedAdapter(HTTPAdapter):
    """Transport that takes one small, plain, strict JSON body and nothing else, and can be aborted."""

    def __init__(self) -> None:
        self.bytes_max = ANSWER_BYTES_MAX
        self._socket: socket.socket | None = None
        super().__init__(max_retries=0, pool_maxsize=1, pool_block=True)

    def init_poolmanager(self, *args: Any, **kwargs: Any) -> None:  # noqa: ANN401
        super().init_poolmanager(*args, **kwargs)
        self.poolmanager.pool_classes_by_scheme = {
            "http": _recording(urllib3.HTTPConnectionPool, opened=self._opened),
            "https": _recording(urllib3.HTTPSConnectionPool, opened=self._opened),
        }

    def send(self, request: requests.PreparedRequest, *args: Any, **kwargs: Any) -> requests.Response:  # noqa: ANN401
        """Return a response whose body is read, bounded and strict JSON. Redirects are not followed."""
        request.headers["Accept-Encoding"] = "identity"
        response = super().send(request, *args, **(kwargs | {"stream": True}))
        try:
            body = response.raw.read(self.bytes_max + 1, decode_content=False)
        finally:
            response.close()
        if 300 <= response.status_code < 400:
            raise Unavailable(Reason.POLICY_MALFORMED, internal="OPA redirects")
        if response.status_code != requests.codes.ok:
            raise Unavailable(Reason.POLICY_UNAVAILABLE, internal=f"OPA answers with status {response.status_code}")
        if len(body) > self.bytes_max or "content-encoding" in response.headers:
            raise Unavailable(Reason.POLICY_MALFORMED, internal="OPA's answer is too large or compressed")
        if response.headers.get("Content-Length", str(len(body))) != str(len(body)):
            raise Unavailable(Reason.POLICY_UNAVAILABLE, internal="OPA's answer is cut short")
        parse_strict(body)
        response.raw = io.BytesIO(body)
        return response

    def abort(self) -> None:
        """Shut the socket down, which ends a read in another thread."""
        if self._socket is not None:
            with contextlib.suppress(OSError):
                self._socket.shutdown(socket.SHUT_RDWR)

    def _opened(self, opened: socket.socket) -> None:
        self._socket = opened


def _recording(
    pool_class: type[urllib3.HTTPConnectionPool], *, opened: Callable[[socket.socket], None]
) -> type[urllib3.HTTPConnectionPool]:
    """Return a pool class that tells which sockets its connections open."""
    connection_class: Any = pool_class.ConnectionCls

    class Connection(connection_class):  # type: ignore[misc]
        def connect(self) -> None:
            super().connect()
            opened(self.sock)

    return type("Pool", (pool_class,), {"ConnectionCls": Connection})
