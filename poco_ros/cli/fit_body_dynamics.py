"""``poco fit-body-dynamics``: fits the predictor of unseen joints to motion capture."""

from __future__ import annotations

import logging
from pathlib import Path
from typing import Annotated

import numpy as np
import typer

from poco_ros.errors import ConfigError

_FORGETTING = (3.0, 8.0, 20.0)
#: Noise presets the predictor has to cope with, and which part of the windows each gets.
_MIXTURE = {'poco': 1.0, 'clean': 0.4}

_logger = logging.getLogger(__name__)


def part_of(text: str) -> int:
    """Return the number, from 0, of a half of the people, "1/2" or "2/2".

    :raises ConfigError: when it is something else.
    """
    if text not in ('1/2', '2/2'):
        raise ConfigError(f'--without must be 1/2 or 2/2, not {text!r}')
    return int(text[0]) - 1


def fit_body_dynamics(
    data: Annotated[Path, typer.Option(help='motion file (.npz)')],
    out: Annotated[Path, typer.Option(help='file to write (.npz)')],
    licence: Annotated[str, typer.Option(help='use only clips whose licence begins so; empty: all')] = 'CMU',
    windows: Annotated[int, typer.Option(min=100, help='windows, before mirroring')] = 8000,
    iterations: Annotated[int, typer.Option(min=1, help='steps of the optimiser')] = 1500,
    seed: Annotated[int, typer.Option(help='of draw and noise')] = 101,
    without: Annotated[str, typer.Option(help='part of the people to leave out, as "1/2"; for poco fit-age-law')] = '',
) -> None:
    """Fit the whole-body predictor of the temporal stage; takes about ten minutes on one core."""
    from poco_ros.evaluation.infill.benchmark import pose_pool
    from poco_ros.evaluation.infill.dynamics_fit import Examples, collect, fit
    from poco_ros.evaluation.infill.motion_file import load_motion
    from poco_ros.temporal.body_dynamics import BodyDynamics

    whole = load_motion(data)
    motion = whole.only(whole.clips(licence))
    if without:
        motion = motion.only(np.flatnonzero(motion.folds(2) != part_of(without)))
    clips = np.arange(len(motion.names))
    forgetting = np.array(_FORGETTING)
    pool = pose_pool(motion, seed)
    parts = [collect(motion, clips, int(windows * share), 3, seed + i, preset, pool, forgetting)
             for i, (preset, share) in enumerate(_MIXTURE.items())]
    examples = Examples(np.concatenate([p.state for p in parts]), np.concatenate([p.target for p in parts]))
    matrix = fit(examples, forgetting, iterations=iterations, seed=seed,
                 report=lambda i, loss: _logger.info('iteration %d of %d, loss %.4f', i, iterations, loss))
    BodyDynamics(matrix, forgetting, {
        'command': f'poco fit-body-dynamics --data {data.name} --licence {licence!r} --windows {windows} '
                   f'--iterations {iterations} --seed {seed}' + (f' --without {without}' if without else ''),
        'data': data.name, 'licences': sorted(set(motion.licences)), 'clips': len(clips),
        'frames': len(motion.poses), 'examples': len(examples.state),
    }).save(out)
