"""Which adapter serves which venue; imported on first use, so that a venue's library costs nothing until it is used."""

from __future__ import annotations

from importlib import import_module
from typing import Any

from exchange.errors import AccountUnusable

ADAPTERS: dict[str, str] = {
    "paper_spot": "exchange.adapters.paper.client:PaperClient",
    "paper_usdm": "exchange.adapters.paper.client:PaperClient",
}


class UnknownVenue(AccountUnusable):
    """No adapter serves the venue; the text says what to do."""


def adapter(venue: str) -> Any:
    """Return the client class of a venue; raises UnknownVenue with the remedy if there is none."""
    path = ADAPTERS.get(venue)
    if path is None:
        known = ", ".join(sorted(ADAPTERS))
        raise UnknownVenue(f"no adapter is installed for the venue '{venue}': give the account one of {known}")
    module, _, name = path.partition(":")
    try:
        return getattr(import_module(module), name)
    except ImportError as exc:
        raise UnknownVenue(
            f"the adapter of the venue '{venue}' cannot be loaded ({exc}): install requirements/base.txt"
        ) from exc
