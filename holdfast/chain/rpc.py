"""JSON-RPC over one kept-alive HTTP connection: about 0.1 ms a request on top of the node's own time."""

from __future__ import annotations

import http.client
import threading
from collections.abc import Iterable
from typing import Any, Final
from urllib.parse import urlsplit

import msgspec

from holdfast.errors import ConfigError, ConnectionLost, RpcError

_STALE: Final = (
    http.client.RemoteDisconnected,
    http.client.CannotSendRequest,
    BrokenPipeError,
    ConnectionResetError,
)
_encode: Final = msgspec.json.Encoder().encode
_decode: Final = msgspec.json.Decoder().decode


class Rpc:
    """A node's JSON-RPC interface. Threads may share it; their requests queue.

    A connection that the node closed while it was idle is opened anew, once a request. Nothing else is retried.
    """

    def __init__(self, url: str, timeout: float = 60.0) -> None:
        """`timeout` [seconds] bounds each wait for the node. ConfigError where the URL isn't http or https."""
        parts = urlsplit(url)
        if parts.scheme not in ("http", "https") or not parts.hostname:
            raise ConfigError(f"not an http(s) URL: {url!r}")
        kind = http.client.HTTPSConnection if parts.scheme == "https" else http.client.HTTPConnection
        self.url = url
        self._connection = kind(parts.hostname, parts.port, timeout=timeout)
        self._path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
        self._lock = threading.Lock()

    def call(self, method: str, *params: Any) -> Any:
        """The result of one method. RpcError where the node refuses, ConnectionLost where it doesn't answer."""
        answer = self._post({"jsonrpc": "2.0", "id": 1, "method": method, "params": params})
        return _result(answer)

    def batch(self, requests: Iterable[tuple[str, Iterable[Any]]]) -> list[Any]:
        """The results of many methods in one request, in order. Raises the first RpcError among them."""
        return [_result(answer) for answer in self.batch_raw(requests)]

    def batch_raw(self, requests: Iterable[tuple[str, Iterable[Any]]]) -> list[dict[str, Any]]:
        """As `batch`, but the answers as they came: each has `result` or `error`."""
        body = [
            {"jsonrpc": "2.0", "id": number, "method": method, "params": list(params)}
            for number, (method, params) in enumerate(requests)
        ]
        if not body:
            return []
        answers = self._post(body)
        if isinstance(answers, dict):  # the batch as a whole was refused
            _result(answers)
        return sorted(answers, key=lambda answer: int(answer["id"]))

    def close(self) -> None:
        """Closes the connection; the next request opens another."""
        self._connection.close()

    def _post(self, body: Any) -> Any:
        payload = _encode(body)
        with self._lock:
            fresh = self._connection.sock is None
            try:
                status, answer = self._exchange(payload)
            except _STALE as error:
                self._connection.close()
                if fresh:
                    raise ConnectionLost(f"{self.url}: {error}") from error
                status, answer = self._retry(payload)
            except (OSError, http.client.HTTPException) as error:
                self._connection.close()
                raise ConnectionLost(f"{self.url}: {error}") from error
        try:
            return _decode(answer)
        except msgspec.DecodeError as error:
            raise ConnectionLost(f"{self.url}: HTTP {status}, not JSON: {answer[:100]!r}") from error

    def _retry(self, payload: bytes) -> tuple[int, bytes]:
        try:
            return self._exchange(payload)
        except (OSError, http.client.HTTPException) as error:
            self._connection.close()
            raise ConnectionLost(f"{self.url}: {error}") from error

    def _exchange(self, payload: bytes) -> tuple[int, bytes]:
        self._connection.request("POST", self._path, payload, {"Content-Type": "application/json"})
        response = self._connection.getresponse()
        return response.status, response.read()


def _result(answer: dict[str, Any]) -> Any:
    error = answer.get("error")
    if error is not None:
        raise RpcError(error.get("code", 0), error.get("message", ""), error.get("data"))
    return answer.get("result")
