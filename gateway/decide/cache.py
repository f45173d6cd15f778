"""Spare an evaluation whose whole input was answered by the same policy before."""

from __future__ import annotations

import json
import threading
from collections import OrderedDict
from collections.abc import Mapping
from typing import Any

from gateway.decide.pdp import Evaluation, PolicyDecisionPoint
from gateway.decide.rule_texts import RuleText

ENTRIES_MAX = 1_024


class CachingPdp:
    """Remembers answers by the whole input and the revision.

    The input holds the time in seconds, so an answer is never older than its second: a plan, its re-check before the first
    row and the re-checks of running streams share one evaluation, and nothing outlives what it rested on. An evaluation
    that failed is not remembered.

    Args:
        pdp: Evaluates what is not known; closed with this.
        entries_max: Answers to keep; the one unused for longest is dropped.
    """

    def __init__(self, pdp: PolicyDecisionPoint, *, entries_max: int = ENTRIES_MAX) -> None:
        self._pdp = pdp
        self._entries_max = entries_max
        self._answers: OrderedDict[str, str] = OrderedDict()
        self._lock = threading.Lock()

    @property
    def revision(self) -> str:
        """Revision that is active now."""
        return self._pdp.revision

    @property
    def rules(self) -> Mapping[str, RuleText]:
        """What the rules of the active policy are called and rest on."""
        return self._pdp.rules

    def evaluate(self, policy_input: Mapping[str, Any], *, deadline_seconds: float) -> Evaluation:
        """Return the decision; see `PolicyDecisionPoint`. Every caller gets an answer of its own."""
        revision = self._pdp.revision
        key = decision_key(policy_input, revision=revision)
        with self._lock:
            known = self._answers.get(key)
            if known is not None:
                self._answers.move_to_end(key)
        if known is not None:
            return Evaluation(answer=json.loads(known), revision=revision)
        evaluation = self._pdp.evaluate(policy_input, deadline_seconds=deadline_seconds)
        if evaluation.revision == revision:
            self._remember(key, json.dumps(evaluation.answer))
        return evaluation

    def close(self) -> None:
        """Close the engine."""
        self._pdp.close()

    def _remember(self, key: str, answer: str) -> None:
        with self._lock:
            self._answers[key] = answer
            self._answers.move_to_end(key)
            if len(self._answers) > self._entries_max:
                self._answers.popitem(last=False)


def decision_key(policy_input: Mapping[str, Any], *, revision: str) -> str:
    """Return what tells two questions apart: the canonical JSON of the revision and everything the policy sees."""
    return json.dumps([revision, policy_input], ensure_ascii=False, sort_keys=True, separators=(",", ":"))
