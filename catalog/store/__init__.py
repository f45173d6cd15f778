"""The database behind the registers: opened and brought up to date, watched, and refused when it is lost."""

from catalog.store.database import Part, RegistryUnavailable, bump, open_store
from catalog.store.watch import StoreWatch

__all__ = ["Part", "RegistryUnavailable", "StoreWatch", "bump", "open_store"]
