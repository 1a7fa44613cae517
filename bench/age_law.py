"""How often the radii of unseen joints hold, at several ages, for people they were not fitted to::

    python bench/age_law.py --data ../shared/temporal/mocap_train.npz

The shipped age law and predictor, 512 windows for each length of the gap, radii promised to hold for 90 %. Two groups:
the people of all clips whose licence is not that of the clips fitted to, measured here by running the stream; and
those of the clips fitted to, each half of them by a law fitted to the other half, as ``poco fit-age-law`` measured it
when it made the shipped file. Writes ``bench/results/age_law.json``.
"""

from __future__ import annotations

import argparse
import json
from importlib import resources
from pathlib import Path

import numpy as np
import record

from poco_ros.evaluation.infill.age_law_fit import measure, run
from poco_ros.evaluation.infill.motion_file import load_motion
from poco_ros.temporal.age_law import shipped_age_law

AGES, COVERAGE, COUNT, SEED = (1, 5, 10, 15, 30), 0.9, 512, 202
CROSSED = 'each half of the people by the law of the other half'


def rounded(rows: list[dict[str, float]]) -> list[dict[str, float]]:
    return [{key: round(value, 4) for key, value in row.items()} for row in rows]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument('--data', type=Path, required=True)
    data = parser.parse_args().data
    shipped = json.loads((resources.files('poco_ros.temporal') / 'data' / 'age_law.json').read_text())
    whole = load_motion(data)
    others = whole.only(np.flatnonzero([text not in shipped['fitted']['licences'] for text in whole.licences]))
    groups: dict[str, dict[str, list[dict[str, float]]]] = {'fitted to the other half': {}, 'other sources': {}}
    for name, lag in (('live', 0), ('infilled, 5 frames late', 5)):
        groups['fitted to the other half'][name] = rounded(shipped['measured'][f'{CROSSED}, lag {lag}'])
        groups['other sources'][name] = rounded(
            measure(run(others, lag=lag, law=shipped_age_law(), count=COUNT, seed=SEED), COVERAGE, AGES))
    for group, streams in groups.items():
        for name, rows in streams.items():
            print(group, name, *(f'{r["age_frames"]}: {r["joints"]:.3f} {r["all_joints"]:.3f} {r["pelvis"]:.3f}'
                                 for r in rows))
    print(record.save('age_law', {'data': data.name, 'law': shipped_age_law().law_id, 'promised': COVERAGE,
                                  'fitted': shipped['fitted']['command'], 'groups': groups}))


if __name__ == '__main__':
    main()
