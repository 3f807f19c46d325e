"""What several stories need."""

from __future__ import annotations

import pytest

from tests.flow.pit import Pit, open_pit
from tests.stage import Stage


@pytest.fixture
def pit(stage: Stage) -> Pit:
    return open_pit(stage)
