"""What the documents say is what the code does."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
DOCUMENTS = sorted([ROOT / 'README.md', *(ROOT / 'docs').glob('*.md'), *ROOT.glob('*/README.md')])


@pytest.mark.parametrize('script', ['document_parameters.py', 'document_results.py'])
def test_generated_parts_are_up_to_date(script: str) -> None:
    done = subprocess.run([sys.executable, ROOT / 'scripts' / script, '--check'], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr or f'a document is out of date: run scripts/{script}'


@pytest.mark.parametrize('document', DOCUMENTS, ids=lambda p: str(p.relative_to(ROOT)))
def test_files_that_documents_link_to_exist(document: Path) -> None:
    for target in re.findall(r'\]\(([^)#]+?)(?:#[^)]*)?\)', document.read_text()):
        if '://' not in target:
            assert (document.parent / target).exists(), f'{document.name} links to {target}'
