"""Anvil
└── a long chain   leaves nothing behind in the home folder
"""

from __future__ import annotations

from pathlib import Path

import pytest

from holdfast.chain.anvil import Anvil

BLOCKS = 600
"""More than Anvil keeps in memory."""


def test_anvil__long_chain__leaves_nothing_behind(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    with Anvil() as chain:
        chain.rpc.call("anvil_mine", hex(BLOCKS))
        assert int(chain.rpc.call("eth_blockNumber"), 16) == BLOCKS
    assert list(tmp_path.iterdir()) == []
