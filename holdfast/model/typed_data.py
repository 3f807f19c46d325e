"""EIP-712 of structs whose members are all static words:

digest = keccak256(0x1901 ‖ domainSeparator ‖ keccak256(typehash ‖ members as 32-byte words))
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from typing import Any, Final

from eth_hash.auto import keccak

VERSION: Final = "1"
"""Of every domain of this protocol."""

_DOMAIN_TYPEHASH: Final = keccak(
    b"EIP712Domain(string name,string version,uint256 chainId,address verifyingContract)"
)

Members = Sequence[tuple[str, str]]
"""(name, type) in the order of the struct."""


def digest(
    domain: str, struct: str, members: Members, values: Sequence[Any], chain_id: int, contract: str
) -> bytes:
    """The 32 bytes to sign."""
    return keccak(
        b"\x19\x01" + domain_separator(domain, chain_id, contract) + struct_hash(struct, members, values)
    )


def struct_hash(struct: str, members: Members, values: Sequence[Any]) -> bytes:
    typehash = keccak(f"{struct}({','.join(f'{kind} {name}' for name, kind in members)})".encode())
    return keccak(typehash + words(members, values))


def words(members: Members, values: Sequence[Any]) -> bytes:
    """As the ABI encodes such a struct, too."""
    return b"".join(_word(value, kind) for value, (_, kind) in zip(values, members, strict=True))


@lru_cache(64)
def domain_separator(name: str, chain_id: int, contract: str) -> bytes:
    return keccak(
        _DOMAIN_TYPEHASH
        + keccak(name.encode())
        + keccak(VERSION.encode())
        + _word(chain_id, "uint256")
        + _word(contract, "address")
    )


def _word(value: Any, kind: str) -> bytes:
    if kind == "address":
        return bytes.fromhex(value.removeprefix("0x")).rjust(32, b"\0")
    return int(value).to_bytes(32, "big", signed=kind.startswith("int"))
