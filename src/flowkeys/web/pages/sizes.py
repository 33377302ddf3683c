"""Sizes of files in words."""

from typing import Final

_STEP: Final = 1024
_TEN: Final = 10


def size(count_bytes: int) -> str:
    """Return ``20 MB``, ``1.5 MB``, ``300 kB`` or ``12 bytes``."""
    if count_bytes < _STEP:
        return f"{count_bytes} bytes"
    value, unit = count_bytes / _STEP, "kB"
    if value >= _STEP:
        value, unit = value / _STEP, "MB"
    shown = f"{value:,.0f}" if value >= _TEN or value == int(value) else f"{value:.1f}"
    return f"{shown} {unit}"
