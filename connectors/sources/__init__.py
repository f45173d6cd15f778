"""Adapters to department databases: each implements `connectors.sdk.source.Source`."""
