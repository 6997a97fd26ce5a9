"""What tells a row of a handed-out sheet apart, whoever sorts, copies or retypes around it."""

from __future__ import annotations

import hashlib
import re

from facility.inspections import InspectionList, Item

_FORM = re.compile(r"SD1-(\d{1,9})-(\d{1,6})-([0-9a-f]{12})")


def row_key(plan: InspectionList, item: Item) -> str:
    """List, item, and a checksum over what the item is: `SD1-3-12-9f86d081884c`. Only kept lists have keys."""
    words = "\x1f".join(map(str, (plan.number, plan.created_at.isoformat(), item.number, item.asset, item.task)))
    return f"SD1-{plan.number}-{item.number}-{hashlib.sha256(words.encode()).hexdigest()[:12]}"


def parts(key: str) -> tuple[int, int] | None:
    """List and item that a key names; None for what is no key."""
    match = _FORM.fullmatch(key.strip())
    return (int(match[1]), int(match[2])) if match else None
