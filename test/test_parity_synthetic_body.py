"""The random body of the golden files against the specification's script."""

from __future__ import annotations

import re
import subprocess
import sys
import zlib
from pathlib import Path

import numpy as np
import pytest

from poco_ros.evaluation.parity import synthetic_body


@pytest.mark.shared
def test_arrays_are_the_scripts_to_the_last_bit(shared_dir: Path) -> None:
    script = shared_dir / 'spec' / 'synthetic_body.py'
    command = [sys.executable, '-B', str(script)]
    printed = subprocess.run(command, capture_output=True, text=True, check=True, timeout=60).stdout
    expected = dict(re.findall(r'^(\w+) .* crc32 0x([0-9a-f]{8})$', printed, re.MULTILINE))
    body = synthetic_body.arrays()
    got = {name: f'{zlib.crc32(np.ascontiguousarray(array).tobytes()):08x}' for name, array in body.items()}
    assert got == expected and len(got) == 9


def test_it_is_shaped_like_smpl() -> None:
    model, extra = synthetic_body.body_model()
    assert model.num_vertices == 6890 and extra.shape == (9, 6890) and model.faces.max() < 6890
    for rows in (model.J_regressor, model.weights, extra):
        np.testing.assert_allclose(rows.sum(1), 1, atol=1e-6)
