"""the ABI codec
├── writes what eth_abi writes, and reads it back      (eth_abi is the second witness)
├── structs: tuples, mappings, dataclasses in; named tuples out
└── what doesn't fit                                   -> EncodingError
"""

from dataclasses import dataclass
from typing import Any

import eth_abi
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from holdfast.chain.abi import Codec, codec, group
from holdfast.errors import EncodingError

ALICE = "0x" + "A1" * 20

STEP = {
    "type": "tuple",
    "name": "step",
    "internalType": "struct MockCounter.Step",
    "components": [{"name": "amount", "type": "uint256"}, {"name": "from", "type": "address"}],
}

VALUES: dict[str, st.SearchStrategy[Any]] = {
    "uint256": st.integers(0, 2**256 - 1),
    "uint8": st.integers(0, 255),
    "int256": st.integers(-(2**255), 2**255 - 1),
    "int24": st.integers(-(2**23), 2**23 - 1),
    "bool": st.booleans(),
    "address": st.binary(min_size=20, max_size=20).map(lambda raw: "0x" + raw.hex()),
    "bytes4": st.binary(min_size=4, max_size=4),
    "bytes32": st.binary(min_size=32, max_size=32),
    "bytes": st.binary(max_size=70),
    "string": st.text(max_size=40),
}

Case = tuple[dict[str, Any], str, st.SearchStrategy[Any]]


def _grow(inner: st.SearchStrategy[Case]) -> st.SearchStrategy[Case]:
    def struct(parts: list[Case]) -> Case:
        components = [{"name": "", **entry} for entry, _, _ in parts]
        kind = "(" + ",".join(kind for _, kind, _ in parts) + ")"
        return {"type": "tuple", "components": components}, kind, st.tuples(*(values for *_, values in parts))

    def array(part: Case, length: int | None) -> Case:
        entry, kind, values = part
        suffix = "[]" if length is None else f"[{length}]"
        low, high = (0, 3) if length is None else (length, length)
        items = st.lists(values, min_size=low, max_size=high).map(tuple)
        return {**entry, "type": entry["type"] + suffix}, kind + suffix, items

    arrays = st.builds(array, inner, st.none() | st.integers(1, 3))
    return st.lists(inner, min_size=1, max_size=3).map(struct) | arrays


CASES = st.recursive(
    st.sampled_from(sorted(VALUES)).map(lambda kind: ({"type": kind}, kind, VALUES[kind])),
    _grow,
    max_leaves=6,
)


def _plain(value: Any) -> Any:
    if isinstance(value, (list, tuple)):
        return tuple(map(_plain, value))
    return value.lower() if isinstance(value, str) and value.startswith("0x") and len(value) == 42 else value


@settings(max_examples=150, deadline=None)
@given(st.data(), st.lists(CASES, min_size=1, max_size=3))
def test_codec__any_type__agrees_with_eth_abi(data: st.DataObject, cases: list[Case]) -> None:
    values = [data.draw(values) for *_, values in cases]
    ours = group([{"name": "", **entry} for entry, *_ in cases], "test")

    written = ours.encode(values)

    assert written == eth_abi.encode([kind for _, kind, _ in cases], values)
    assert _plain(ours.decode(written, 0)) == _plain(values)


@dataclass
class StepLike:
    amount: int
    from_: str


@pytest.mark.parametrize(
    "value",
    [(7, ALICE), [7, ALICE], {"from": ALICE, "amount": 7}, StepLike(7, ALICE)],
    ids=lambda v: type(v).__name__,
)
def test_struct__any_form__is_written_alike(value: Any) -> None:
    assert codec(STEP).encode(value) == eth_abi.encode(["(uint256,address)"], [(7, ALICE)])


def test_struct__read__has_its_names() -> None:
    step = codec(STEP).decode(eth_abi.encode(["(uint256,address)"], [(7, ALICE)]), 0)

    assert type(step).__name__ == "Step"
    assert (step.amount, step.from_.lower()) == (7, ALICE.lower())


@pytest.mark.parametrize(
    ("kind", "value"),
    [
        ("uint8", 256),
        ("uint8", -1),
        ("int8", 128),
        ("uint256", 1.0),
        ("uint256", "1"),
        ("bytes4", b"123"),
        ("bytes", "0xzz"),
        ("address", "0x1234"),
        ("address", None),
        ("bool", 2),
        ("uint256[2]", [1]),
    ],
)
def test_codec__value_does_not_fit__refused(kind: str, value: Any) -> None:
    with pytest.raises(EncodingError):
        codec({"type": kind}).encode(value)


@pytest.mark.parametrize("value", [(7,), {"amount": 7}, {"amount": 7, "from": ALICE, "more": 1}, object()])
def test_struct__wrong_fields__refused(value: Any) -> None:
    with pytest.raises(EncodingError):
        codec(STEP).encode(value)


@pytest.mark.parametrize("kind", ["uint256", "bytes", "string", "uint256[]", "string[]"])
def test_codec__data_cut_short__refused(kind: str) -> None:
    whole = {"uint256": 1, "bytes": b"abc", "string": "abc", "uint256[]": [1, 2], "string[]": ["a", "b"]}
    one: Codec = group([{"name": "", "type": kind}], "test")
    written = one.encode([whole[kind]])

    for size in range(0, len(written) - 31, 32):
        with pytest.raises(EncodingError):
            one.decode(written[:size], 0)
