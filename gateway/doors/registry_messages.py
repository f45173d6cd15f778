"""Registrations as messages."""

from __future__ import annotations

from catalog.registry import ConnectorInstance, Registration, RegistrationState, StateChange
from sharing_stubs.sharing.registry.v1 import registry_pb2 as pb


def registration_message(registration: Registration) -> pb.Registration:
    """Return the message of a registration."""
    drifts = {drift.dataset: drift for drift in reversed(registration.drifts)}
    return pb.Registration(
        department=registration.department,
        connector=registration.connector,
        datasets=[
            pb.DatasetState(
                name=name,
                drift=pb.Text(zh=drifts[name].text.zh, en=drifts[name].text.en) if name in drifts else None,
                drifted_at=drifts[name].found_at if name in drifts else 0,
            )
            for name in registration.datasets
        ],
        state=_state(registration.state),
        changed_at=registration.changed_at,
        changed_by=registration.changed_by,
        reason=registration.reason,
        instances=map(_instance_message, registration.instances),
    )


def change_message(change: StateChange) -> pb.StateChange:
    """Return the message of one step of the history."""
    return pb.StateChange(state=_state(change.state), at=change.at, by=change.by, reason=change.reason)


def _instance_message(instance: ConnectorInstance) -> pb.Instance:
    return pb.Instance(
        instance_id=instance.instance_id,
        endpoint=instance.endpoint,
        generation=instance.generation,
        lease_expires_at=instance.lease_expires_at,
        certificate_sha256=instance.certificate_sha256,
        software=instance.software,
    )


def _state(state: RegistrationState) -> str:
    return f"REGISTRATION_STATE_{state.name}"
