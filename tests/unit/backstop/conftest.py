"""A tranche of ether with money in it, on the whole deployment: what stands around it is the real thing."""

from __future__ import annotations

import pytest

from tests.backstop import Pool
from tests.stage import Stage


@pytest.fixture
def pool(stage: Stage) -> Pool:
    """100,000 dollars of a stranger's."""
    found = Pool(stage)
    found.deposit("stranger", 100_000)
    return found
