"""The contract ABI: values to bytes and back.

A `Codec` is made once for each type and then only called. Structs are given as tuples, mappings, dataclasses or any
object with the fields' names, and come back as named tuples. Addresses are given as text, as 20 bytes or as anything
with an `address`, and come back checksummed. Integers out of range, wrong lengths and missing fields raise
EncodingError: nothing is padded, cut or rounded silently.
"""

from __future__ import annotations

import keyword
import operator
import re
from collections import namedtuple
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Final

from eth_utils.address import to_checksum_address

from holdfast.errors import EncodingError

WORD: Final = 32
_ARRAY: Final = re.compile(r"^(.*)\[(\d*)\]$")
_SIZED: Final = re.compile(r"^(uint|int|bytes)(\d+)$")
_TAIL_ERROR: Final = "the data end too early"
_KNOWN: Final = 1 << 9
"""Values of one static struct that are remembered: who reads again and again sees few new ones."""


@dataclass(frozen=True, slots=True)
class Codec:
    """How one type is written and read."""

    type: str  # canonical: `(uint256,address)[]`
    size: int  # [bytes] in the head: the whole value when static, else one word
    dynamic: bool
    encode: Callable[[Any], bytes]
    decode: Callable[[bytes, int], Any]  # (data, where the value starts)


@lru_cache(1 << 16)
def checksummed(raw: bytes) -> str:
    """The checksummed text of a 20-byte address."""
    return str(to_checksum_address(raw))


@lru_cache(1 << 12)
def _address_word(text: str) -> bytes:
    return bytes(12) + bytes.fromhex(text.removeprefix("0x"))


def as_address(value: Any) -> str:
    """The checksummed text of an address in any accepted form. EncodingError otherwise."""
    return checksummed(_encode_address(value)[12:])


def codec(parameter: Mapping[str, Any]) -> Codec:
    """The codec of one ABI entry: a mapping with `type` and, for structs, `components`."""
    kind = parameter["type"]
    if match := _ARRAY.match(kind):
        return _array(codec({**parameter, "type": match[1]}), match[2])
    if kind == "tuple":
        name = parameter.get("internalType", "").removeprefix("struct ").split("[")[0].rpartition(".")[2]
        return group(parameter["components"], name or "Struct")
    return _simple(kind)


def group(parameters: Sequence[Mapping[str, Any]], name: str) -> Codec:
    """The codec of a struct, or of all parameters of a function: a tuple, named where all its fields are."""
    codecs = [codec(parameter) for parameter in parameters]
    names = tuple(parameter.get("name", "") for parameter in parameters)
    dynamic = any(part.dynamic for part in codecs)
    head = sum(part.size for part in codecs)
    make = _record(name, names) if names and all(names) else None
    steps = [(part, sum(before.size for before in codecs[:place])) for place, part in enumerate(codecs)]

    def encode(value: Any) -> bytes:
        return _join(codecs, _fields(value, names, name))

    def decode(data: bytes, start: int) -> Any:
        if start + head > len(data):
            raise EncodingError(f"{name}: {_TAIL_ERROR}")
        values = [
            part.decode(data, start + _offset(data, start + place) if part.dynamic else start + place)
            for part, place in steps
        ]
        return make(*values) if make else tuple(values)

    @lru_cache(_KNOWN)
    def known(data: bytes) -> Any:
        return decode(data, 0)

    def decode_static(data: bytes, start: int) -> Any:
        return known(data[start : start + head])

    kinds = ",".join(part.type for part in codecs)
    fixed = dynamic or any("[" in part.type for part in codecs)  # of lists each reader gets his own
    return Codec(f"({kinds})", WORD if dynamic else head, dynamic, encode, decode if fixed else decode_static)


def _join(codecs: Sequence[Codec], values: Sequence[Any]) -> bytes:
    """Heads, then tails: dynamic values go behind, with an offset in their place."""
    if not any(part.dynamic for part in codecs):
        return b"".join([part.encode(value) for part, value in zip(codecs, values, strict=True)])
    heads, tails, end = [], [], sum(part.size for part in codecs)
    for part, value in zip(codecs, values, strict=True):
        data = part.encode(value)
        if part.dynamic:
            heads.append(end.to_bytes(WORD, "big"))
            tails.append(data)
            end += len(data)
        else:
            heads.append(data)
    return b"".join(heads + tails)


def _fields(value: Any, names: Sequence[str], name: str) -> Sequence[Any]:
    if isinstance(value, (tuple, list)):
        found: Sequence[Any] = value
    elif isinstance(value, Mapping):
        if unknown := set(value) - set(names):
            raise EncodingError(f"{name} has no field {sorted(unknown)}")
        found = [value[field] for field in names if field in value]
    else:
        found = [
            getattr(value, _python_name(field)) for field in names if hasattr(value, _python_name(field))
        ]
    if len(found) != len(names):
        raise EncodingError(f"{name} needs {len(names)} values ({', '.join(names)}), not {len(found)}")
    return found


