"""`python -m connectors.sample_city`: a city, the databases of its departments, in the foreground."""

from __future__ import annotations

from connectors.sample_city.command import app

if __name__ == "__main__":
    app()
