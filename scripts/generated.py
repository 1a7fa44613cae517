"""Keeps a part of a document that a program writes: everything between two markers."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from pathlib import Path


def keep(document: Path, parts: Mapping[tuple[str, str], str]) -> int:
    """Rewrite the parts of a document, or with --check on the command line only compare.

    :param parts: what belongs between a begin and an end marker.
    :returns: exit status: 1 when --check finds the document out of date.
    """
    old = new = document.read_text()
    for (begin, end), text in parts.items():
        head, opened, rest = new.partition(begin + '\n')
        _, closed, tail = rest.partition(end + '\n')
        if not (opened and closed):
            raise SystemExit(f'{document}: there must be a "{begin} ... {end}"')
        new = f'{head}{opened}{text}\n{closed}{tail}'
    if '--check' in sys.argv[1:]:
        return int(old != new)
    document.write_text(new)
    return 0
