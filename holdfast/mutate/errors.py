"""What can be wrong with a mutation run itself."""

from __future__ import annotations

from holdfast.errors import HoldfastError


class MutationError(HoldfastError):
    """In one line: a stale edit, a baseline that fails, a compiler that ended."""


class CompileError(MutationError):
    """The compiler refuses these sources; its first error, in one line."""
