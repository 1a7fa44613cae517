"""Fixtures that several test files use."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

# Small operations on several threads wait for each other for longer than they run. Before torch and numpy are imported.
os.environ.setdefault('OMP_NUM_THREADS', '1')


@pytest.fixture(scope='session')
def shared_dir() -> Path:
    """Folder of reference data beside the checkout; a user's clone has none, the project's CI must."""
    path = Path(__file__).resolve().parents[2] / 'shared'
    if not path.is_dir():
        message = f'reference data not found at {path}'
        if os.environ.get('CI'):
            pytest.fail(message + ', which CI must have')
        pytest.skip(message)
    return path
