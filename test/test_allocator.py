"""The allocator's setting, by what it is for: page faults of large blocks that come and go."""

from __future__ import annotations

import platform
import subprocess
import sys
from pathlib import Path

import pytest

from poco_ros import allocator

COUNT_FAULTS = """
import resource, sys
from poco_ros.allocator import keep_large_blocks
kept = keep_large_blocks() if sys.argv[1] == 'keep' else True
for _ in range(3):
    bytes(bytearray(8_000_000))
before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
for _ in range(30):
    bytes(bytearray(8_000_000))
print(kept, resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before)
"""


def faults(mode: str) -> tuple[str, int]:
    output = subprocess.run([sys.executable, '-c', COUNT_FAULTS, mode], cwd=Path(__file__).resolve().parents[1],
                            capture_output=True, text=True, check=True).stdout.split()
    return output[0], int(output[1])


@pytest.mark.skipif(platform.libc_ver()[0] != 'glibc', reason='mallopt is of glibc')
def test_freed_images_cost_no_new_page_faults():
    (_, without), (taken, with_setting) = faults('leave'), faults('keep')
    assert taken == 'True'
    assert without > 30 * 1000  # 8 MB are about 2000 pages
    assert with_setting < without / 100


def test_another_c_library_changes_nothing(monkeypatch):
    monkeypatch.setattr(allocator.ctypes, 'CDLL', lambda name: object())
    assert allocator.keep_large_blocks() is False