@lru_cache(None)
def _record(name: str, names: tuple[str, ...]) -> Callable[..., Any]:
    fields = [_python_name(field) for field in names]
    return namedtuple(_python_name(name), fields, rename=True)


def _python_name(name: str) -> str:
    """`from` and leading underscores aren't allowed in named tuples: `from_`, `name`."""
    name = name.lstrip("_") or "value"
    return f"{name}_" if keyword.iskeyword(name) else name


def _array(item: Codec, length: str) -> Codec:
    count = int(length) if length else None
    name = f"{item.type}[{length}]"

    def encode(values: Any) -> bytes:
        values = list(values)
        if count is not None and len(values) != count:
            raise EncodingError(f"{name} needs {count} values, not {len(values)}")
        data = _join([item] * len(values), values)
        return data if count is not None else len(values).to_bytes(WORD, "big") + data

    def decode(data: bytes, start: int) -> list[Any]:
        size = count
        if size is None:
            size, start = _offset(data, start), start + WORD
        if start + size * item.size > len(data):
            raise EncodingError(f"{name}: {_TAIL_ERROR}")
        places = range(start, start + size * item.size, item.size)
        if item.dynamic:
            return [item.decode(data, start + _offset(data, place)) for place in places]
        return [item.decode(data, place) for place in places]

    dynamic = item.dynamic or count is None
    return Codec(name, WORD if dynamic else item.size * (count or 0), dynamic, encode, decode)


def _offset(data: bytes, place: int) -> int:
    """The number in one word, where it is an offset or a length."""
    if place + WORD > len(data):
        raise EncodingError(_TAIL_ERROR)
    return int.from_bytes(data[place : place + WORD], "big")


@lru_cache(None)
def _simple(kind: str) -> Codec:
    if kind == "address":
        return Codec(
            kind, WORD, False, _encode_address, lambda data, at: checksummed(data[at + 12 : at + WORD])
        )
    if kind == "bool":
        return Codec(kind, WORD, False, _encode_bool, lambda data, at: data[at + WORD - 1] == 1)
    if kind in ("bytes", "string"):
        return _bytes(kind)
    match = _SIZED.match(kind)
    if match is None:
        raise EncodingError(f"unknown type {kind}")
    if match[1] == "bytes":
        return _fixed_bytes(int(match[2]))
    return _integer(kind, int(match[2]), signed=match[1] == "int")


def _integer(kind: str, bits: int, *, signed: bool) -> Codec:
    low, high = (-(1 << bits - 1), (1 << bits - 1) - 1) if signed else (0, (1 << bits) - 1)

    def encode(value: Any) -> bytes:
        try:
            number = operator.index(value)
        except TypeError:
            raise EncodingError(f"{kind} must be a whole number, not {value!r}") from None
        if not low <= number <= high:
            raise EncodingError(f"{number} doesn't fit {kind}")
        return number.to_bytes(WORD, "big", signed=signed)

    def decode(data: bytes, at: int) -> int:
        return int.from_bytes(data[at : at + WORD], "big", signed=signed)

    return Codec(kind, WORD, False, encode, decode)


def _encode_address(value: Any) -> bytes:
    if not isinstance(value, (str, bytes)):
        value = getattr(value, "address", value)
    try:
        word = _address_word(value) if isinstance(value, str) else bytes(12) + value
    except (ValueError, TypeError):
        word = b""
    if len(word) != WORD:
        raise EncodingError(f"not an address: {value!r}")
    return word


def _encode_bool(value: Any) -> bytes:
    if value not in (True, False):
        raise EncodingError(f"bool must be True or False, not {value!r}")
    return int(value).to_bytes(WORD, "big")


def _raw(value: Any) -> bytes:
    if isinstance(value, str):
        try:
            return bytes.fromhex(value.removeprefix("0x"))
        except ValueError:
            raise EncodingError(f"not hexadecimal: {value!r}") from None
    if isinstance(value, (bytes, bytearray, memoryview)):
        return bytes(value)
    raise EncodingError(f"not bytes: {value!r}")


def _fixed_bytes(size: int) -> Codec:
    def encode(value: Any) -> bytes:
        raw = _raw(value)
        if len(raw) != size:
            raise EncodingError(f"bytes{size} needs {size} bytes, not {len(raw)}")
        return raw.ljust(WORD, b"\0")

    return Codec(f"bytes{size}", WORD, False, encode, lambda data, at: data[at : at + size])


def _bytes(kind: str) -> Codec:
    text = kind == "string"

    def encode(value: Any) -> bytes:
        raw = str(value).encode() if text else _raw(value)
        return len(raw).to_bytes(WORD, "big") + raw.ljust(-(-len(raw) // WORD) * WORD, b"\0")

    def decode(data: bytes, start: int) -> Any:
        size = _offset(data, start)
        if start + WORD + size > len(data):
            raise EncodingError(f"{kind}: {_TAIL_ERROR}")
        raw = data[start + WORD : start + WORD + size]
        return raw.decode(errors="replace") if text else raw

    return Codec(kind, WORD, True, encode, decode)
