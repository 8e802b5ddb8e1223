from __future__ import annotations

import pytest

from signals.models import Endpoint
from tests.signals.webhook import make_endpoint


@pytest.fixture
def endpoint(hints: list[int]) -> Endpoint:
    return make_endpoint()
