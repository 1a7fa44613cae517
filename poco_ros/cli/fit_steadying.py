"""``poco fit-steadying``: fits how much joints are drawn to where they have been over the last second."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from poco_ros.errors import PocoError


def fit_steadying(
    data: Annotated[Path, typer.Option(help='motion file (.npz)')],
    out: Annotated[Path, typer.Option(help='file to write (.json)')],
    licence: Annotated[str, typer.Option(help='use only clips whose licence begins so; empty: all')] = 'CMU',
    count: Annotated[int, typer.Option(min=20, help='windows')] = 4000,
    seed: Annotated[int, typer.Option(help='of windows and noise')] = 301,
) -> None:
    """Fit how far the errors of each joint wander compared with the joint itself; takes a minute."""
    from poco_ros.evaluation.infill.motion_file import load_motion
    from poco_ros.evaluation.infill.steadying_fit import FORGETTING, fit_steadying
    from poco_ros.temporal.steadying import SteadyingLaw

    whole = load_motion(data)
    motion = whole.only(whole.clips(licence))
    law = SteadyingLaw(FORGETTING, fit_steadying(motion, count, seed), {
        'command': f'poco fit-steadying --data {data.name} --licence {licence!r} --count {count} --seed {seed}',
        'data': data.name, 'licences': sorted(set(motion.licences)), 'clips': len(motion.names),
        'noise': 'preset poco of the infilling benchmark: wandering errors are those of this simulation',
    })
    try:
        law.save(out)
    except OSError as error:
        raise PocoError(f'cannot write {out}: {error.strerror}') from error
