"""Streams of made-up bodies for the tests of the temporal stage."""

import dataclasses

import numpy as np

from poco_ros.body.kinematics import forward_kinematics
from poco_ros.body.rotations import axis_angle_to_matrix
from poco_ros.evaluation.infill.skeleton import REST_JOINTS
from poco_ros.types import Bodies

PERIOD_NS = 33_333_333


def walking(time, n=1, first_id=1):
    """n bodies that swing arms and legs and walk along x, trusted, at a time in seconds."""
    pose = np.zeros((n, 24, 3))
    phase = 2 * np.pi * time + np.arange(n)
    pose[:, [1, 2], 0] = 0.5 * np.stack([np.sin(phase), -np.sin(phase)], 1)
    pose[:, [16, 17], 0] = 0.4 * np.stack([-np.sin(phase), np.sin(phase)], 1)
    pose[:, 4, 0] = 0.3 + 0.3 * np.cos(phase)
    transl = np.stack([0.8 * time + 0 * phase, 0 * phase, 4.0 + 2.0 * np.arange(n)], 1)
    return posed(pose, transl, np.arange(first_id, first_id + n))


def posed(pose, transl, ids, uncertainty=0.2, betas=0.0):
    """Bodies of the benchmark's skeleton."""
    n = len(pose)
    bodies = Bodies.unknown(n)
    joints = forward_kinematics(axis_angle_to_matrix(np.asarray(pose, float)), REST_JOINTS[None])[0] + transl[:, None]
    for name, value in (('track_id', ids), ('pose', pose), ('betas', betas), ('transl', transl), ('joints', joints),
                        ('uncertainty', uncertainty), ('joint_uncertainty', uncertainty), ('box_px', 1.0)):
        getattr(bodies, name)[...] = value
    return bodies


def doubted(bodies, joints=slice(None), uncertainty=0.95):
    """The same bodies, some joints not to be trusted."""
    u = bodies.joint_uncertainty.copy()
    u[:, joints] = uncertainty
    return dataclasses.replace(bodies, joint_uncertainty=u, uncertainty=u.mean(axis=1))


def feed(stream, frames, start=0, period=PERIOD_NS):
    """Push frames (Bodies or None for a missing one); returns the outputs by stream."""
    live, infilled = [], []
    for k, bodies in enumerate(frames, start):
        if bodies is not None:
            out = stream.push(bodies, k * period)
            live += [out.live] if out.live else []
            infilled += out.infilled
    return live, infilled


def walk(n, gap=(), joints=slice(None), people=1):
    return [doubted(b, joints) if k in gap else b for k, b in ((k, walking(k / 30, people)) for k in range(n))]


def numbers(frames):
    return [round(f.stamp_ns / PERIOD_NS) for f in frames]
