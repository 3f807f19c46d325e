"""Every exception that Holdfast raises itself.

HoldfastError
├── ConfigError              a file, a parameter or an installed tool is missing or wrong
├── Refused                  the model says that a contract would revert         name, values
└── ChainError               something between us and the chain
    ├── ConnectionLost       the node can't be reached, or stopped answering
    ├── RpcError             the node answered with an error             code, message, data
    ├── Reverted             a contract refused                          name, args, data
    ├── EncodingError        arguments don't fit the function, or an answer doesn't fit its type
    └── DeploymentError      a contract could not be put on the chain, or isn't where it should be
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any


class HoldfastError(Exception):
    """The root: catch this to catch all of them."""


class ConfigError(HoldfastError):
    """A file, a parameter or an installed tool is missing or wrong. The message says what to do."""


class Refused(HoldfastError):
    """The model says that a contract would revert: the error's name and its numbers, as in the interface."""

    def __init__(self, name: str, *values: Any) -> None:
        super().__init__(name, *values)
        self.name = name
        self.values = values

    def __str__(self) -> str:
        return f"{self.name}({', '.join(map(str, self.values))})"


class ChainError(HoldfastError):
    """Something between us and the chain."""


class ConnectionLost(ChainError):
    """The node can't be reached, or stopped answering."""


class RpcError(ChainError):
    """The node answered with an error."""

    def __init__(self, code: int, message: str, data: Any = None) -> None:
        super().__init__(code, message, data)
        self.code = code
        self.message = message
        self.data = data

    def __str__(self) -> str:
        return f"{self.message} (code {self.code})"


class Reverted(ChainError):
    """A contract refused.

    `name` is the Solidity error's name: a custom error, `Error` (a text), `Panic` (a code), `Unknown` (a selector
    that no artifact has) or `Empty` (no revert data). `fields` maps its parameters' names to values, `values` holds
    the values in order, and `data` is the raw revert data.
    """

    def __init__(self, name: str, fields: Mapping[str, Any] | None = None, data: bytes = b"") -> None:
        self.name = name
        self.fields = dict(fields or {})
        self.data = data
        super().__init__(name, self.fields, data)

    @property
    def values(self) -> tuple[Any, ...]:
        return tuple(self.fields.values())

    def __str__(self) -> str:
        if self.name == "Unknown":
            return f"Unknown(0x{self.data.hex()})"
        return f"{self.name}({', '.join(f'{key}={value}' for key, value in self.fields.items())})"


class EncodingError(ChainError):
    """Arguments don't fit the function, or an answer doesn't fit its type."""


class DeploymentError(ChainError):
    """A contract could not be put on the chain, or isn't where it should be."""
