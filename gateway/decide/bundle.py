"""The policies and their data, as one value with a revision."""

from __future__ import annotations

import gzip
import hashlib
import io
import json
import tarfile
from collections.abc import Mapping
from dataclasses import dataclass
from importlib.resources import files
from importlib.resources.abc import Traversable
from pathlib import Path
from typing import Any

from catalog.catalogue import Catalogue
from catalog.policy_data import policy_data


@dataclass(frozen=True, slots=True, kw_only=True)
class PolicyBundle:
    """What a policy engine evaluates."""

    modules: Mapping[str, str]
    """Rego source by path below the policies directory, without tests."""
    data: Mapping[str, Any]
    """Base documents, mounted at `data`."""

    @property
    def revision(self) -> str:
        """First 16 hex digits of SHA-256 over modules and data."""
        content = [sorted(self.modules.items()), self.data]
        return hashlib.sha256(_canonical(content)).hexdigest()[:16]

    def data_json(self) -> str:
        """Return the base documents as JSON text."""
        return _canonical(self.data).decode()


def load_bundle(directory: Path | None = None, *, catalogue: Catalogue) -> PolicyBundle:
    """Read the policies of a directory, or those of the distribution, and join them with the catalogue.

    Raises:
        ValueError: There is no policy in the directory.
        OSError: The directory cannot be read.
    """
    root: Traversable = files("policies") if directory is None else directory
    modules = dict(sorted(_modules(root, "")))
    if not modules:
        raise ValueError(f"{root}: no policies")
    messages = json.loads((root / "messages" / "data.json").read_text("utf-8"))
    return PolicyBundle(modules=modules, data={"catalog": policy_data(catalogue), "messages": messages})


def write_bundle(bundle: PolicyBundle, path: Path) -> None:
    """Write an OPA bundle (`.tar.gz`), byte for byte the same for the same revision.

    Raises:
        OSError: The file cannot be written.
    """
    manifest = {"revision": bundle.revision, "roots": ["sharing", *sorted(bundle.data)], "rego_version": 1}
    members = {"/.manifest": _canonical(manifest), "/data.json": _canonical(bundle.data)}
    members |= {f"/{name}": source.encode() for name, source in bundle.modules.items()}
    with (
        path.open("wb") as file,
        gzip.GzipFile("", "wb", fileobj=file, mtime=0) as zipped,
        tarfile.open(fileobj=zipped, mode="w") as archive,
    ):
        for name, content in sorted(members.items()):
            member = tarfile.TarInfo(name)
            member.size = len(content)
            archive.addfile(member, io.BytesIO(content))


def _modules(folder: Traversable, prefix: str) -> list[tuple[str, str]]:
    found = []
    for item in folder.iterdir():
        name = f"{prefix}{item.name}"
        if item.is_dir():
            found += _modules(item, f"{name}/")
        elif name.endswith(".rego") and not name.endswith("_test.rego"):
            found.append((name, item.read_text("utf-8")))
    return found


def _canonical(value: object) -> bytes:
    return json.dumps(value, ensure_ascii=False, sort_keys=True, separators=(",", ":"), allow_nan=False).encode()
