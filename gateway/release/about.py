"""Say in words what a result is: for people who open its file without the gateway."""

from __future__ import annotations

import json

from catalog.catalogue import Catalogue
from gateway.model.decision import Decision


def about_json(decision: Decision, *, purpose: str, catalogue: Catalogue) -> str:
    """Return titles of the purpose, its legal basis and its sources (Shanghai Data Regulation, article 40), each zh and en.

    Returns:
        JSON: `purpose`, a text; `legal_basis`, a list of texts; `datasets`, by name `title` and `controller`.
    """
    declared = catalogue.purposes[purpose]
    about = {
        "purpose": declared.title.model_dump(),
        "legal_basis": [basis.citation.model_dump() for basis in declared.legal_basis],
        "datasets": {
            name: {
                "title": catalogue.datasets[name].title.model_dump(),
                "controller": catalogue.departments[catalogue.datasets[name].controller].title.model_dump(),
            }
            for name in sorted(decision.datasets)
        },
    }
    return json.dumps(about, ensure_ascii=False, sort_keys=True)
