"""Telling people: who is told what, by which channel, when; and why somebody was not told.

It works from the alerts' trail as it is kept, in any process: `NotificationService.deliver(now)` does one pass.
"""
