"""Say in words what a result is: for people who open its file without the gateway."""

from __future__ import annotations

import json

from catalog.catalogue import Catalogue
from gateway.model.decision import Decision


def about_json(decision: Decision, *, grade: str, purpose: str, office: str, catalogue: Catalogue) -> str:
    """Return titles of what a result is (Shanghai Data Regulation, article 40), each zh and en.

    Args:
        decision: Names the datasets.
        grade: The highest of the result.
        purpose: Id of the declared purpose.
        office: Id of the recipient.
        catalogue: Knows all of them.

    Returns:
        JSON: `purpose`, the `recipient` and the highest `grade`, texts; `legal_basis`, a list of texts; `datasets`, by name
        `title` and `controller`.
    """
    declared = catalogue.purposes[purpose]
    grades = {known.id: known.title for known in catalogue.grades.grades}
    about = {
        "purpose": declared.title.model_dump(),
        "legal_basis": [basis.citation.model_dump() for basis in declared.legal_basis],
        "recipient": catalogue.offices[office].title.model_dump(),
        "grade": grades[grade].model_dump(),
        "datasets": {
            name: {
                "title": catalogue.datasets[name].title.model_dump(),
                "controller": catalogue.departments[catalogue.datasets[name].controller].title.model_dump(),
            }
            for name in sorted(decision.datasets)
        },
    }
    return json.dumps(about, ensure_ascii=False, sort_keys=True)
