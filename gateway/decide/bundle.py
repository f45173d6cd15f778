"""The policies and their data, as one value with a revision."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from importlib.resources import files
from importlib.resources.abc import Traversable
from pathlib import Path
from typing import Any

from catalog.catalogue import Catalogue
from catalog.policy_data import policy_data

LABELLED = ("sharing.answer", "labelled")
"""Package and rule of the decision beside the revision that it is of."""
LABEL_MODULE = "sharing/answer/answer.rego"
"""Path of the module that holds it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PolicyBundle:
    """What a policy engine evaluates."""

    modules: Mapping[str, str]
    """Rego source by path below the policies directory, without tests."""
    data: Mapping[str, Any]
    """Base documents, mounted at `data`."""

    @property
    def content(self) -> bytes:
        """Canonical JSON of modules and data."""
        return canonical([sorted(self.modules.items()), self.data])

    @property
    def revision(self) -> str:
        """Revision of the content."""
        return revision_of(self.content)

    def data_json(self) -> str:
        """Return the base documents as JSON text."""
        return canonical(self.data).decode()

    @property
    def served_modules(self) -> Mapping[str, str]:
        """The modules of an OPA server: these, and one that puts the revision beside each decision.

        OPA replaces policies and data in one transaction, so an answer's label is of the policy that gave the answer.
        """
        label = f"""\
package sharing.answer

labelled := {{"decision": data.sharing.access.decision, "revision": "{self.revision}"}}
"""
        return {**self.modules, LABEL_MODULE: label}


def load_bundle(directory: Path | None = None, *, catalogue: Catalogue) -> PolicyBundle:
    """Read the policies of a directory, or those of the distribution, and join them with the catalogue.

    Raises:
        ValueError: There is no policy in the directory.
        OSError: The directory cannot be read.
    """
    root: Traversable = files("policies") if directory is None else directory
    modules = dict(sorted(_modules(root, "")))
    if not modules or LABEL_MODULE in modules:
        raise ValueError(f"{root}: no policies, or {LABEL_MODULE} among them, which is made when they are served")
    messages = json.loads((root / "messages" / "data.json").read_text("utf-8"))
    return PolicyBundle(modules=modules, data={"catalog": policy_data(catalogue), "messages": messages})


def revision_of(content: bytes) -> str:
    """Return the hex SHA-256 of a bundle's content."""
    return hashlib.sha256(content).hexdigest()


def canonical(value: object) -> bytes:
    """Return JSON as OPA canonicalises it to hash a file of a signed bundle: keys sorted, nothing escaped for HTML."""
    text = json.dumps(value, ensure_ascii=False, sort_keys=True, separators=(",", ":"), allow_nan=False)
    return text.replace("\u2028", "\\u2028").replace("\u2029", "\\u2029").encode()


def _modules(folder: Traversable, prefix: str) -> list[tuple[str, str]]:
    found = []
    for item in folder.iterdir():
        name = f"{prefix}{item.name}"
        if item.is_dir():
            found += _modules(item, f"{name}/")
        elif name.endswith(".rego") and not name.endswith("_test.rego"):
            found.append((name, item.read_text("utf-8")))
    return found
