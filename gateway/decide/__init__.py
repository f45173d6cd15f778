"""Stage 4 of 10: ResolvedQuery → Decision.

One call to the policy decision point: OPA as a server, or the same Rego in process. Its answer is untrusted until read.
"""

from gateway.decide.bundle import PolicyBundle, load_bundle, write_bundle
from gateway.decide.decide import decide
from gateway.decide.embedded import EmbeddedPdp
from gateway.decide.opa_server import OpaServerPdp, provision
from gateway.decide.pdp import PolicyDecisionPoint

__all__ = [
    "EmbeddedPdp",
    "OpaServerPdp",
    "PolicyBundle",
    "PolicyDecisionPoint",
    "decide",
    "load_bundle",
    "provision",
    "write_bundle",
]
