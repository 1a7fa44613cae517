"""The training loop: two stages, resumable at every step, the best weights of each stage by validation.

The first stage keeps the weights with the smallest PVE: of all errors of the body it alone also sees shape and twist.
The second trains the scale network and the flow of a body that no longer changes, and keeps the weights with the
largest PCC. Not the likelihood: the flow can undo any scale, so that of two networks with one likelihood one may have a
meaningless sigma, and sigma is all that leaves the network.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

from poco_ros.errors import TrainingError
from poco_ros.networks.model import PocoModel
from poco_ros.training.loss_config import LossConfig
from poco_ros.training.objective import Objective
from poco_ros.training.smpl_layer import SmplLayer
from poco_ros.training.stages import optimiser, set_stage, stage_losses
from poco_ros.training.train_config import TrainConfig, stream
from poco_ros.training.train_data import TrainingData
from poco_ros.training.train_log import TrainLog
from poco_ros.training.train_state import Best, TrainState, Weights
from poco_ros.training.validation import Validation

STATE_FILE = 'state.pt'
Numbers = dict[str, float]
Progress = Callable[[int, Mapping[str, float]], None]


@dataclass(frozen=True)
class Task:
    """What is trained on what.

    :param losses: by which terms.
    :param data: to train with.
    :param validation: to choose the best by; none of its people is in ``data``.
    :param body: for joints, and as many vertices as PVE and the shape term shall see.
    :param identity: what else makes it another training: the network's variant, the hash of the data.
    """

    losses: LossConfig
    data: TrainingData
    validation: TrainingData
    body: SmplLayer
    identity: Mapping[str, Any]


@dataclass(frozen=True)
class Outcome:
    """How a training ended.

    :param finished: whether all steps were done; else the state is on disk to go on from.
    :param step: steps done.
    :param numbers: of the validation of the best weights; empty before there are some.
    """

    finished: bool
    step: int
    numbers: Numbers


class Trainer:
    """One training.

    It is deterministic: on a CPU with the same number of threads the same seed gives the same weights to the last bit,
    with or without interruptions.
    """

    def __init__(self, model: PocoModel, task: Task, config: TrainConfig, folder: Path) -> None:
        """Prepare a training from its beginning.

        :param model: its weights are the first; it is trained in place.
        :param task: what is trained on what.
        :param config: schedule and device.
        :param folder: of state and logs.
        :raises ConfigError: when the device is not there.
        """
        self.config, self.task, self.folder = config, task, folder
        self.device = config.torch_device()
        self.model = model.to(self.device)
        self.step = 0
        self._body = task.body.to(self.device)
        self._stages = config.total_steps if model.variant.has_uncertainty else config.steps
        self._best: Best | None = None
        self._sums: Numbers = {}
        judge = Objective(task.losses, self._body)
        self._validation = Validation(task.validation, judge, self._body, config.validation_samples)
        self._order: tuple[int, torch.Tensor] | None = None
        self._enter_stage()

    @property
    def stage(self) -> int:
        """1, or 2: scale network and flow alone."""
        return 1 if self.step < self.config.steps or self._stages == self.config.steps else 2

    @property
    def total_steps(self) -> int:
        """Of both stages; a network without sigma has no second one."""
        return self._stages

    def resume(self) -> None:
        """Go on from the state in the folder.

        :raises TrainingError: when there is none, or it is of another training.
        """
        state = TrainState.load(self.folder / STATE_FILE)
        state.check(self._identity())
        self.step, self._best, self._sums = state.step, state.best, state.sums
        self.model.load_state_dict(state.weights)
        self._enter_stage()
        if state.optimiser:
            self._optimiser.load_state_dict(state.optimiser)

    def run(self, progress: Progress | None = None, stop: Callable[[], bool] | None = None) -> Outcome:
        """Train to the end; then the network has the best weights.

        :param progress: called after every step with the steps done and the numbers of the last validation.
        :param stop: asked after every step whether to save the state and leave.
        :raises TrainingError: when the loss is no number, or memory does not suffice; the state on disk is good.
        """
        log = TrainLog(self.folder, self.step)
        try:
            with torch.random.fork_rng(range(torch.cuda.device_count())):
                for numbers in self._steps(log):
                    if progress is not None:
                        progress(self.step, numbers)
                    if stop is not None and self.step < self._stages and stop():
                        self._save()
                        return Outcome(False, self.step, {} if self._best is None else self._best.numbers)
        except torch.OutOfMemoryError as error:
            raise TrainingError(self._too_large()) from error
        except RuntimeError as error:
            if "can't allocate memory" not in str(error):
                raise
            raise TrainingError(self._too_large()) from error
        finally:
            log.close()
        best = self._known_best()
        self.model.load_state_dict(best.weights)
        return Outcome(True, self.step, best.numbers)

    def _steps(self, log: TrainLog) -> Iterator[Numbers]:
        """Do every step that is left; give the numbers of the last validation after each."""
        config = self.config
        numbers: Numbers = {} if self._best is None else self._best.numbers
        while self.step < self._stages:
            self._add(self._train_step())
            self.step += 1
            stage_ends = self.step in (config.steps, self._stages)
            row: Numbers = {}
            if stage_ends or self.step % config.log_every == 0 or self.step % config.validate_every == 0:
                row = self._row()
            if stage_ends or self.step % config.validate_every == 0:
                numbers = self._validate()
                row |= numbers
            if row:
                log.write(row)
            if self.step == config.steps < self._stages:
                self._begin_second_stage()
            if 'val_loss' in row:
                self._save()
            yield numbers

    def _train_step(self) -> Numbers:
        """One step; what it cost, as numbers."""
        config, step = self.config, self.step
        rows, seed = self._rows(), stream(config.seed, 'step', step)
        torch.manual_seed(seed)  # of dropout
        batch = self.task.data.batch(rows, torch.Generator().manual_seed(seed)).to(self.device)
        losses = self._objective(self.model, batch.inputs, batch.targets, batch.bbox_info)
        self._optimiser.zero_grad(set_to_none=True)
        (losses.total / self._objective.config.overall).backward()
        free = [parameter for group in self._optimiser.param_groups for parameter in group['params']]
        length = torch.nn.utils.clip_grad_norm_(free, config.clip)
        names = ['total', *losses.terms, 'gradient']
        values = torch.stack([losses.total.detach(), *(t.detach() for t in losses.terms.values()), length]).tolist()
        costs = dict(zip(names, values, strict=True))
        if not all(map(math.isfinite, values)):
            bad = ', '.join(name for name, value in costs.items() if not math.isfinite(value))
            raise TrainingError(
                f'step {step + 1} of the training is no number ({bad}). Nothing was changed by it; the state of the '
                f'last validation is in {self.folder / STATE_FILE}. Train anew into another folder with a smaller '
                '--learning-rate, or with another --seed')
        for group in self._optimiser.param_groups:
            group['lr'] = config.rate(step)
        self._optimiser.step()
        return costs

    def _rows(self) -> torch.Tensor:
        """The people of this step: every epoch all in a new order, but for the rest that fills no batch."""
        count = len(self.task.data)
        batch = min(self.config.batch, count)
        epoch, place = divmod(self.step, count // batch)
        if self._order is None or self._order[0] != epoch:
            generator = torch.Generator().manual_seed(stream(self.config.seed, 'order', epoch))
            self._order = epoch, torch.randperm(count, generator=generator)
        return self._order[1][place * batch : (place + 1) * batch]

    def _enter_stage(self) -> None:
        """Freeze and thaw for the stage of this step, with an optimiser that knows nothing yet."""
        set_stage(self.model, self.stage)
        self._objective = Objective(stage_losses(self.task.losses, self.stage), self._body)
        self._optimiser = optimiser(self.model, self.config.weight_decay)

    def _begin_second_stage(self) -> None:
        """From the best weights of the first stage, whose sigma is the first candidate of the second."""
        best = self._known_best()
        self.model.load_state_dict(best.weights)
        self._enter_stage()
        self._best = Best(_score(best.numbers, 2), best.step, best.numbers, best.weights)

    def _validate(self) -> Numbers:
        """Judge the weights, and keep them when they are the best of the stage."""
        numbers = self._validation(self.model, self.device)
        stage = 1 if self.step <= self.config.steps else 2
        score = _score(numbers, stage)
        if self._best is None or score < self._best.score:
            self._best = Best(score, self.step, numbers, self._weights())
        return numbers

    def _known_best(self) -> Best:
        if self._best is None:
            raise TrainingError('no validation was finite: there are no best weights')
        return self._best

    def _weights(self) -> Weights:
        return {name: tensor.detach().to('cpu', copy=True) for name, tensor in self.model.state_dict().items()}

    def _add(self, costs: Numbers) -> None:
        for name, value in {**costs, 'steps': 1.0}.items():
            self._sums[name] = self._sums.get(name, 0.0) + value

    def _row(self) -> Numbers:
        """The means since the last row."""
        steps = self._sums.pop('steps')
        means = {name: value / steps for name, value in self._sums.items()}
        self._sums = {}
        done = self.step - 1
        return {'step': self.step, 'stage': 1 if done < self.config.steps else 2, 'lr': self.config.rate(done), **means}

    def _save(self) -> None:
        TrainState(
            self._identity(), self.step, self._weights(), self._optimiser.state_dict(), self._best, self._sums,
        ).save(self.folder / STATE_FILE)  # fmt: skip

    def _identity(self) -> dict[str, Any]:
        """What must be the same to go on: all but where it runs."""
        settings = {name: value for name, value in vars(self.config).items() if name != 'device'}
        return {**settings, **vars(self.task.losses), 'people': len(self.task.data), **self.task.identity}

    def _too_large(self) -> str:
        return (f'the memory of {self.device} does not suffice for {self.config.batch} people a step: train with a '
                'smaller --batch')


def _score(numbers: Mapping[str, float], stage: int) -> float:
    """What is to become small in a stage; an unknown number counts as the worst."""
    value = numbers['val_pve_mm'] if stage == 1 else -numbers['val_pcc']
    return value if math.isfinite(value) else math.inf
