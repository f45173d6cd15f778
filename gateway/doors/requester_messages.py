"""The requester, as the directory says."""

from __future__ import annotations

from catalog.catalogue import Catalogue
from catalog.directory import Directory
from gateway.doors.explanation import text_message
from gateway.model.requester import Requester
from sharing_stubs.sharing.catalog.v1 import catalog_pb2


def requester(asking: Requester, *, directory: Directory, catalogue: Catalogue) -> catalog_pb2.GetRequesterResponse:
    """Return the requester's own line of the directory, with titles."""
    entry = directory.find(asking.subject)
    department = catalogue.departments.get(asking.department or "")
    clearance = next((grade for grade in catalogue.grades.grades if grade.id == asking.clearance), None)
    return catalog_pb2.GetRequesterResponse(
        subject=asking.subject,
        display_name=entry.display_name if entry else "",
        office=asking.office,
        office_title=text_message(catalogue.offices[asking.office].title),
        roles=sorted(asking.roles),
        department=asking.department or "",
        department_title=text_message(department.title) if department else None,
        clearance=asking.clearance,
        clearance_title=text_message(clearance.title) if clearance else None,
    )
