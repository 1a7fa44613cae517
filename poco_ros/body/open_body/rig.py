"""From MakeHuman's rig of 163 bones to SMPL's 24 joints: where the joints are, and what follows them."""

from __future__ import annotations

import numpy as np

from poco_ros.body.open_body.source import NUM_BODY_VERTICES, Floats, Ints, MakeHumanAssets
from poco_ros.body.smpl import JOINT_INDEX, JOINT_NAMES, MIRROR

_SIDES = (('l', 'left'), ('r', 'right'))  # in MakeHuman's names and in SMPL's
_TRUNK_BONES = (
    'root', 'pelvis.L', 'pelvis.R', 'spine05', 'spine04', 'spine03', 'spine02', 'spine01', 'breast.L', 'breast.R',
)  # fmt: skip
# Half widths, in metres, of the heights over which one trunk joint hands over to the next.
_HANDOVER = (('spine1', 0.07), ('spine2', 0.06), ('spine3', 0.07))
_NOT_WEIGHED = 1e-4


def joints_in_source_pose(assets: MakeHumanAssets, vertices: Floats) -> Floats:
    """Return SMPL's joints in MakeHuman's A-pose, from the centres of its helper cubes.

    Offsets are for a stature of 1.70 m and grow with the person.

    :param vertices: (19158, 3) of one person.
    :returns: (24, 3) metres.
    """
    scale = np.ptp(vertices[:NUM_BODY_VERTICES, 1]) / 1.70

    def cube(name: str) -> Floats:
        return assets.centre(vertices, f'joint-{name}')

    def offset(y: float, z: float) -> Floats:
        scaled: Floats = np.array([0, y, z]) * scale
        return scaled

    joints: dict[str, Floats] = {}
    # SMPL's hips are lower and closer together than MakeHuman's.
    middle = (cube('l-upper-leg') + cube('r-upper-leg')) / 2
    for s, side in _SIDES:
        joints[f'{side}_hip'] = middle + (cube(f'{s}-upper-leg') - middle) * 0.68 + offset(-0.035, 0.008)
        joints[f'{side}_knee'] = cube(f'{s}-knee') + offset(-0.010, 0)
        joints[f'{side}_ankle'] = cube(f'{s}-ankle')
        joints[f'{side}_foot'] = cube(f'{s}-foot-1')
        collar = 0.35 * cube(f'{s}-clavicle') + 0.65 * cube(f'{s}-scapula')
        joints[f'{side}_collar'] = collar + offset(-0.035, -0.030)
        joints[f'{side}_shoulder'] = cube(f'{s}-shoulder') + offset(0, -0.020)
        joints[f'{side}_elbow'] = cube(f'{s}-elbow')
        joints[f'{side}_wrist'] = cube(f'{s}-hand')
        knuckles = (cube(f'{s}-finger-2-1') + cube(f'{s}-finger-3-1') + cube(f'{s}-finger-4-1')) / 3
        joints[f'{side}_hand'] = 0.1 * cube(f'{s}-hand') + 0.9 * knuckles
    joints['pelvis'] = (joints['left_hip'] + joints['right_hip']) / 2 + offset(0.090, 0.007)
    joints['spine1'] = cube('spine-3') + offset(0, 0.006)
    joints['spine2'] = 0.68 * cube('spine-2') + 0.32 * cube('spine-1') + offset(0, 0.010)
    joints['spine3'] = 0.33 * cube('spine-2') + 0.67 * cube('spine-1') + offset(0, 0.036)
    joints['neck'] = cube('neck') + offset(-0.010, -0.022)
    joints['head'] = 0.52 * cube('neck') + 0.48 * cube('head') + offset(0, 0.004)
    return np.stack([joints[name] for name in JOINT_NAMES])


def merged_weights(bone_weights: dict[str, Floats], heights: Floats, joints: Floats) -> Floats:
    """Return the weights of MakeHuman's bones summed into SMPL's joints.

    The bones of limbs, neck and head are summed. The trunk's are summed together and split anew at the heights of
    the new joints, since MakeHuman's spine has other joints than SMPL's.

    :param bone_weights: (V,) by bone.
    :param heights: (V,) y of the vertices of the neutral person.
    :param joints: (24, 3) of the same person.
    :returns: (V, 24).
    """
    merged = np.zeros((len(heights), 24))
    rest = set(bone_weights) - set(_TRUNK_BONES)
    for side, s in (('left', '.L'), ('right', '.R')):
        metacarpals = [f'metacarpal{k}{s}' for k in (1, 2, 3, 4)]
        fingers = [b for b in bone_weights if b.startswith('finger') and b.endswith(s) and b != f'finger1-1{s}']
        for joint, bones in (
            ('hip', [f'upperleg01{s}', f'upperleg02{s}']),
            ('knee', [f'lowerleg01{s}', f'lowerleg02{s}']),
            ('ankle', [f'foot{s}']),
            ('foot', [b for b in bone_weights if b.startswith('toe') and b.endswith(s)]),
            ('collar', [f'clavicle{s}', f'shoulder01{s}']),
            ('shoulder', [f'upperarm01{s}', f'upperarm02{s}']),
            ('elbow', [f'lowerarm01{s}', f'lowerarm02{s}']),
            ('wrist', [f'wrist{s}', *metacarpals, f'finger1-1{s}']),
            ('hand', fingers),
        ):
            for bone in bones:
                merged[:, JOINT_INDEX[f'{side}_{joint}']] += bone_weights[bone]
            rest -= set(bones)
    for bone in ('neck01', 'neck02'):
        merged[:, JOINT_INDEX['neck']] += bone_weights[bone]
        rest.discard(bone)
    for bone in bone_weights:  # neck03, head, jaw, face, eyes, tongue
        if bone in rest:
            merged[:, JOINT_INDEX['head']] += bone_weights[bone]
    trunk = sum((bone_weights[bone] for bone in _TRUNK_BONES), np.zeros(len(heights)))
    for joint, share in _trunk_shares(heights, joints).items():
        merged[:, JOINT_INDEX[joint]] += trunk * share
    return merged


def _trunk_shares(heights: Floats, joints: Floats) -> dict[str, Floats]:
    """Return each trunk joint's part of the trunk's weight, by smooth steps at the joints' heights."""
    above = [np.ones(len(heights))]
    for joint, half_width in _HANDOVER:
        t = np.clip((heights - joints[JOINT_INDEX[joint], 1]) / (2 * half_width) + 0.5, 0, 1)
        above.append(t * t * (3 - 2 * t) * above[-1])
    above.append(np.zeros(len(heights)))
    names = ('pelvis', *(joint for joint, _ in _HANDOVER))
    return {name: above[i] - above[i + 1] for i, name in enumerate(names)}


def four_largest(weights: Floats) -> Floats:
    """Keep the four largest weights of each vertex, and make them sum to 1.

    :param weights: (V, 24).
    :returns: (V, 24).
    """
    kept = weights.copy()
    np.put_along_axis(kept, np.argsort(-weights, 1)[:, 4:], 0, 1)
    kept[kept < _NOT_WEIGHED] = 0
    result: Floats = kept / kept.sum(1, keepdims=True)
    return result


def symmetrised(weights: Floats, mirror: Ints) -> Floats:
    """Return the mean of the weights and of their mirror image.

    :param weights: (V, 24).
    :param mirror: (V,) partner of each vertex.
    :returns: (V, 24).
    """
    symmetric: Floats = (weights + weights[mirror][:, MIRROR]) / 2
    return symmetric
