"""Where a lake lies: a folder of this machine, or a prefix of an object store."""

from __future__ import annotations

import os
import uuid
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from pyarrow import fs as arrow_fs


@dataclass(frozen=True, slots=True)
class Place:
    """A folder, by path or by address (`s3://bucket/prefix`), with what its object store wants to know.

    `options` are those of the Rust `object_store` crate (`AWS_ENDPOINT_URL`, `AWS_REGION`, ...). Keys and secrets come
    from the environment as usual; they never appear in an address.
    """

    uri: str
    options: Mapping[str, str] = field(default_factory=dict, repr=False)

    @staticmethod
    def of(where: Path | str, options: Mapping[str, str] | None = None) -> Place:
        if isinstance(where, str) and "://" in where:
            return Place(where.rstrip("/"), dict(options or {}))
        return Place(str(Path(where).absolute()))

    def __str__(self) -> str:
        return self.uri

    @property
    def folder(self) -> Path | None:
        """The folder on this machine; None on an object store."""
        return None if "://" in self.uri else Path(self.uri)

    def child(self, name: str) -> Place:
        return Place(f"{self.uri}/{name}", self.options)

    def files(self) -> arrow_fs.FileSystem:
        """Everything in this place, by relative path."""
        if self.folder is not None:
            return arrow_fs.SubTreeFileSystem(self.uri, arrow_fs.LocalFileSystem())
        from facility.store.lake.object_store import ObjectStore

        return arrow_fs.PyFileSystem(ObjectStore(self.uri, dict(self.options)))

    def read(self, name: str) -> bytes | None:
        """The content of a file; None if there is no such file."""
        if self.folder is not None:
            try:
                return (self.folder / name).read_bytes()
            except (FileNotFoundError, NotADirectoryError):
                return None
        files = self.files()
        if files.get_file_info(name).type != arrow_fs.FileType.File:
            return None
        with files.open_input_file(name) as stream:
            return bytes(stream.read())

    def write(self, name: str, content: bytes) -> None:
        """Put a file in place whole: at no moment half of it can be seen."""
        if self.folder is None:
            with self.files().open_output_stream(name) as stream:
                stream.write(content)
            return
        target = self.folder / name
        beside = target.with_name(f".{target.name}.{uuid.uuid4().hex}")
        try:
            with beside.open("wb") as stream:
                stream.write(content)
                stream.flush()
                os.fsync(stream.fileno())
            beside.rename(target)
        except BaseException:
            beside.unlink(missing_ok=True)
            raise
        sync_path(self.folder)

    def is_empty(self) -> bool:
        """True if nothing stands there yet."""
        if self.folder is not None:
            return not self.folder.exists() or not any(self.folder.iterdir())
        selector: object = arrow_fs.FileSelector("", recursive=True, allow_not_found=True)
        return not self.files().get_file_info(selector)


def sync_path(path: Path) -> None:
    """fsync a file or a folder."""
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
