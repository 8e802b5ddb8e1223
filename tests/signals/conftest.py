from __future__ import annotations

from collections.abc import Iterator

import pytest

from signals import throttle
from signals.relay import relay


@pytest.fixture(autouse=True)
def forgive_everybody() -> Iterator[None]:
    """Failures of one test must not throttle the next."""
    throttle.failures.clear()
    yield
    throttle.failures.clear()


@pytest.fixture
def hints(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """The lanes that were handed to the relay, which sends none of them."""
    found: list[int] = []
    monkeypatch.setattr(relay, "hint", found.append)
    return found
