"""What `notifications.toml` says, as it is used: whatever it names can be looked up."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from zoneinfo import ZoneInfo

from serviceday.notification.duty import Timetable
from serviceday.notification.schema import Channel, NotificationFile, Person, Route, Settings, Window

NAME = "notifications.toml"


@dataclass(frozen=True, slots=True, kw_only=True)
class Rules:
    """One file, checked."""

    path: Path
    settings: Settings
    channels: Mapping[str, Channel]
    people: Mapping[str, Person]
    timetables: Mapping[str, Timetable]
    routes: Sequence[Route]
    windows: Sequence[Window]
    zones: Mapping[str, ZoneInfo]  # of sites that have one of their own

    @property
    def zone(self) -> ZoneInfo:
        return ZoneInfo(self.settings.timezone)

    def zone_of(self, site: str) -> ZoneInfo:
        return self.zones.get(site, self.zone)


def rules_of(parsed: NotificationFile, path: Path) -> Rules:
    """What a file says, ready for use."""
    return Rules(
        path=path,
        settings=parsed.settings,
        channels={row.name: row for row in parsed.channel},
        people={row.name: row for row in parsed.person},
        timetables=timetables(parsed, path.parent),
        routes=parsed.route,
        windows=parsed.window,
        zones={row.id: ZoneInfo(row.timezone) for row in parsed.site},
    )


def timetables(parsed: NotificationFile, folder: Path) -> dict[str, Timetable]:
    """The rosters with their shifts, holidays and replacements; a calendar lies beside the file."""
    names = {row.title: row.name for row in parsed.person if row.title}
    return {
        roster.name: Timetable(
            roster=roster,
            zone=ZoneInfo(roster.timezone or parsed.settings.timezone),
            shifts=[row for row in parsed.shift if row.roster == roster.name],
            holidays=[row for row in parsed.holiday if row.roster == roster.name],
            replacements=[row for row in parsed.replacement if row.roster == roster.name],
            calendar=folder / roster.ics if roster.ics else None,
            titles=names,
        )
        for roster in parsed.roster
    }
