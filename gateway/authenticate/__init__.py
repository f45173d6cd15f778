"""Stage 1 of 10: credentials → Requester. The token says who; the catalogue's directory says as what."""

from gateway.authenticate.authenticate import authenticate, office_requester, standing_requester
from gateway.authenticate.tokens import Issuer, TokenVerifier

__all__ = ["Issuer", "TokenVerifier", "authenticate", "office_requester", "standing_requester"]
