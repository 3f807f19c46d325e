"""Files that are whole or not there."""

from __future__ import annotations

import json
import os
from collections.abc import Iterable
from hashlib import sha256
from pathlib import Path
from typing import Any


def write(path: Path, text: str) -> None:
    """In one move: a reader sees the old file or the new one."""
    path.parent.mkdir(parents=True, exist_ok=True)
    draft = path.with_name(f".{path.name}.{os.getpid()}.{id(text)}")
    draft.write_text(text)
    draft.replace(path)


def write_json(path: Path, value: Any, indent: int | None = None) -> None:
    write(path, json.dumps(value, indent=indent) + "\n")


def read_json(path: Path) -> Any:
    """None where there is none."""
    try:
        return json.loads(path.read_bytes())
    except FileNotFoundError:
        return None


def hashed(parts: Iterable[str]) -> str:
    """One hash of several texts, in their order."""
    total = sha256()
    for part in parts:
        total.update(sha256(part.encode()).digest())
    return total.hexdigest()[:24]
