"""``poco fit-learned-dynamics``: trains the network that predicts unseen joints on motion capture."""

from __future__ import annotations

import json
import logging
from pathlib import Path
from typing import Annotated

import numpy as np
import typer

from poco_ros.cli.fit_body_dynamics import part_of
from poco_ros.cli.network_packages import require_packages
from poco_ros.errors import ConfigError, PocoError

_FORGETTING = (1.5, 3.0, 8.0, 20.0, 40.0)
#: Noise presets the predictor has to cope with, and which part of the windows each gets.
_MIXTURE = {'poco': 1.0, 'clean': 1.0}
_SPEEDS = (1.0, 0.8, 1.25)
#: Each so many-th clip is kept for validation.
_HELD_OUT = 6

_logger = logging.getLogger(__name__)


def fit_learned_dynamics(
    data: Annotated[Path, typer.Option(help='motion file (.npz)')],
    out: Annotated[Path, typer.Option(help='graph to write (.onnx); its record (.json) comes beside it')],
    licence: Annotated[str, typer.Option(help='use only clips whose licence begins so; empty: all')] = 'CMU',
    windows: Annotated[int, typer.Option(min=20, help='windows for each speed, before mirroring')] = 2000,
    iterations: Annotated[int, typer.Option(min=1, help='steps of the optimiser')] = 1000,
    width: Annotated[int, typer.Option(min=1, help='units of each layer')] = 48,
    start: Annotated[Path | None, typer.Option(
        help='linear step to begin from, made by poco fit-body-dynamics; left out: the shipped one')] = None,
    seed: Annotated[int, typer.Option(help='of weights, draw and noise')] = 401,
    without: Annotated[str, typer.Option(help='part of the people to leave out, as "1/2"; for poco fit-age-law')] = '',
) -> None:
    """Train the network behind the predictor "learned"; minutes to half an hour on one core.

    The weights are those that did best on clips kept for validation. Same command, same machine: same weights.
    """
    require_packages(('torch', 'onnx'))
    import torch

    from poco_ros.evaluation.infill.benchmark import pose_pool
    from poco_ros.evaluation.infill.gated_step import to_onnx
    from poco_ros.evaluation.infill.learned_fit import Training, collect, fit
    from poco_ros.evaluation.infill.motion_file import load_motion
    from poco_ros.export.onnx_file import write_onnx
    from poco_ros.temporal.body_dynamics import load_body_dynamics, shipped_body_dynamics
    from poco_ros.temporal.learned_dynamics import record_path
    from poco_ros.whole_files import sha256_of, written_whole

    if out.suffix != '.onnx':
        raise ConfigError(f'--out must end in .onnx, not {out.name!r}')
    linear = shipped_body_dynamics() if start is None else load_body_dynamics(start)
    whole = load_motion(data)
    motion = whole.only(whole.clips(licence))
    if without:
        motion = motion.only(np.flatnonzero(motion.folds(2) != part_of(without)))
    kept = np.arange(len(motion.names)) % _HELD_OUT == _HELD_OUT - 1
    learned_from, validation = motion.only(np.flatnonzero(~kept)), motion.only(np.flatnonzero(kept))
    forgetting, pool = np.array(_FORGETTING), pose_pool(motion, seed)
    torch.set_num_threads(1)
    gaps = collect(learned_from, windows, seed, _MIXTURE, _SPEEDS, pool, forgetting)
    checked = collect(validation, max(20, windows // 10), seed + 100, _MIXTURE, (1.0,), pool, forgetting)
    _logger.info('%d gaps to learn from, %d to validate with', len(gaps.state), len(checked.state))
    network, loss = fit(
        gaps, checked, linear, forgetting, Training(iterations, width, seed=seed),
        report=lambda i, late, at: _logger.info(
            'iteration %d of %d, loss %.4f, validation %.4f', i, iterations, late, at))
    write_onnx(to_onnx(network), out)
    record = {'forgetting': list(_FORGETTING), 'sha256': sha256_of(out), 'provenance': {
        'command': f'poco fit-learned-dynamics --data {data.name} --licence {licence!r} --windows {windows} '
                   f'--iterations {iterations} --width {width} --seed {seed}'
                   + (f' --start {start.name}' if start else '') + (f' --without {without}' if without else ''),
        'data': data.name, 'licences': sorted(set(motion.licences)), 'clips': len(learned_from.names),
        'validation_clips': list(validation.names), 'examples': len(gaps.state), 'validation_loss': round(loss, 5),
        'torch': torch.__version__,
    }}
    try:
        with written_whole(record_path(out)) as temporary:
            temporary.write_text(json.dumps(record, indent=1) + '\n', encoding='utf-8')
    except OSError as error:
        raise PocoError(f'cannot write {record_path(out)}: {error.strerror}') from error
