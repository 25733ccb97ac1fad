"""The failure catalogue (skeleton)."""

from __future__ import annotations

from dataclasses import dataclass


class CatalogError(ValueError):
    """An asset of the catalogue does not hold."""


@dataclass(frozen=True)
class Entry:
    """One failure."""

    id: str


@dataclass(frozen=True)
class Catalog:
    """All entries."""

    entries: tuple[Entry, ...] = ()

    @staticmethod
    def load() -> Catalog:
        """Return the shipped catalogue (cached)."""
        return Catalog()
