"""How long, how fast and on what a network is trained."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import torch

from poco_ros.errors import ConfigError
from poco_ros.settings import check_settings, choice, setting

_MANY = 100_000_000
DEVICES = ('auto', 'cpu', 'cuda')


@dataclass(frozen=True)
class TrainConfig:
    """Two stages: everything, then scale network and flow alone, as in the paper (50 000 and 10 000 steps).

    :raises ConfigError: when a value is out of range.
    """

    seed: int = setting(0, 'of initial weights, order of the samples, dropout and augmentation', 0, 2**31 - 1)
    steps: int = setting(50_000, 'steps of the first stage', 1, _MANY)
    scale_steps: int = setting(10_000, 'steps of the second stage', 0, _MANY)
    batch: int = setting(256, 'people per step', 1, 65536)
    learning_rate: float = setting(1e-3, 'the largest, reached after the warm-up, of both stages', 1e-9, 1.0)
    warmup_steps: int = setting(500, 'steps in which the rate rises from 0, at most a tenth of a stage', 0, _MANY)
    weight_decay: float = setting(1e-2, 'of AdamW, of matrices and filters; 0: Adam', 0.0, 10.0)
    clip: float = setting(1.0, 'largest length of the gradient, before the overall factor of the losses', 1e-6, 1e6)
    log_every: int = setting(100, 'steps from one row of the log to the next', 1, _MANY)
    validate_every: int = setting(1000, 'steps from one validation, and state on disk, to the next', 1, _MANY)
    validation_samples: int = setting(4096, 'people of the validation split who are judged, evenly spread', 1, _MANY)
    device: str = choice('auto', 'auto: the first CUDA GPU if there is one', *DEVICES)

    def __post_init__(self) -> None:
        check_settings(self)

    @property
    def total_steps(self) -> int:
        """Of both stages."""
        return self.steps + self.scale_steps

    def rate(self, step: int) -> float:
        """Return the learning rate of a step, counted through both stages: each warms up, then falls as a cosine."""
        start, length = (0, self.steps) if step < self.steps else (self.steps, self.scale_steps)
        warmup = min(self.warmup_steps, length // 10)
        done = step - start
        if done < warmup:
            return self.learning_rate * (done + 1) / warmup
        return self.learning_rate * 0.5 * (1 + math.cos(math.pi * (done - warmup) / (length - warmup)))

    def torch_device(self) -> torch.device:
        """Return the device.

        :raises ConfigError: when a GPU is asked for and there is none.
        """
        if self.device == 'cuda' and not torch.cuda.is_available():
            raise ConfigError('device cuda: torch finds no CUDA GPU here; take device cpu, or auto')
        wanted = 'cuda' if self.device == 'auto' and torch.cuda.is_available() else self.device
        return torch.device('cpu' if wanted == 'auto' else wanted)


def stream(seed: int, purpose: str, number: int) -> int:
    """Return a seed of its own for each purpose and number, so that nothing depends on what was drawn before."""
    words = np.random.SeedSequence([seed, *purpose.encode(), number]).generate_state(2, np.uint32)
    return int(words[0]) << 31 ^ int(words[1])
