"""The finished plan: timetable, verification, reasons, differences, scenarios."""
