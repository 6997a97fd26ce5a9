"""MQTT in, readings out.

Import this before anything that imports polars: its allocator (jemalloc) looks at the environment once, when it is
loaded. Otherwise it keeps what housekeeping has freed for half a second, and while millions of rows are merged that is
as much again as they take. A process that asks large questions is better off without.
"""

import os

os.environ.setdefault("_RJEM_MALLOC_CONF", "dirty_decay_ms:0,muzzy_decay_ms:0")
