"""Tells PyInstaller where the hook for this package is; named by the entry points of the distribution."""

from __future__ import annotations

from pathlib import Path


def get_hook_dirs() -> list[str]:
    """The directories with hooks: this one."""
    return [str(Path(__file__).parent)]
