"""Files on an object store, through the client that deltalake brings along."""

from __future__ import annotations

from typing import Any

import pyarrow as pa
from deltalake.fs import DeltaStorageHandler


class ObjectStore(DeltaStorageHandler):
    """As deltalake's own, but taking what pyarrow hands to a file of Python's: buffers, where it wants `bytes`."""

    def open_output_stream(self, path: str, metadata: dict[str, str] | None = None) -> pa.PythonFile:
        return pa.PythonFile(_Bytes(self._handler.open_output_stream(path, metadata)))


class _Bytes:
    def __init__(self, stream: Any) -> None:
        self._stream = stream

    def write(self, data: Any) -> int:
        return int(self._stream.write(bytes(data)) or len(data))

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stream, name)
