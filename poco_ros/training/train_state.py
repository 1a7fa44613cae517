"""The state of a training, in one file that appears whole or not at all: from it the training goes on as if never left.

No state of a random generator is in it: every step seeds its own from the seed and its number.
"""

from __future__ import annotations

import dataclasses
import pickle
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch

from poco_ros.errors import TrainingError
from poco_ros.whole_files import written_whole

FORMAT = 1
Weights = dict[str, torch.Tensor]


@dataclass
class Best:
    """The best weights so far of a stage.

    :ivar score: smaller is better.
    :ivar step: after so many steps.
    :ivar numbers: of the validation.
    :ivar weights: of the whole network.
    """

    score: float
    step: int
    numbers: dict[str, float]
    weights: Weights


@dataclass
class TrainState:
    """Where a training stands.

    :ivar identity: what the training is: another network, data set or schedule cannot go on from here.
    :ivar step: steps done, of both stages.
    :ivar weights: of the network.
    :ivar optimiser: its state dict; empty between the stages.
    :ivar best: of the stage under way, or None before its first validation.
    :ivar sums: what the next row of the log is the mean of.
    """

    identity: dict[str, Any]
    step: int
    weights: Weights
    optimiser: dict[str, Any]
    best: Best | None = None
    sums: dict[str, float] = field(default_factory=dict)

    def save(self, path: Path) -> None:
        """Write the file; its folder is made.

        :raises TrainingError: when it cannot be written; the one before is kept.
        """
        plain = {f.name: getattr(self, f.name) for f in dataclasses.fields(self)}
        plain |= {'format': FORMAT, 'best': None if self.best is None else vars(self.best)}
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            with written_whole(path) as temporary:
                torch.save(plain, temporary)
        except (OSError, RuntimeError) as error:
            raise TrainingError(f'the state of the training cannot be written to {path} ({error}); free some disk '
                                'space and go on with --resume') from error

    @classmethod
    def load(cls, path: Path) -> TrainState:
        """Read the file; tensors come to the CPU.

        :raises TrainingError: when it is missing, broken or of another format.
        """
        try:
            plain = torch.load(path, map_location='cpu', weights_only=True)
            if not isinstance(plain, dict) or plain.pop('format', None) != FORMAT:
                raise TrainingError(f'{path} is no state of a training that this version reads; train anew into '
                                    'another folder')
            best = plain.pop('best')
            return cls(**plain, best=None if best is None else Best(**best))
        except FileNotFoundError as error:
            raise TrainingError(f'there is no training to go on with: {path} is missing; leave out --resume') from error
        except (OSError, RuntimeError, EOFError, KeyError, TypeError, pickle.UnpicklingError) as error:
            raise TrainingError(f'{path} is broken ({error}); train anew into another folder') from error

    def check(self, identity: Mapping[str, Any]) -> None:
        """Compare with the training that is to go on.

        :raises TrainingError: when it is another; names what differs.
        """
        for name in sorted({*identity, *self.identity}):
            ours, theirs = self.identity.get(name), identity.get(name)
            if ours != theirs:
                raise TrainingError(f'the training in this folder has {name} = {ours!r}, not {theirs!r}: go on with '
                                    'the same options and data, or train into another folder')
