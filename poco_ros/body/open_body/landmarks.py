"""Vertices at anatomical points, and their places in the order of SMPL's vertices."""

from __future__ import annotations

import numpy as np

from poco_ros.body.open_body.source import NUM_BODY_VERTICES, Floats, Ints, MakeHumanAssets

SMPL_VERTEX = {
    'nose': 332, 'reye': 6260, 'leye': 2800, 'rear': 4071, 'lear': 583,
    'rthumb': 6191, 'rindex': 5782, 'rmiddle': 5905, 'rring': 6016, 'rpinky': 6133,
    'lthumb': 2746, 'lindex': 2319, 'lmiddle': 2445, 'lring': 2556, 'lpinky': 2673,
    'LBigToe': 3216, 'LSmallToe': 3226, 'LHeel': 3387, 'RBigToe': 6617, 'RSmallToe': 6624, 'RHeel': 6787,
}  # fmt: skip
"""The vertex numbers at which software made for SMPL expects these points (SPEC section 12)."""

_FINGERS = ('thumb', 'index', 'middle', 'ring', 'pinky')
_TOES = ((1, 3, 'BigToe'), (5, 4, 'SmallToe'))  # MakeHuman's number of the toe, its last joint, our name


def find_landmarks(assets: MakeHumanAssets, vertices: Floats) -> dict[str, int]:
    """Find the vertex of each landmark.

    :param vertices: (19158, 3) of the neutral person in the T-pose, metres.
    :returns: the index among the skin's vertices by the names of :data:`SMPL_VERTEX`.
    """
    skin = vertices[:NUM_BODY_VERTICES]
    found: dict[str, int] = {}
    head_height = assets.centre(vertices, 'joint-head')[1]
    head = np.flatnonzero((skin[:, 1] > head_height - 0.06) & (abs(skin[:, 0]) < 0.12))
    middle = head[abs(skin[head, 0]) < 1e-6]
    below_eyes = assets.centre(vertices, 'joint-l-eye')[1] - 0.035
    found['nose'] = middle[np.argmax(skin[middle, 2] - 3 * abs(skin[middle, 1] - below_eyes))]
    for s, sign in (('l', 1), ('r', -1)):
        eye = assets.centre(vertices, f'helper-{s}-eye')
        front = head[skin[head, 2] > eye[2]]
        found[f'{s}eye'] = front[np.argmin(((skin[front] - eye)[:, :2] ** 2).sum(1))]
        found[f'{s}ear'] = head[np.argmax(sign * skin[head, 0] - 2 * abs(skin[head, 1] - eye[1] + 0.02))]
        for number, name in enumerate(_FINGERS, start=1):
            last, tip = (assets.centre(vertices, f'joint-{s}-finger-{number}-{k}') for k in (3, 4))
            found[s + name] = _furthest(skin, last, tip, 0.02)
        for number, joint, name in _TOES:
            last, tip = (assets.centre(vertices, f'joint-{s}-toe-{number}-{k}') for k in (joint - 1, joint))
            found[s.upper() + name] = _furthest(skin, last, tip, 0.025)
        ankle = assets.centre(vertices, f'joint-{s}-ankle')
        beside = (skin[:, 0] * sign > 0) & (abs(skin[:, 0] - ankle[0]) < 0.05)
        heel = np.flatnonzero(beside & (skin[:, 1] < ankle[1] - 0.035))
        found[f'{s.upper()}Heel'] = heel[np.argmin(skin[heel, 2])]
    return {name: int(vertex) for name, vertex in found.items()}


def order_with_landmarks_in_place(kept: Ints, landmarks: dict[str, int]) -> Ints:
    """Return the order of the kept vertices in which each landmark stands at its number in SMPL.

    :param kept: (V,) indices of the kept vertices, landmarks among them; V above the largest number.
    :param landmarks: vertex by name, in terms of the entries of ``kept``.
    :returns: (V,) permutation: which of ``kept`` comes at each place.
    """
    at = np.arange(len(kept))
    place = np.arange(len(kept))
    position = {int(vertex): i for i, vertex in enumerate(kept)}
    for name, wanted in SMPL_VERTEX.items():
        mover = position[landmarks[name]]
        given_up, other = place[mover], at[wanted]
        at[wanted], at[given_up] = mover, other
        place[mover], place[other] = wanted, given_up
    return at


def _furthest(skin: Floats, last: Floats, tip: Floats, radius: float) -> int:
    """Return the vertex around the tip that lies furthest in the direction of the last bone."""
    direction = (tip - last) / np.linalg.norm(tip - last)
    pool = np.flatnonzero(((skin - tip) ** 2).sum(1) < radius**2)
    return int(pool[np.argmax((skin[pool] - tip) @ direction)])
