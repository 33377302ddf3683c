"""Fail when a test that CI should run was skipped, or when none ran.

Usage: python scripts/ci_skips.py RESULTS.xml ALLOWED.txt

Prints nothing when all is well, so that pytest's closing line stays the last one.
"""

import sys
from pathlib import Path
from xml.etree import ElementTree as ET


def skipped(results: Path) -> tuple[int, dict[str, str]]:
    """Return the number of tests in a JUnit file, and the skipped ones with their reasons."""
    cases = list(ET.parse(results).getroot().iter("testcase"))  # noqa: S314 - we wrote the file
    found = {}
    for case in cases:
        skip = case.find("skipped")
        if skip is not None and skip.get("type") != "pytest.xfail":
            name = "::".join(part for part in (case.get("classname"), case.get("name")) if part)
            found[name] = skip.get("message", "")
    return len(cases), found


def allowed(path: Path) -> set[str]:
    """Return the tests that CI may skip."""
    lines = path.read_text("utf-8").splitlines()
    return {line.split("  ")[0] for line in lines if line and not line.startswith("#")}


def main(results: str, exceptions: str) -> int:
    """Print what should have run; return the exit code."""
    total, found = skipped(Path(results))
    unexpected = sorted(set(found) - allowed(Path(exceptions)))
    if total == len(found):
        print("CI ran no test.", file=sys.stderr)
        return 1
    for name in unexpected:
        print(f"CI skipped {name}: {found[name]}", file=sys.stderr)
    return 1 if unexpected else 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
