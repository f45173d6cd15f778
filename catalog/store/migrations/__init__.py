"""Alembic's environment. Revisions are linear; none is changed once it was released."""
