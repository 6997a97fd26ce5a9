"""A data folder from a backup: every content is read and compared on the way; a folder appears whole or not at all."""

from __future__ import annotations

import shutil
from dataclasses import dataclass
from pathlib import Path

from facility.errors import CannotDo
from facility.i18n.messages import Sentence
from facility.store.lake.freezing import MARKS, thaw
from facility.store.lake.location import Place, sync_path
from serviceday.operations.manifest import Manifest
from serviceday.operations.vault import Damage, Vault, refused

NAMED = 20  # damaged files that an error names


@dataclass(frozen=True, slots=True)
class Checked:
    """What reading a whole backup came to."""

    manifest: Manifest
    damages: tuple[Damage, ...]


def verify(vault: Vault, identity: str = "") -> Checked:
    """Read every file of a backup, the newest if none is named, and compare it with its SHA-256."""
    manifest = vault.manifest(identity)
    damages = (vault.damage(entry) for entry in manifest.entries)
    return Checked(manifest, tuple(damage for damage in damages if damage is not None))


def restore(vault: Vault, target: Path, identity: str = "") -> Manifest:
    """Make `target` what was backed up. Raises `CannotDo` if it holds anything, or naming what is damaged."""
    manifest = vault.manifest(identity)
    refuse_full(target)
    beside = target.absolute().with_name(f".{target.absolute().name}.restoring")
    try:
        shutil.rmtree(beside, ignore_errors=True)
        beside.mkdir(mode=0o700, parents=True)
        _fill(vault, manifest, beside)
        if (beside / "readings" / MARKS[0]).exists():
            thaw(Place.of(beside / "readings"))
        for path in (*beside.rglob("*"), beside):
            path.chmod(0o700 if path.is_dir() else 0o600)
            sync_path(path)
        beside.rename(target)
        sync_path(target.absolute().parent)
    except OSError as error:
        raise refused(target, error) from None
    finally:
        shutil.rmtree(beside, ignore_errors=True)
    return manifest


def refuse_full(target: Path) -> None:
    """Raises `CannotDo` unless there is nothing at a path, or an empty folder."""
    if target.is_symlink() or (target.exists() and (not target.is_dir() or any(target.iterdir()))):
        raise CannotDo(
            "{path} holds something already: a backup is restored to a new folder only",
            "Name one that is not there, with --data",
            path=target,
        )


def _fill(vault: Vault, manifest: Manifest, folder: Path) -> None:
    damages: list[Damage] = []
    for entry in manifest.entries:
        file = folder / entry.path
        file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        if (damage := vault.damage(entry, file)) is not None:
            damages.append(damage)
        else:
            file.chmod(0o600)
    if damages:
        raise CannotDo(
            "backup {id} is damaged in {count} files: {files}",
            "Take another: `serviceday backup list {path}`",
            id=manifest.id,
            count=len(damages),
            files=[named(damage) for damage in damages[:NAMED]],
            path=vault.path,
        )


def named(damage: Damage) -> Sentence:
    """A damaged file in words."""
    return Sentence("{path} ({object}): {what}", path=damage.path, object=damage.object, what=damage.what)
