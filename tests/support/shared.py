"""Files for tests that are not part of the repository: in FLOWKEYS_SHARED, or in ../shared beside it."""

import os
from pathlib import Path

_BESIDE = Path(__file__).resolve().parents[2].parent / "shared"

SHARED = Path(os.environ.get("FLOWKEYS_SHARED") or _BESIDE)
"""May not be there: then the tests that read it are skipped by name."""
