"""The doors: Flight SQL, registry, catalogue, audit and CLI. All of them go through `query_path`."""
