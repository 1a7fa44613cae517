"""Many random adults in the T-pose, and the few directions in which they differ."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from poco_ros.body.open_body.rig import joints_in_source_pose
from poco_ros.body.open_body.shape import random_person, shaped
from poco_ros.body.open_body.source import NUM_BODY_VERTICES, Floats, MakeHumanAssets
from poco_ros.body.open_body.tpose import unposed, unposing_rotations
from poco_ros.body.smpl import JOINT_INDEX
from poco_ros.types import NUM_BETAS

_PELVIS = np.array([0, -0.22, 0.03])
"""Where the pelvis of every body is put, in metres: near where SMPL has it."""


@dataclass(frozen=True)
class Population:
    """S bodies in the T-pose.

    :param vertices: (S, 13380, 3) float32 skin, metres.
    :param joints: (S, 24, 3).
    :param left_hip: (S, 3) the anatomical hip joint.
    :param left_shoulder: (S, 3) the anatomical shoulder joint.
    :param fatness: (S,) :attr:`Person.fatness`.
    """

    vertices: Floats
    joints: Floats
    left_hip: Floats
    left_shoulder: Floats
    fatness: Floats

    @property
    def statures(self) -> Floats:
        """(S,) metres."""
        statures: Floats = np.ptp(self.vertices[:, :, 1], axis=1)
        return statures


def sampled_population(assets: MakeHumanAssets, weights: Floats, size: int, rng: np.random.Generator) -> Population:
    """Draw adults and take each to the T-pose.

    :param weights: (19158, 26) of :func:`poco_ros.body.open_body.tpose.with_forearm_halves`.
    """
    skin = slice(0, NUM_BODY_VERTICES)
    vertices, fatness = np.empty((size, NUM_BODY_VERTICES, 3), np.float32), np.empty(size)
    joints, hips, shoulders = np.empty((size, 24, 3)), np.empty((size, 3)), np.empty((size, 3))
    for i in range(size):
        person = random_person(rng)
        source = shaped(assets, person)
        source_joints = joints_in_source_pose(assets, source)
        rotations = unposing_rotations(assets, source, source_joints)
        rest, rest_joints = unposed(source[skin], source_joints, weights[skin], rotations)
        shift = _PELVIS - rest_joints[0]
        vertices[i], joints[i], fatness[i] = rest + shift, rest_joints + shift, person.fatness
        for places, cube, parent in ((hips, 'upper-leg', 'pelvis'), (shoulders, 'shoulder', 'left_collar')):
            p = JOINT_INDEX[parent]
            from_parent = assets.centre(source, f'joint-l-{cube}') - source_joints[p]
            places[i] = joints[i, p] + rotations[p] @ from_parent
    return Population(vertices, joints, hips, shoulders, fatness)


def shape_space(population: Population) -> tuple[Floats, Floats, Floats]:
    """Return the principal components of a population, scaled so that the coefficients have unit variance.

    A component's sign is such that more of it means taller, or fatter where it has more to do with that.

    :returns: mean (V, 3), directions (V, 3, 10) in metres per unit, and the share of the variance that each of the
        10 explains.
    """
    size = len(population.vertices)
    mean = population.vertices.mean(0)
    deviations = (population.vertices - mean).reshape(size, -1).astype(np.float64)
    # With fewer bodies than coordinates the bodies' own products have the same spectrum and are far smaller.
    variances, vectors = np.linalg.eigh(deviations @ deviations.T)
    order = np.argsort(-variances)[:NUM_BETAS]
    scores = vectors[:, order] * np.sqrt(size)
    for score in scores.T:
        by_stature = np.corrcoef(score, population.statures)[0, 1]
        by_fatness = np.corrcoef(score, population.fatness)[0, 1]
        if (by_stature if abs(by_stature) > abs(by_fatness) else by_fatness) < 0:
            score *= -1
    directions = (scores.T @ deviations / size).reshape(NUM_BETAS, -1, 3).transpose(1, 2, 0)
    return mean.astype(float), directions, variances[order] / variances.sum()
