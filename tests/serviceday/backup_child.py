"""One backup in a process of its own, for the tests to kill: FOLDER DEST."""

import sys
from datetime import UTC, datetime
from pathlib import Path

from facility.folder import DataFolder
from serviceday.operations.backing_up import back_up
from serviceday.operations.vault import Vault

if __name__ == "__main__":
    print("begun", flush=True)
    back_up(DataFolder(Path(sys.argv[1])), Vault(Path(sys.argv[2])).prepare(), datetime.now(UTC))
