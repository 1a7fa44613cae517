"""Writes the parameter tables of the nodes into docs/nodes.md, from the dataclasses that declare the parameters.

    .venv/bin/python scripts/document_parameters.py           # rewrite the tables
    .venv/bin/python scripts/document_parameters.py --check   # exit status 1 when they are out of date
"""

from __future__ import annotations

import sys
from pathlib import Path

from poco_ros.nodes.parameters import ParameterRow, parameter_rows
from poco_ros.nodes.poco_config import PocoNodeConfig
from poco_ros.nodes.video_node import VideoConfig
from poco_ros.nodes.view_node import ViewConfig
from poco_ros.pipeline import PipelineConfig

DOCUMENT = Path(__file__).resolve().parents[1] / 'docs' / 'nodes.md'
NODES = {
    'poco_node': (PipelineConfig, PocoNodeConfig), 'video_node': (VideoConfig,), 'view_node': (ViewConfig,),
}


def table(rows: list[ParameterRow]) -> str:
    lines = ['| parameter | type | default | allowed | while running | meaning |', '|---|---|---|---|---|---|']
    for row in rows:
        cells = (f'`{row.name}`', row.type, f'`{row.default}`', row.limits, 'yes' if row.dynamic else '',
                 row.description.rstrip('.'))
        lines.append('| ' + ' | '.join(cell.replace('|', '\\|') for cell in cells) + ' |')
    return '\n'.join(lines)


def documented(text: str) -> str:
    """The text with every table between its markers made anew."""
    for node, configs in NODES.items():
        begin, end = f'<!-- parameters of {node} -->', '<!-- end -->'
        head, opened, rest = text.partition(begin)
        _, closed, tail = rest.partition(end)
        if not (opened and closed):
            raise SystemExit(f'{DOCUMENT}: there must be a "{begin} ... {end}"')
        rows = [row for config in configs for row in parameter_rows(config)]
        text = f'{head}{begin}\n{table(rows)}\n{end}{tail}'
    return text


def main() -> int:
    old = DOCUMENT.read_text()
    new = documented(old)
    if '--check' in sys.argv[1:]:
        return int(old != new)
    DOCUMENT.write_text(new)
    return 0


if __name__ == '__main__':
    sys.exit(main())
