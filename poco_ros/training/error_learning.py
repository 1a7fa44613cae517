"""Teaches an error network how far off a regressor is, from people of whom the truth is known.

The network is an :class:`~poco_ros.calibration.error_network.ErrorNetwork`.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import numpy.typing as npt
import torch
from torch import nn

from poco_ros.calibration.conformal import rows_by_sequence, sequence_weights
from poco_ros.calibration.error_network import NUM_CLUES, ErrorNetwork
from poco_ros.calibration.outcomes import Outcomes
from poco_ros.calibration.scores import COLUMNS
from poco_ros.errors import CalibrationError

Progress = Callable[[int, int], None]
"""Told how many epochs are done, and of how many."""

LEAST_SEQUENCES = 500
"""With fewer, scores of single joints order people as well as what would be learned, or better."""

_HIDDEN = 64
_EPOCHS = 30
_BATCH = 64
_RATE = 2e-3
_DECAY = 0.1
_DROPPED_CLUES, _DROPPED_UNITS = 0.1, 0.4
#: Logarithms are taken of errors of at least this: a millimetre less says nothing.
_LEAST_ERROR_MM = 5.0
#: A clue that hardly ever changes is not blown up: the pelvis about itself.
_LEAST_SCALE = 1e-3
_SEED = 4


def learn_errors(outcomes: Outcomes, progress: Progress | None = None) -> ErrorNetwork:
    """Train an error network: mean squared error of the logarithms, every sequence weighing the same.

    The same outcomes give the same network on the same processor.

    :param outcomes: of people and scenes that the regressor was not trained with.
    :param progress: told after every epoch.
    :raises CalibrationError: when there are too few sequences, or the model states no uncertainty.
    """
    used = outcomes.take(np.asarray(outcomes.known[:, 1:].any(axis=1)))
    _, sequences = rows_by_sequence(used.sequence) if len(used) else (None, 0)
    if sequences < LEAST_SEQUENCES:
        raise CalibrationError(f'{sequences} sequences with a stated uncertainty are too few to learn errors from; '
                               f'give at least {LEAST_SEQUENCES}, or calibrate without')
    mean, scale = _spread(used.clues)
    known = used.known
    known[:, 0] = False  # the pelvis about itself is never wrong
    errors = np.log(np.maximum(np.where(known, used.error_mm, 1), _LEAST_ERROR_MM))
    typical = np.array([errors[known[:, c], c].mean() if known[:, c].any() else 0.0 for c in range(COLUMNS)])
    blank = ErrorNetwork(mean, scale, np.zeros((NUM_CLUES, _HIDDEN)), np.zeros(_HIDDEN), np.zeros((_HIDDEN, COLUMNS)),
                         typical)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(_SEED)
        layers = _trained(blank.standardised(used.clues), errors - typical, known, used.sequence, progress)
    hidden, last = layers[1], layers[4]
    arrays = [layer.detach().numpy().astype(np.float64) for layer in (
        hidden.weight, hidden.bias, last.weight, last.bias)]
    return ErrorNetwork(mean, scale, arrays[0].T.copy(), arrays[1], arrays[2].T.copy(), typical + arrays[3])


def _spread(clues: npt.NDArray[np.float64]) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]:
    """Return means and scales of clues; of one that is never known 0 and 1."""
    ever = np.isfinite(clues).any(axis=0)
    mean, scale = np.zeros(NUM_CLUES), np.ones(NUM_CLUES)
    mean[ever], spread = np.nanmean(clues[:, ever], axis=0), np.nanstd(clues[:, ever], axis=0)
    scale[ever] = np.where(spread > _LEAST_SCALE, spread, 1)
    return mean, scale


def _trained(
    clues: npt.NDArray[np.float64], errors: npt.NDArray[np.float64], known: npt.NDArray[np.bool_],
    sequence: npt.NDArray[np.integer], progress: Progress | None,
) -> nn.Sequential:
    layers = nn.Sequential(nn.Dropout(_DROPPED_CLUES), nn.Linear(NUM_CLUES, _HIDDEN), nn.SiLU(),
                           nn.Dropout(_DROPPED_UNITS), nn.Linear(_HIDDEN, COLUMNS))
    optimiser = torch.optim.AdamW(layers.parameters(), _RATE, weight_decay=_DECAY)
    steps = _EPOCHS * -(-len(clues) // _BATCH)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimiser, _RATE, total_steps=steps)
    given, wanted = torch.tensor(clues, dtype=torch.float32), torch.tensor(errors, dtype=torch.float32)
    weight = torch.tensor(known * sequence_weights(sequence)[:, None], dtype=torch.float32)
    weight /= weight.mean()
    for epoch in range(_EPOCHS):
        for rows in torch.randperm(len(given)).split(_BATCH):
            loss = (weight[rows] * (layers(given[rows]) - wanted[rows]) ** 2).mean()
            optimiser.zero_grad()
            loss.backward()
            optimiser.step()
            schedule.step()
        if progress:
            progress(epoch + 1, _EPOCHS)
    layers.eval()
    return layers
