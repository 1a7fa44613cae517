"""The weights of a network that is at hand as an exported graph alone, as the package ships its lift."""

from __future__ import annotations

from pathlib import Path

import onnx
import torch
from onnx import numpy_helper

from poco_ros.checkpoints.store import WEIGHTS_FILE
from poco_ros.errors import ModelFileError
from poco_ros.networks.model import PocoModel

_IN_GRAPH = 'model.'
_OF_TRAINING_ALONE = 'flow_head.'


def load_from_graph(model: PocoModel, graph: Path) -> None:
    """Give a network the weights that its fp32 graph holds. A flow, which no graph has, keeps the weights it has.

    :param model: of the structure that was exported; is changed.
    :param graph: the ONNX file, whose hash was checked.
    :raises ModelFileError: when the graph holds only a part of the weights; the network is not changed.
    """
    known = {tensor.name.removeprefix(_IN_GRAPH): torch.from_numpy(numpy_helper.to_array(tensor).copy())
             for tensor in onnx.load(graph).graph.initializer if tensor.name.startswith(_IN_GRAPH)}
    wanted = {name: entry.shape for name, entry in model.state_dict().items()
              if not name.startswith(_OF_TRAINING_ALONE)}
    unfit = sorted(name for name, shape in wanted.items() if name not in known or known[name].shape != shape)
    if unfit:
        raise ModelFileError(f'{graph} holds the weights in another form ({unfit[0]} and {len(unfit) - 1} others are '
                             f'not in it); use a folder that has {WEIGHTS_FILE}')
    model.load_state_dict({name: known[name] for name in wanted}, strict=False)
