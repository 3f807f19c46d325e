"""compiling
└── cut off in the middle of an answer -> the next question gets its own
"""

from __future__ import annotations

import signal
from types import FrameType

import pytest

from holdfast.mutate.compiler import LEGACY, Compiler


class CutOff(Exception):
    pass


def test_compile__cut_off__next_answer_is_its_own() -> None:
    def cut(number: int, frame: FrameType | None) -> None:
        raise CutOff

    def ask(running: Compiler, unit: str) -> list[str]:
        text = f"pragma solidity ^0.8.30; contract {unit} {{}}"
        return list(running.compile({f"{unit}.sol": text}, LEGACY, {"*": {"*": ["abi"]}})["contracts"])

    before = signal.signal(signal.SIGALRM, cut)
    try:
        with Compiler() as running:
            assert ask(running, "First") == ["First.sol"]
            for delay in (0.0005, 0.001, 0.0015, 0.002):  # [s] an answer takes a few times that
                signal.setitimer(signal.ITIMER_REAL, delay)
                with pytest.raises(CutOff):
                    for _ in range(1_000):
                        ask(running, "Second")
                assert ask(running, "Third") == ["Third.sol"]
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)
