"""How far to trust bodies, joints and vertices, as one number in [0, 1] to be coloured, and in honest words."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from poco_ros.types import Bodies, Domain, State

#: Expected joint error at which nothing of the trust is left, in millimetres: a joint that is an upper arm's length off
#: belongs to another pose.
NO_TRUST_ERROR_MM = 300.0

Floats = npt.NDArray[np.float32]


def is_calibrated(bodies: Bodies) -> npt.NDArray[np.bool_]:
    """Return whether a calibration stands behind each body, (N,).

    Errors of joints that are not observed are stated in any case, by how far people get in the meantime; those of
    observed joints only by a calibration.
    """
    stated, observed = np.isfinite(bodies.joint_error_mm), bodies.joint_state == State.OBSERVED
    return np.where(observed.any(axis=1), (stated & observed).any(axis=1), stated.any(axis=1))


def body_trust(bodies: Bodies) -> Floats:
    """Return how far to trust each body.

    :returns: (N,) float32 in [0, 1]: the calibrated confidence where there is one; without a calibration 1 -
        uncertainty as the model defines it (clipped); else NaN. 0 for a body that is lost.
    """
    without = np.where(is_calibrated(bodies), np.nan, 1.0 - bodies.uncertainty)
    trust = np.where(np.isfinite(bodies.confidence), bodies.confidence, without)
    return _clip(np.where(bodies.state == State.LOST, 0.0, trust))


def joint_trust(bodies: Bodies) -> Floats:
    """Return how far to trust each joint.

    :returns: (N, 24) float32 in [0, 1]: from the calibrated error where there is one (1 at 0 mm, 0 at
        ``NO_TRUST_ERROR_MM``); of a body without a calibration 1 - uncertainty as the model defines it (clipped); else
        the trust in the body, else NaN. 0 for a joint that is lost.
    """
    own = np.where(is_calibrated(bodies)[:, None], np.nan, 1.0 - bodies.joint_uncertainty)
    trust = np.where(np.isfinite(bodies.joint_error_mm), 1.0 - bodies.joint_error_mm / NO_TRUST_ERROR_MM, own)
    trust = np.where(np.isfinite(trust), trust, body_trust(bodies)[:, None])
    return _clip(np.where(bodies.joint_state == State.LOST, 0.0, trust))


def vertex_trust(weights: npt.NDArray[Any], trust: npt.NDArray[Any]) -> Floats:
    """Return how far to trust each vertex: the trust in its joints, weighted as they move it.

    :param weights: (V, 24) skinning weights, rows add up to 1.
    :param trust: (N, 24), NaN where unknown.
    :returns: (N, V) float32; NaN where most of the weight lies on joints of unknown trust.
    """
    known = np.isfinite(trust)
    share = known.astype(np.float32) @ weights.T
    total = np.where(known, trust, 0.0).astype(np.float32) @ weights.T
    return np.where(share > 0.5, total / np.maximum(share, 0.5), np.nan).astype(np.float32)


def trust_words(bodies: Bodies, index: int) -> str:
    """Return what is known about a body in words that do not claim more than the numbers do.

    :returns: ``confidence 0.87`` only where a calibration stands behind it, without one ``uncertainty 0.13
        (uncalibrated)``, else ``confidence unknown``, as while joints are lost.
    """
    if np.isfinite(bodies.confidence[index]):
        return f'confidence {bodies.confidence[index]:.2f}'
    if np.isfinite(bodies.uncertainty[index]) and not is_calibrated(bodies)[index]:
        return f'uncertainty {bodies.uncertainty[index]:.2f} (uncalibrated)'
    return 'confidence unknown'


def state_words(bodies: Bodies, index: int) -> str:
    """Return the body's state and domain where they are worth a word: ``held``, ``lost, out of domain``, ``''``.

    Where only some joints are in the body's (worst) state, their number is told: ``6 joints lost``.
    """
    state = int(bodies.state[index])
    words = [] if state in (State.UNKNOWN, State.OBSERVED) else [State(state).name.lower()]
    joints = int((bodies.joint_state[index] == state).sum())
    if words and 0 < joints < bodies.joint_state.shape[1]:
        words = [f'{joints} joint{"s" if joints > 1 else ""} {words[0]}']
    if bodies.in_domain[index] == Domain.OUT:
        words.append('out of domain')
    return ', '.join(words)


def _clip(trust: npt.NDArray[Any]) -> Floats:
    """Return values in [0, 1] as float32; NaN stays."""
    clipped: Floats = np.clip(trust, 0.0, 1.0).astype(np.float32)
    return clipped
