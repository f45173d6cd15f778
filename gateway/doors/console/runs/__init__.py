"""Queries that run for a session, and their rows, kept encrypted for as long as the session lasts."""
