"""`gateway audit …`: what auditors, recipients and those who keep the log ask."""

from __future__ import annotations

import typer

from gateway.doors.cli import (
    audit_receipt_commands,
    audit_reconcile_commands,
    audit_replay_commands,
    audit_retire_commands,
    audit_search_commands,
    audit_subject_commands,
    audit_verify_commands,
)

commands = typer.Typer(no_args_is_help=True, help="审计日志 / the access log")
commands.add_typer(audit_search_commands.commands)
commands.add_typer(audit_receipt_commands.commands)
commands.add_typer(audit_replay_commands.commands)
commands.add_typer(audit_verify_commands.commands)
commands.add_typer(audit_retire_commands.commands)
commands.add_typer(audit_reconcile_commands.commands)
commands.add_typer(audit_subject_commands.commands)
