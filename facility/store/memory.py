"""Giving memory back once a large piece of work is done.

What Arrow and the C library have freed they keep for the next time. A process that merges for a second and then serves
for an hour would look, and be, far larger than it needs to be.
"""

from __future__ import annotations

import ctypes
from contextlib import suppress

import pyarrow as pa


def give_back() -> None:
    """Return freed memory to the system, as far as its allocators can."""
    pa.default_memory_pool().release_unused()
    with suppress(OSError, AttributeError):  # only glibc has it
        ctypes.CDLL(None).malloc_trim(0)
