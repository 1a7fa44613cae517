"""How good a network is on people it was not trained with, by the measures of the field."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import torch

from poco_ros.evaluation import metrics
from poco_ros.networks.model import PocoModel, Prediction
from poco_ros.networks.uncertainty import joint_sigma
from poco_ros.training.objective import Objective
from poco_ros.training.smpl_layer import SmplLayer
from poco_ros.training.train_data import Batch, TrainingData

COLUMNS = ('val_mpjpe_mm', 'val_pa_mpjpe_mm', 'val_pve_mm', 'val_pcc', 'val_sigma', 'val_loss', 'val_likelihood')
_LIKELIHOOD_TERMS = ('pose', 'nf')
_AT_ONCE = 512
_MM = 1000


class Validation:
    """A fixed part of a split, evenly spread, and its judge."""

    def __init__(self, data: TrainingData, objective: Objective, body: SmplLayer, count: int) -> None:
        """Choose the people.

        :param data: the validation split.
        :param objective: of the training, for its losses.
        :param body: for joints and vertices; a part of the mesh is enough.
        :param count: at most so many people.
        """
        self._data = data
        self._objective = objective
        self._body = body
        self._rows = torch.linspace(0, len(data) - 1, min(len(data), count)).long().unique()

    def __call__(self, model: PocoModel, device: torch.device) -> dict[str, float]:
        """Judge a network; it is put in eval mode and back.

        :returns: the values of ``COLUMNS``: MPJPE over the 24 SMPL joints relative to the pelvis, PA-MPJPE, PVE over
            the vertices of ``body`` without alignment, PCC of sigma and rotation errors pooled (NaN without sigma),
            the mean sigma, the loss, and of it the terms that train sigma.
        """
        modes = {module: module.training for module in model.modules()}
        model.eval()
        parts = []
        with torch.no_grad():
            for rows in self._rows.split(_AT_ONCE):
                batch = self._data.batch(rows).to(device)
                parts.append(self._judged(model, batch))
        for module, mode in modes.items():
            module.training = mode
        columns = {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}
        pcc, _ = metrics.pcc(columns.pop('sigma'), columns.pop('rotation')) if 'sigma' in columns else (np.nan, 0)
        return {**{name: float(values.mean()) for name, values in columns.items()}, 'val_pcc': pcc}

    def _judged(self, model: PocoModel, batch: Batch) -> dict[str, npt.NDArray[np.floating]]:
        """Numbers of each person of a batch."""
        targets = batch.targets
        prediction: Prediction = model(batch.inputs, batch.bbox_info)
        nobody = torch.zeros_like(targets.has_smpl)
        losses = self._objective.losses(model, prediction, targets, nobody)
        ours, true = self._body(prediction.rotmat, prediction.betas), self._body(targets.rotmat, targets.betas)
        joints, true_joints = (_numpy(body.joints - body.joints[:, :1]) for body in (ours, true))
        likelihood = sum(float(losses.terms[name]) for name in _LIKELIHOOD_TERMS if name in losses.terms)
        n = len(joints)
        judged = {
            'val_mpjpe_mm': _MM * metrics.mpjpe(joints, true_joints),
            'val_pa_mpjpe_mm': _MM * metrics.pa_mpjpe(joints, true_joints),
            'val_pve_mm': _MM * metrics.pve(_numpy(ours.vertices), _numpy(true.vertices)),
            'val_loss': np.full(n, float(losses.total)),
            'val_likelihood': np.full(n, likelihood),
        }
        if prediction.sigma is not None:
            sigma = _numpy(joint_sigma(prediction.sigma))
            rotation = metrics.rotation_errors(_numpy(prediction.rotmat), _numpy(targets.rotmat))
            judged |= {'sigma': sigma, 'rotation': rotation, 'val_sigma': sigma.mean(axis=1)}
        return judged


def _numpy(tensor: torch.Tensor) -> npt.NDArray[np.float32]:
    return tensor.cpu().numpy()
