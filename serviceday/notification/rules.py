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
        channels={one.name: one for one in parsed.channel},
        people={one.name: one for one in parsed.person},
        timetables=timetables(parsed, path.parent),
        routes=parsed.route,
        windows=parsed.window,
        zones={one.id: ZoneInfo(one.timezone) for one in parsed.site},
    )


def timetables(parsed: NotificationFile, folder: Path) -> dict[str, Timetable]:
    """The rosters with their shifts, holidays and replacements; a calendar lies beside the file."""
    names = {one.title: one.name for one in parsed.person if one.title}
    return {
        roster.name: Timetable(
            roster=roster,
            zone=ZoneInfo(roster.timezone or parsed.settings.timezone),
            shifts=[one for one in parsed.shift if one.roster == roster.name],
            holidays=[one for one in parsed.holiday if one.roster == roster.name],
            replacements=[one for one in parsed.replacement if one.roster == roster.name],
            calendar=folder / roster.ics if roster.ics else None,
            titles=names,
        )
        for roster in parsed.roster
    }
