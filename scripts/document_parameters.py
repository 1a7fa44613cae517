"""Writes the parameter tables of the nodes into docs/nodes.md, from the dataclasses that declare the parameters.

    .venv/bin/python scripts/document_parameters.py           # rewrite the tables
    .venv/bin/python scripts/document_parameters.py --check   # exit status 1 when they are out of date
"""

from __future__ import annotations

import sys
from pathlib import Path

from generated import keep

from poco_ros.nodes.parameters import ParameterRow, parameter_rows
from poco_ros.nodes.poco_config import PocoNodeConfig
from poco_ros.nodes.temporal_node import TemporalNodeConfig
from poco_ros.nodes.video_node import VideoConfig
from poco_ros.nodes.view_node import ViewConfig
from poco_ros.pipeline import PipelineConfig
from poco_ros.temporal.config import TemporalConfig

DOCUMENT = Path(__file__).resolve().parents[1] / 'docs' / 'nodes.md'
NODES = {
    'poco_node': (PipelineConfig, PocoNodeConfig), 'temporal_node': (TemporalConfig, TemporalNodeConfig),
    'video_node': (VideoConfig,), 'view_node': (ViewConfig,),
}


def table(rows: list[ParameterRow]) -> str:
    lines = ['| parameter | type | default | allowed | while running | meaning |', '|---|---|---|---|---|---|']
    for row in rows:
        cells = (f'`{row.name}`', row.type, f'`{row.default}`', row.limits, 'yes' if row.dynamic else '',
                 row.description.rstrip('.'))
        lines.append('| ' + ' | '.join(cell.replace('|', '\\|') for cell in cells) + ' |')
    return '\n'.join(lines)


def parts() -> dict[tuple[str, str], str]:
    """The tables by the markers that they stand between."""
    return {
        (f'<!-- parameters of {node} -->', '<!-- end -->'):
            table([row for config in configs for row in parameter_rows(config)])
        for node, configs in NODES.items()
    }


if __name__ == '__main__':
    sys.exit(keep(DOCUMENT, parts()))
