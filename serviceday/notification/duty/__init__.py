"""Who is on duty: weekly turns, holidays, replacements, or a calendar, as periods that never overlap."""

from serviceday.notification.duty.timetable import Period, Timetable

__all__ = ["Period", "Timetable"]
