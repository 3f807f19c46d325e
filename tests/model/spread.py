"""Numbers from all over a wide range: Hypothesis alone draws most of them near its origin."""

from __future__ import annotations

from hypothesis import settings
from hypothesis import strategies as st

patient = settings(deadline=None)
"""For what many digits judge: slow on a busy machine."""


def spread(low: int, high: int) -> st.SearchStrategy[int]:
    """Half of them even over the range, half as Hypothesis likes them, ends included."""
    return st.integers(0, 2**20).map(lambda share: low + ((high - low) * share >> 20)) | st.integers(
        low, high
    )
