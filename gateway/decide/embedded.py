"""The policy in process, with rego-cpp."""

from __future__ import annotations

import ctypes
import json
from collections.abc import Mapping
from typing import Any

from gateway.decide.bundle import PolicyBundle
from gateway.decide.pdp import Evaluation
from gateway.decide.rego_cpp import Interpreter, rego_shared
from gateway.decide.rule_texts import RuleText, rule_texts
from gateway.decide.strict_json import parse_strict
from gateway.decide.workers import Workers
from gateway.errors import Unavailable
from gateway.messages import Reason

ANSWER_BYTES_MAX = 1 << 20
_ENGINES = 2
_ENTRYPOINT = "sharing/access/decision"
_INTEGER_MAX = 2**53 - 1


class EmbeddedPdp:
    """Evaluates the policy in this process: compiled once per engine, one engine per thread."""

    def __init__(self, bundle: PolicyBundle) -> None:
        """Compile the policies.

        Raises:
            Unavailable: They do not compile.
        """
        self._revision = bundle.revision
        self._rules = rule_texts(bundle)
        self._workers = Workers([_Engine(bundle) for _ in range(_ENGINES)], abandon=_leave)

    @property
    def revision(self) -> str:
        """Revision of the policies and their data."""
        return self._revision

    @property
    def rules(self) -> Mapping[str, RuleText]:
        """What the rules are called and rest on."""
        return self._rules

    def evaluate(self, policy_input: Mapping[str, Any], *, deadline_seconds: float) -> Evaluation:
        """Return the decision; see `PolicyDecisionPoint`."""
        answer = self._workers.run(lambda engine: engine.evaluate(policy_input), deadline_seconds=deadline_seconds)
        return Evaluation(answer=answer, revision=self._revision)

    def close(self) -> None:
        """Take no more calls."""
        self._workers.close()


class _Engine:
    """One interpreter; used by one thread at a time.

    Goes below regopy's `Input` and `Output`: they take strings as they are where rego-cpp keeps JSON's escapes, so a quote in
    a purpose would become part of the answer's structure; and they render the answer several times.
    """

    def __init__(self, bundle: PolicyBundle) -> None:
        compiler = Interpreter()
        try:
            for name, source in bundle.modules.items():
                compiler.add_module(name, source)
            compiler.add_data_json(bundle.data_json())
            self._compiled = compiler.build(None, [_ENTRYPOINT])
            if not self._compiled.ok():
                raise Unavailable(Reason.POLICY_UNAVAILABLE, internal="the policies do not compile")
        except rego_shared.RegoError as error:
            raise Unavailable(Reason.POLICY_UNAVAILABLE, internal=f"the policies do not compile: {error}") from error
        self._interpreter = Interpreter()
        self._buffer = ctypes.create_string_buffer(ANSWER_BYTES_MAX)

    def evaluate(self, policy_input: Mapping[str, Any]) -> object:
        try:
            self._set_input(policy_input)
            answer = self._query()
        except (rego_shared.RegoError, TypeError, ValueError) as error:
            raise Unavailable(Reason.POLICY_UNAVAILABLE, internal=f"rego-cpp failed: {error}") from error
        if answer == b"undefined":
            raise Unavailable(Reason.POLICY_UNDEFINED, internal="the decision is undefined")
        result = parse_strict(answer)
        try:
            return result["expressions"][0]  # type: ignore[index]
        except (KeyError, IndexError, TypeError) as error:
            raise Unavailable(Reason.POLICY_UNDEFINED, internal=f"no value in {result!r}") from error

    def _set_input(self, value: Mapping[str, Any]) -> None:
        handle = rego_shared.rego_new_input()
        try:
            _add(handle, value)
            rego_shared.rego_set_input(self._interpreter._impl, handle)
        finally:
            rego_shared.rego_free_input(handle)

    def _query(self) -> bytes:
        library = rego_shared.rego
        output = rego_shared.rego_bundle_query_entrypoint(self._interpreter._impl, self._compiled._impl, _ENTRYPOINT)
        try:
            if not rego_shared.rego_output_ok(output):
                raise ValueError(rego_shared.rego_output_string(output))
            code = library.regoOutputJSON(output, self._buffer, ANSWER_BYTES_MAX)
            if code != rego_shared.Code.OK:
                raise ValueError(f"the answer cannot be read: code {code}")
            return self._buffer.value
        finally:
            rego_shared.rego_free_output(output)


def _add(handle: Any, value: object) -> None:  # noqa: ANN401 - an opaque pointer of rego-cpp
    """Push a JSON value on the input, its strings escaped as in JSON text."""
    library = rego_shared.rego
    if isinstance(value, str):
        library.regoInputString(handle, json.encoder.encode_basestring(value)[1:-1].encode())
    elif isinstance(value, Mapping):
        for key, item in value.items():
            _add(handle, key)
            _add(handle, item)
            library.regoInputObjectItem(handle)
        library.regoInputObject(handle, len(value))
    elif isinstance(value, list):
        for item in value:
            _add(handle, item)
        library.regoInputArray(handle, len(value))
    elif isinstance(value, bool):
        library.regoInputBoolean(handle, value)
    elif isinstance(value, int) and abs(value) <= _INTEGER_MAX:
        library.regoInputInt(handle, value)
    elif value is None:
        library.regoInputNull(handle)
    else:
        raise TypeError(f"{type(value).__name__} is not part of a policy input")


def _leave(_: _Engine) -> None:
    """Let an evaluation that was given up run to its end; Rego always ends."""
