"""A network's record and an engine with outputs of known closed form, for tests of what stands around a network."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from poco_ros.body.model import BodyModel
from poco_ros.engine.base import Array, EngineInfo, TensorSpec
from poco_ros.engine.model_record import ModelRecord, StoredFile
from poco_ros.networks.variants import OFFICIAL
from poco_ros.types import Boxes, People

Answer = Callable[[Mapping[str, Array]], dict[str, Array]]


def record(body: BodyModel, name: str = 'poco_cliff', **changes: Any) -> ModelRecord:
    """Return what ``model.json`` says of an official network; no file is there."""
    values: dict[str, Any] = {
        'name': name, 'variant': OFFICIAL[name], 'graphs': {'fp32': StoredFile('model.onnx', 'a' * 64)},
        'expected': StoredFile('expected.npz', 'b' * 64), 'inputs': inputs(name), 'outputs': (),
        'fp32_from': ('features',), 'weights_sha256': 'c' * 64, 'provenance': {}, 'body_model': body.name,
        'body_model_sha256': body.sha256, 'crop_size': 224, 'box_padding': 1.0, 'focal_rule': 'diagonal',
        'uncertainty_definition': 'sigma, in words', 'licence': 'theirs', 'mock': False, 'made': {}, 'checks': {},
    }
    return ModelRecord(**{**values, **changes})


def inputs(name: str) -> tuple[TensorSpec, ...]:
    """Return the inputs of an official network's graph."""
    crops = TensorSpec('crops', (-1, 224, 224, 3), 'uint8')
    box = TensorSpec('bbox_info', (-1, 3), 'float32')
    return (crops, box) if OFFICIAL[name].regressor == 'cliff' else (crops,)


class FakeEngine:
    """Keeps what it is fed, and answers with what a function makes of it."""

    def __init__(self, answer: Answer, name: str = 'poco_cliff') -> None:
        self.answer = answer
        self.inputs = inputs(name)
        self.outputs: tuple[TensorSpec, ...] = ()
        self.info = EngineInfo('fake', '3.1', 'fp16', 'GPU: test', 'model.onnx', 'a' * 64, 'd' * 64, 'nothing else')
        self.calls: list[dict[str, Array]] = []

    def __call__(self, feeds: Mapping[str, Array]) -> dict[str, Array]:
        assert set(feeds) == {spec.name for spec in self.inputs}
        self.calls.append(dict(feeds))
        return self.answer(feeds)


def outputs(n: int, **arrays: Any) -> dict[str, Array]:
    """Return the outputs of a graph for N persons at rest, replaced by ``arrays`` where given."""
    plain: dict[str, Any] = {
        'rotmat': np.broadcast_to(np.eye(3), (n, 24, 3, 3)), 'betas': np.zeros((n, 10)),
        'cam': np.tile([1.0, 0, 0], (n, 1)), 'joints': np.zeros((n, 24, 3)), 'sigma': np.full((n, 24), 0.25),
        'uncertainty': np.full(n, 0.5),
    }
    return {name: np.array(value, np.float32) for name, value in {**plain, **arrays}.items()}


def people(xyxy: Any) -> People:
    """Return people with these boxes and without landmarks."""
    boxes = np.asarray(xyxy, np.float32).reshape(-1, 4)
    n = len(boxes)
    return People(Boxes(boxes, np.linspace(0.5, 0.9, n, dtype=np.float32), np.arange(1, n + 1, dtype=np.int32)))


def around(squares: Any) -> np.ndarray:
    """Return the (N, 4) boxes x_min, y_min, x_max, y_max of (N, 3) squares cx, cy, side."""
    cx, cy, side = np.asarray(squares, float).reshape(-1, 3).T
    return np.stack([cx - side / 2, cy - side / 2, cx + side / 2, cy + side / 2], axis=1)
