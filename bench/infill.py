"""How well simulated gaps are held and infilled: ``poco bench-infill`` on a motion file, kept with the machine::

    python bench/infill.py --data ../shared/temporal/mocap_train.npz

256 windows for each length of the gap, half of them from clips that the whole-body predictor was fitted on. Occlusions
and sensor noise are simulated. Writes ``bench/results/infill.json``.
"""

from __future__ import annotations

import argparse
import json
import tempfile
from pathlib import Path

import record

from poco_ros.cli.bench_infill import bench_infill

KEPT = ('method', 'noise', 'gap', 'lag', 'n', 'mpjpe', 'mpjpe_ci', 'root_pos', 'accel', 'mpjpe_tail', 'minus_first')


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument('--data', type=Path, required=True)
    data = parser.parse_args().data
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / 'rows.json'
        bench_infill(data, path)
        rows = json.loads(path.read_text())
    kept = [{k: round(v, 2) if isinstance(v, float) else v for k, v in row.items() if k in KEPT} for row in rows]
    print(record.save('infill', {'data': data.name, 'unit': 'mm; mm per frame^2 for accel', 'seed': 1, 'rows': kept}))


if __name__ == '__main__':
    main()
