"""Stage 4 of 10: ResolvedQuery → Decision.

One call to the policy decision point: OPA as a server (`gateway.decide.opa_server`, whose client takes a second to load), or
the same Rego in process. Its answer is untrusted until read.
"""

from gateway.decide.archive import PolicyArchive
from gateway.decide.bundle import PolicyBundle, load_bundle
from gateway.decide.cache import CachingPdp
from gateway.decide.decide import decide
from gateway.decide.embedded import EmbeddedPdp
from gateway.decide.input_schema import load_input_schema
from gateway.decide.pdp import Evaluation, PolicyDecisionPoint
from gateway.decide.reloading import BundleSource, ReloadingPdp
from gateway.decide.review import Reviewed, review
from gateway.decide.rule_texts import RuleText
from gateway.decide.signed_bundle import SignedBundle, encode_bundle, load_signing_key, load_verification_key

__all__ = [
    "BundleSource",
    "CachingPdp",
    "EmbeddedPdp",
    "Evaluation",
    "PolicyArchive",
    "PolicyBundle",
    "PolicyDecisionPoint",
    "ReloadingPdp",
    "Reviewed",
    "RuleText",
    "SignedBundle",
    "decide",
    "encode_bundle",
    "load_bundle",
    "load_input_schema",
    "load_signing_key",
    "load_verification_key",
    "review",
]
