"""Reads measured results, and writes rows of tables."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]


def load(name: str) -> dict[str, Any]:
    return json.loads((ROOT / 'bench' / 'results' / f'{name}.json').read_text())


def row(*cells: str) -> str:
    return '| ' + ' | '.join(cells) + ' |'
