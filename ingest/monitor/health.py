"""Is ingest well? Judged by data that flows, not by a socket that is open.

Each fault has a key with words in both languages (`phrases.toml`, `health.*`) and the figures behind it. A fault
makes the whole unhealthy; a warning does not.
"""

from __future__ import annotations

from dataclasses import dataclass

from ingest.findings import Finding

STUCK_AFTER = 60.0  # seconds that messages may wait in the journal without one of them being stored
REFUSED_BEYOND_US = 600_000_000  # a clock further behind makes good readings look as if they were in the future
QUIET_AFTER = 900.0  # seconds without a message; the most usual cadence of the catalogue is 15 minutes


@dataclass(frozen=True, slots=True, kw_only=True)
class Facts:
    """What is known of a running ingest at one moment. Durations in seconds."""

    connected: bool
    quiet_for: float  # since the last message, or since the start if there was none
    quiet_after: float
    expecting: bool  # devices are registered, or have spoken before
    refusing: str  # why the journal takes nothing; "" while it does
    pending: int
    stuck_for: float  # since a message was last stored while others wait
    store_error: str  # why the last attempt to store failed; "" if it did not
    adds_up: bool
    journal_scarce: str = ""
    skew_us: int = 0  # how far this machine's clock is off, as nearly all devices have it; 0 when it is not
    skew_devices: int = 0
    quarantine_full: str = ""  # how full; "" while there is room


def findings(facts: Facts) -> list[Finding]:
    """Everything that is wrong or soon will be, the gravest first; empty when all is well."""
    problems = []
    if not facts.adds_up:
        problems.append(Finding(key="does_not_add_up", fault=True))
    if facts.refusing:
        problems.append(Finding(key="journal_refuses", fault=True, values={"why": facts.refusing}))
    if not facts.connected:
        problems.append(Finding(key="not_connected", fault=True))
    elif facts.expecting and facts.quiet_for > facts.quiet_after:
        problems.append(Finding(key="no_data", fault=True, values={"minutes": round(facts.quiet_for / 60)}))
    if facts.pending and facts.stuck_for > STUCK_AFTER:
        why = facts.store_error or "-"
        values = {"messages": facts.pending, "seconds": round(facts.stuck_for), "why": why}
        problems.append(Finding(key="not_storing", fault=True, values=values))
    elif facts.store_error:
        problems.append(Finding(key="store_fails", fault=False, values={"why": facts.store_error}))
    if facts.journal_scarce:
        problems.append(Finding(key="journal_scarce", fault=False, values={"room": facts.journal_scarce}))
    if facts.skew_us:
        values = {"seconds": round(abs(facts.skew_us) / 1e6), "devices": facts.skew_devices}
        key = "host_clock_behind" if facts.skew_us < 0 else "host_clock_ahead"
        problems.append(Finding(key=key, fault=facts.skew_us < -REFUSED_BEYOND_US, values=values))
    if facts.quarantine_full:
        problems.append(Finding(key="quarantine_full", fault=False, values={"room": facts.quarantine_full}))
    return problems


def healthy(problems: list[Finding]) -> bool:
    """Whether nothing among the findings is a fault."""
    return not any(finding.fault for finding in problems)
