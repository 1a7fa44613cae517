"""For tests that run the networks: their files, from the cache. Tests never download."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from poco_ros.errors import ModelFileError
from poco_ros.people.model_files import ModelFile, model_path


def cached(model: ModelFile) -> Path:
    """Return the path of a network file; without it skip the test, except in CI, which must have it."""
    try:
        return model_path(model)
    except ModelFileError as error:
        if os.environ.get('CI'):
            pytest.fail(str(error))
        pytest.skip(str(error))
