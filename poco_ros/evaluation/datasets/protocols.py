"""What the field measures on each data set: which joints, and where the truth comes from (SPEC section 14)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from poco_ros.errors import ConfigError, DatasetError
from poco_ros.evaluation import metrics

Array = npt.NDArray[np.float64]

H36M_JOINTS = 17
"""Rows of the user's regressor of Human3.6M's joints."""
STORED_JOINTS = 24
_H36M_14 = (6, 5, 4, 1, 2, 3, 16, 15, 14, 11, 12, 13, 8, 10)
_STORED_14 = (*range(13), 18)
_HIPS = (2, 3)
#: The middle of the hips lies this near to the pelvis in everybody.
_FARTHEST_HIPS_M = 0.3
_MM = 1e3

# Zhang et al., Object-Occluded Human Shape and Pose Estimation from a Single Color Image, CVPR 2020.
_OCCLUDED_STEMS = (
    'courtyard_backpack', 'courtyard_basketball', 'courtyard_bodyScannerMotions', 'courtyard_box', 'courtyard_golf',
    'courtyard_jacket', 'courtyard_laceShoe', 'downtown_stairs', 'flat_guitar', 'flat_packBags', 'outdoors_climbing',
    'outdoors_crosscountry', 'outdoors_fencing', 'outdoors_freestyle', 'outdoors_golf', 'outdoors_parcours',
    'outdoors_slalom',
)  # fmt: skip


@dataclass(frozen=True)
class Protocol:
    """How one data set is measured.

    :param name: as the user gives it.
    :param gendered: whether the truth are the vertices of male and female SMPL; else it is the stored joints, and
        there are no true vertices.
    :param h36m: which of Human3.6M's 17 joints are measured.
    :param stored: the same joints among the 24 that are stored.
    :param stems: sequences whose names begin so make up the set; empty: all.
    """

    name: str
    gendered: bool
    h36m: tuple[int, ...] = _H36M_14
    stored: tuple[int, ...] = _STORED_14
    stems: tuple[str, ...] = ()

    def predicted_joints(self, vertices: npt.ArrayLike, regressor: npt.ArrayLike) -> Array:
        """Return the joints that are measured, relative to the pelvis.

        :param vertices: (N, V, 3) metres.
        :param regressor: (17, V).
        :returns: (N, J, 3) metres.
        """
        joints = np.einsum('jv,nvc->njc', np.asarray(regressor, np.float64), np.asarray(vertices, np.float64))
        return np.asarray((joints - joints[:, :1])[:, list(self.h36m)])

    def stored_joints(self, stored: npt.ArrayLike) -> Array:
        """Return the same joints of the truth as it is stored; a joint without confidence is NaN.

        :param stored: (N, 24, 3 or 4) metres, relative to the pelvis, and a confidence.
        :returns: (N, J, 3) metres.
        :raises DatasetError: when the joints are not relative to the pelvis.
        """
        points = np.asarray(stored, np.float64)
        middle = points[:, list(_HIPS), :3].mean(axis=1)
        away = np.linalg.norm(middle, axis=1) > _FARTHEST_HIPS_M
        if away.any():
            raise DatasetError(
                f'the joints of {int(away.sum())} of {len(points)} samples, first of number {int(np.argmax(away))}, '
                'are not relative to the pelvis in metres, as evaluation files have them')
        chosen = points[:, list(self.stored)]
        known = chosen[..., 3:] > 0 if points.shape[2] == 4 else np.ones_like(chosen[..., :1], np.bool_)
        return np.where(known, chosen[..., :3], np.nan)


_ALL = (
    Protocol('3dpw', gendered=True),
    Protocol('3dpw-occ', gendered=True, stems=_OCCLUDED_STEMS),
    Protocol('3doh50k', gendered=False),
    Protocol('h36m', gendered=False),
    Protocol('mpi-inf-3dhp', gendered=False, h36m=(*_H36M_14, 0, 7, 9), stored=(*_STORED_14, 14, 16, 17)),
)
PROTOCOLS: Mapping[str, Protocol] = {protocol.name: protocol for protocol in _ALL}
"""The data sets by name."""


def find_protocol(name: str) -> Protocol:
    """Return a protocol by name.

    :raises ConfigError: when there is none.
    """
    if name not in PROTOCOLS:
        raise ConfigError(f'--dataset must be one of {", ".join(PROTOCOLS)}, not {name!r}')
    return PROTOCOLS[name]


def body_errors_mm(
    predicted: npt.ArrayLike, target: npt.ArrayLike, vertices: npt.ArrayLike, true_vertices: npt.ArrayLike | None,
) -> tuple[Array, Array, Array]:
    """Return PVE, MPJPE and PA-MPJPE of N bodies, mm each.

    Where the truth lacks a joint, MPJPE is over the others, and PA-MPJPE is not known.

    :param predicted: (N, J, 3) metres, relative to the pelvis.
    :param target: (N, J, 3), the same.
    :param vertices: (N, V, 3) metres.
    :param true_vertices: (N, V, 3); None where there are none: PVE is then NaN (the published code counts 0).
    """
    distances = metrics.point_errors(predicted, target)
    known = np.isfinite(distances)
    total = np.where(known, distances, 0).sum(axis=1)
    mpjpe = np.where(known.any(axis=1), total / np.maximum(known.sum(axis=1), 1), np.nan)
    pve = np.full(len(distances), np.nan) if true_vertices is None else metrics.pve(vertices, true_vertices)
    pa_mpjpe = metrics.pa_mpjpe(predicted, target)
    return _mm(pve), _mm(mpjpe), _mm(pa_mpjpe)


def _mm(metres: npt.NDArray[np.floating]) -> Array:
    return _MM * metres.astype(np.float64)
