"""Opens the database behind the records and brings its tables up to date.

Every command opens the records, several processes at once, so opening is one small query when the tables are current.
Alembic is loaded only when they are not, and then one process migrates while the others wait.
"""

from __future__ import annotations

import fcntl
import json
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, Engine, create_engine, event, text
from sqlalchemy.engine import URL, make_url
from sqlalchemy.exc import ArgumentError, DatabaseError, NoSuchModuleError, OperationalError, ProgrammingError

from facility.errors import CannotCommunicate, CannotDo, ServicedayError

HEAD = "0013"  # the newest migration; a test compares it with the folder
MIGRATIONS = Path(__file__).parent / "migrations"
_DAMAGED = (
    "malformed",
    "not a database",
    "no such table",
    "no such column",
    "already exists",
    "disk I/O error",
    "Could not decode",
)
_BUSY_MS = 30_000
_WRITES = "serviceday_writes"
_ADVISORY_LOCK = 0x5E41CEDA


def open_engine(place: Path | str) -> Engine:
    """An engine on current tables. Raises `CannotDo` or `CannotCommunicate` where that can't be had."""
    url = _url(place)
    try:
        engine = create_engine(url, pool_pre_ping=url.get_backend_name() != "sqlite", json_deserializer=_undamaged_json)
    except (NoSuchModuleError, ModuleNotFoundError) as error:
        raise CannotDo(
            "no driver for {name}: {error}",
            "Install it beside serviceday",
            name=url.drivername,
            error=error,
        ) from None
    if url.get_backend_name() == "sqlite":
        _tune_sqlite(engine)
        _tell_damage(engine, url)
    try:
        _bring_up_to_date(engine, url)
    except OperationalError as error:
        engine.dispose()
        raise _refused(url, error) from None
    except UnicodeDecodeError as error:  # SQLite's words about a damaged schema hold pieces of it
        engine.dispose()
        raise _damaged(url, error) from None
    except DatabaseError as error:
        engine.dispose()
        raise CannotDo(
            "{url} does not hold records: {error}",
            "Choose another data folder, or restore it from a backup",
            url=url.render_as_string(),
            error=error.orig,
        ) from None
    except BaseException:
        engine.dispose()
        raise
    return engine


@contextmanager
def writing(engine: Engine) -> Iterator[Connection]:
    """One transaction that writes; it waits for its turn at the start, so it can't fail half-way for being late."""
    with engine.connect().execution_options(**{_WRITES: True}) as connection, connection.begin():
        yield connection


def _undamaged_json(text: str) -> object:
    try:
        return json.loads(text)
    except (ValueError, RecursionError) as error:
        raise CannotDo(
            "the records hold a damaged field, {start!r}: {error}",
            "Restore records.sqlite from a backup, or mend that row with sqlite3",
            start=text[:80],
            error=f"{error}"[:120],
        ) from None


def _tell_damage(engine: Engine, url: URL) -> None:
    """A database file that is damaged or has lost a table is told as that, whatever was asked of it."""

    @event.listens_for(engine, "handle_error")
    def _(context: Any) -> None:
        reason = str(context.original_exception)
        garbled = isinstance(context.original_exception, UnicodeDecodeError)  # SQLite's own words about damage
        if garbled or ("alembic_version" not in reason and any(sign in reason for sign in _DAMAGED)):
            raise _damaged(url, reason) from None


def _damaged(url: URL, reason: object) -> CannotDo:
    return CannotDo(
        "records {database} are damaged: {error}",
        "Restore records.sqlite from a backup; `sqlite3 FILE .recover` may bring back what is whole",
        database=url.database,
        error=reason,
    )


def _url(place: Path | str) -> URL:
    if isinstance(place, str) and "://" in place:
        try:
            return make_url(place)
        except ArgumentError:
            raise CannotDo(
                "{place!r} is no database URL", "Write it as postgresql+psycopg://host/name", place=place
            ) from None
    return URL.create("sqlite", database=str(place))


def _refused(url: URL, error: OperationalError) -> ServicedayError:
    shown = url.render_as_string(hide_password=True)
    if url.get_backend_name() == "sqlite":
        return CannotDo(
            "records {database} cannot be opened: {error}",
            "Check the data folder's permissions",
            database=url.database,
            error=error.orig,
        )
    return CannotCommunicate(
        "database {shown} does not answer: {error}", "Check that it runs and the URL", shown=shown, error=error.orig
    )


def _tune_sqlite(engine: Engine) -> None:
    """WAL for readers beside a writer; transactions begun by us, because sqlite3's own begin comes too late."""

    @event.listens_for(engine, "connect")
    def _(raw: sqlite3.Connection, _record: object) -> None:
        raw.isolation_level = None
        raw.execute(f"PRAGMA busy_timeout = {_BUSY_MS}")
        raw.execute("PRAGMA foreign_keys = ON")
        raw.execute("PRAGMA synchronous = NORMAL")

    @event.listens_for(engine, "begin")
    def _(connection: Connection) -> None:
        writes = connection.get_execution_options().get(_WRITES)
        connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")


def _bring_up_to_date(engine: Engine, url: URL) -> None:
    if _revision(engine) == HEAD:
        return
    with _one_at_a_time(engine, url):
        revision = _revision(engine)
        if revision == HEAD:
            return
        _migrate(engine, url, revision)


def _revision(engine: Engine) -> str | None:
    if engine.url.get_backend_name() == "sqlite" and not Path(engine.url.database or "").exists():
        return None
    with engine.connect() as connection:
        try:
            return connection.execute(text("SELECT version_num FROM alembic_version")).scalar()
        except (OperationalError, ProgrammingError) as error:
            if "alembic_version" in str(error.orig):  # no such table: nothing has been migrated yet
                return None
            raise


@contextmanager
def _one_at_a_time(engine: Engine, url: URL) -> Iterator[None]:
    if url.get_backend_name() == "sqlite":
        if not url.database or url.database == ":memory:":
            yield
            return
        try:
            lock = Path(f"{url.database}.migrating").open("a")  # noqa: SIM115
        except OSError as error:
            raise CannotDo(
                "records {database} cannot be written: {error}",
                "Choose another folder with --data, or mend its permissions",
                database=url.database,
                error=error,
            ) from None
        with lock:
            fcntl.flock(lock, fcntl.LOCK_EX)  # given back when the file is closed, whatever happens
            yield
        return
    with engine.connect() as connection:
        if url.get_backend_name() == "postgresql":
            connection.execute(text(f"SELECT pg_advisory_lock({_ADVISORY_LOCK})"))
        yield


def _migrate(engine: Engine, url: URL, revision: str | None) -> None:
    from alembic import command
    from alembic.config import Config
    from alembic.script import ScriptDirectory

    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS).replace("%", "%%"))
    revisions = {script.revision for script in ScriptDirectory.from_config(config).walk_revisions()}
    if revision is not None and revision not in revisions:
        raise CannotDo(
            "records {database} were written by a newer serviceday (revision {revision})",
            "Update serviceday",
            database=url.database,
            revision=revision,
        )
    if url.get_backend_name() == "sqlite":
        with engine.connect() as connection:
            connection.exec_driver_sql("ROLLBACK")  # the journal mode can't change inside the transaction just begun
            connection.exec_driver_sql("PRAGMA journal_mode = WAL")
            connection.exec_driver_sql("BEGIN")
    with writing(engine) as connection:
        config.attributes["connection"] = connection
        command.upgrade(config, "head")
