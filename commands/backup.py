"""`backup` and `restore`: copies of all an installation holds, made while it runs, and a new data folder from one."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from commands.app import options
from commands.app.messages import say, told
from commands.app.output import progress, show_json, show_table, tell

if TYPE_CHECKING:
    from serviceday.operations.manifest import Manifest

Dest = Annotated[Path, typer.Argument(help=say("backup.dest"), metavar="DEST")]
Id = Annotated[str, typer.Option("--as-of", help=say("backup.as_of"), metavar="ID")]


def create(
    dest: Dest,
    data: options.Data = options.DATA,
    newest: Annotated[int, typer.Option("--keep", help=say("backup.keep"), metavar="N", min=0)] = 0,
    as_json: options.Json = False,
) -> None:
    """Make a backup while everything runs."""
    from facility.folder import DataFolder
    from serviceday.operations.backing_up import back_up
    from serviceday.operations.vault import Vault

    folder = DataFolder(data).existing()
    with progress(quiet=as_json) as shown:
        task = shown.add_task(say("backup.progress"), total=None)
        done = back_up(
            folder, Vault(dest).prepare(), datetime.now(UTC), lambda _path: shown.advance(task), newest=newest
        )
    manifest = done.manifest
    if as_json:
        show_json(
            _plain(manifest)
            | {
                "new_bytes": done.fresh,
                "left_out": list(manifest.left_out),
                "given_up": done.pruned.backups,
                "freed_bytes": done.pruned.bytes,
            }
        )
        return
    tell(say("backup.done", id=manifest.id, dest=dest, files=len(manifest.entries), size=_megabytes(manifest.size),
             fresh=_megabytes(done.fresh)))  # fmt: skip
    if done.pruned.backups:
        tell(say("backup.pruned", count=done.pruned.backups, size=_megabytes(done.pruned.bytes)))
    if manifest.left_out:
        tell(say("backup.left_out", paths=", ".join(manifest.left_out)))
    _tell_of_readings(manifest)


def list_backups(dest: Dest, timezone: options.Zone = options.ZONE, as_json: options.Json = False) -> None:
    """The backups of a folder. Exit code 1 if one of them cannot be read."""
    from serviceday.operations.vault import Vault

    place = options.zone(timezone)
    manifests, problems = Vault(dest).existing().manifests()
    if as_json:
        show_json({"backups": list(map(_plain, manifests)), "problems": [str(problem) for problem in problems]})
    elif not manifests:
        tell(say("backup.none", dest=dest))
    else:
        show_table(
            say("backup.title", zone=place.key),
            [say(f"backup.column.{column}") for column in ("id", "at", "files", "size", "readings")],
            [
                (
                    manifest.id,
                    options.local(manifest.at, place),
                    f"{len(manifest.entries):,}",
                    _megabytes(manifest.size),
                    manifest.readings or say("backup.inside"),
                )
                for manifest in manifests
            ],
            right=(2, 3),
        )
    if problems:
        if not as_json:
            for problem in problems:
                tell(told(problem), error=True)
        raise typer.Exit(1)


def verify(dest: Dest, as_of: Id = "", as_json: options.Json = False) -> None:
    """Read every file of a backup and compare it. Exit code 1 if something is missing or damaged."""
    from serviceday.operations.restoring import named
    from serviceday.operations.restoring import verify as verify_backup
    from serviceday.operations.vault import Vault

    checked = verify_backup(Vault(dest).existing(), as_of)
    if as_json:
        damages = [
            {"path": damage.path, "object": damage.object, "what": told(damage.what)} for damage in checked.damages
        ]
        show_json(_plain(checked.manifest) | {"whole": not damages, "damages": damages})
    elif checked.damages:
        for damage in checked.damages:
            tell(told(named(damage)), error=True)
        tell(say("backup.damaged", id=checked.manifest.id, count=len(checked.damages)), error=True)
    else:
        tell(say("backup.whole", id=checked.manifest.id, files=len(checked.manifest.entries)))
        _tell_of_readings(checked.manifest)
    if checked.damages:
        raise typer.Exit(1)


def restore(dest: Dest, data: options.Data, as_of: Id = "", as_json: options.Json = False) -> None:
    """Make a new data folder from a backup."""
    from facility.folder import DataFolder
    from ingest.journal.store_identity import begin_anew
    from serviceday.operations.restoring import restore as restore_backup
    from serviceday.operations.vault import Vault

    manifest = restore_backup(Vault(dest).existing(), data, as_of)
    if manifest.readings:
        begin_anew(DataFolder(data))
    if as_json:
        show_json(_plain(manifest) | {"data": str(data)})
        return
    tell(say("backup.restored", id=manifest.id, data=data, files=len(manifest.entries)))
    _tell_of_readings(manifest)


def _tell_of_readings(manifest: Manifest) -> None:
    if manifest.readings:
        tell(say("backup.readings_elsewhere", place=manifest.readings))


def _plain(manifest: Manifest) -> dict[str, object]:
    return {
        "id": manifest.id,
        "at": manifest.at,
        "files": len(manifest.entries),
        "bytes": manifest.size,
        "readings": manifest.readings or "inside",
    }


def _megabytes(size: int) -> str:
    return f"{size / 1e6:,.1f} MB"
