"""POCO-Lift as the node runs it: bodies placed by the true camera and moved onto the landmarks, or none at all."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping
from dataclasses import replace

import numpy as np
import pytest
from compiled_fakes import FakeEngine, record
from lift_networks import exported_lift
from lift_scenes import CAMERA, Scene, hidden, perfect_landmarks, random_poses, scene
from lift_scenes import people as people_of

from poco_ros.body.model import BodyModel
from poco_ros.body.model_file import load_body_model
from poco_ros.body.rotations import axis_angle_to_matrix, geodesic_angle
from poco_ros.engine.base import Array, TensorSpec
from poco_ros.engine.options import EngineOptions
from poco_ros.errors import ConfigError
from poco_ros.networks.variants import POCO_LIFT
from poco_ros.regressors.base import Regressor
from poco_ros.regressors.lift.seen_landmarks import intrinsics_of
from poco_ros.regressors.poco_lift.observation import FEATURE_SIZE, LOCAL_SIZE, D, observe
from poco_ros.regressors.poco_lift.regressor import Agreeing, PocoLift
from poco_ros.types import Bodies, Landmarks, People, State

N = 10
INPUTS = (TensorSpec('observation', (-1, D), 'float32'), TensorSpec('bbox_info', (-1, 3), 'float32'))
LIFT = {'variant': POCO_LIFT, 'name': 'poco_lift', 'inputs': INPUTS, 'crop_size': None, 'box_padding': None,
        'focal_rule': 'camera'}


@pytest.fixture(scope='module')
def body() -> BodyModel:
    return load_body_model()


@pytest.fixture(scope='module')
def truth(body: BodyModel) -> Scene:
    return scene(body, random_poses(N, 41), 41)


def people(landmarks: Landmarks) -> People:
    features = np.random.default_rng(0).normal(size=(len(landmarks), FEATURE_SIZE)).astype(np.float32)
    local = np.random.default_rng(1).normal(size=(len(landmarks), 33, LOCAL_SIZE)).astype(np.float32)
    return replace(people_of(landmarks), features=features, local_features=local)


def cameras_of(truth: Scene, body: BodyModel, landmarks: Landmarks) -> np.ndarray:
    """The (s, tx, ty) that a perfect network would give, by the formula of the place: solved for s, tx, ty."""
    ideal = truth.camera.undistort_points(landmarks.image_px.astype(float))
    nothing = np.zeros((N, FEATURE_SIZE), np.float32), np.zeros((N, 33, LOCAL_SIZE), np.float32)
    squares = observe(landmarks, *nothing, ideal, intrinsics_of(truth.camera)).squares
    c = truth.camera
    transl = truth.joints[:, 0] - body.rest_joints(truth.betas)[:, 0]
    s = 2 * np.sqrt(c.fx * c.fy) / (transl[:, 2] * squares[:, 2])
    shift = (squares[:, :2] - np.array([c.cx, c.cy])) * transl[:, 2:] / np.array([c.fx, c.fy])
    return np.column_stack([s, transl[:, :2] - shift]).astype(np.float32)


def perfect(truth: Scene, body: BodyModel, landmarks: Landmarks | None = None, **changes: np.ndarray) -> FakeEngine:
    """An engine that knows the truth, whatever it is fed."""
    answer = {
        'rotmat': truth.rotmats, 'betas': truth.betas, 'cam': cameras_of(truth, body, landmarks or truth.landmarks),
        'joints': body.joints(truth.rotmats, truth.betas), 'sigma': np.full((N, 24), 0.1),
        'uncertainty': np.linspace(0.1, 0.3, N), 'features': np.arange(N * 4).reshape(N, 4),
    } | changes
    outputs = {name: np.asarray(array, np.float32) for name, array in answer.items()}
    return engine_of(lambda feeds: {name: array[: len(feeds['observation'])] for name, array in outputs.items()})


def engine_of(answer: Callable[[Mapping[str, Array]], dict[str, Array]]) -> FakeEngine:
    engine = FakeEngine(answer)
    engine.inputs = INPUTS
    return engine


def lift(engine: FakeEngine, body: BodyModel, agreeing: Agreeing | None = None) -> PocoLift:
    return PocoLift(dataclasses.replace(record(body), **LIFT), engine, body, agreeing)


def run(truth: Scene, engine: FakeEngine, body: BodyModel, landmarks: Landmarks | None = None, *,
        agreeing: Agreeing | None = None) -> Bodies:
    return lift(engine, body, agreeing).regress(truth.frame, people(landmarks or truth.landmarks))


def test_a_perfect_network_loses_little_when_its_pose_is_fitted(truth: Scene, body: BodyModel) -> None:
    """To what people usually do not do: its sigma says that it errs."""
    apart = np.linalg.norm(run(truth, perfect(truth, body), body).joints - truth.joints, axis=-1)
    assert apart.mean() < 0.02 and apart.max() < 0.06


@pytest.mark.parametrize('agreeing', [Agreeing(0, 0), Agreeing(2, 0)])
def test_a_perfect_network_gives_the_true_bodies(truth: Scene, body: BodyModel, agreeing: Agreeing) -> None:
    bodies = run(truth, perfect(truth, body), body, agreeing=agreeing)
    np.testing.assert_array_equal(bodies.state, State.OBSERVED)
    np.testing.assert_allclose(bodies.joints, truth.joints, atol=3e-3)
    assert geodesic_angle(axis_angle_to_matrix(bodies.pose), truth.rotmats).max() < 1e-3
    # Pose, betas and transl make the joints.
    np.testing.assert_allclose(body.joints(bodies.pose, bodies.betas, bodies.transl), bodies.joints, atol=1e-4)
    np.testing.assert_allclose(bodies.joint_uncertainty, 0.1)
    np.testing.assert_allclose(bodies.uncertainty, np.linspace(0.1, 0.3, N), rtol=1e-6)
    assert np.isnan(bodies.confidence).all() and np.isnan(bodies.joint_error_mm).all()


def test_a_lens_with_distortion_gives_the_same_bodies(truth: Scene, body: BodyModel) -> None:
    lens = replace(CAMERA, distortion=np.array([-0.25, 0.07, 0.001, -0.0005]), distortion_model='plumb_bob')
    there = replace(truth, camera=lens, landmarks=perfect_landmarks(truth.points, lens))
    bodies = run(there, perfect(there, body), body, agreeing=Agreeing(0, 0))
    np.testing.assert_allclose(bodies.joints, truth.joints, atol=5e-3)


def test_the_network_is_shown_what_was_observed(truth: Scene, body: BodyModel) -> None:
    engine = perfect(truth, body)
    given = people(truth.landmarks)
    lift(engine, body).regress(truth.frame, given)
    expected = observe(truth.landmarks, given.features, given.local_features, truth.landmarks.image_px,
                       intrinsics_of(CAMERA))
    np.testing.assert_array_equal(engine.calls[0]['observation'], expected.vector)
    np.testing.assert_array_equal(engine.calls[0]['bbox_info'], expected.bbox_info)


def test_a_body_that_stands_wrong_is_moved_onto_the_landmarks(truth: Scene, body: BodyModel) -> None:
    cam = cameras_of(truth, body, truth.landmarks) * np.float32([0.9, 1, 1]) + np.float32([0, 0.05, -0.05])
    found = [run(truth, perfect(truth, body, cam=cam), body, agreeing=a) for a in (Agreeing(0, 0), Agreeing(2, 0))]
    apart = [np.linalg.norm(bodies.joints - truth.joints, axis=-1).mean() for bodies in found]
    assert apart[0] > 0.1 and apart[1] < 0.02


def test_a_wrong_arm_is_mended_only_where_that_is_asked_for(truth: Scene, body: BodyModel) -> None:
    wrong = truth.rotmats.copy()
    wrong[:, 16] = wrong[:, 16] @ axis_angle_to_matrix(np.array([0, 0, 0.4]))
    sigma = np.full((N, 24), 0.05)
    sigma[:, 16] = 0.5
    engine = perfect(truth, body, rotmat=wrong, joints=body.joints(wrong, truth.betas), sigma=sigma)
    plain, refined = (run(truth, engine, body, agreeing=a).joints for a in (Agreeing(2, 0), Agreeing()))
    apart = [np.linalg.norm(j - truth.joints, axis=-1)[:, 20].mean() for j in (plain, refined)]
    assert apart[1] < apart[0] / 2


@pytest.mark.parametrize('field', ['image_px', 'world_m', 'visibility', 'presence', 'score'])
@pytest.mark.parametrize('value', [np.nan, np.inf])
def test_person_of_whom_nothing_is_known_is_lost_and_harms_nobody_else(
    truth: Scene, body: BodyModel, field: str, value: float
) -> None:
    broken = getattr(truth.landmarks, field).copy()
    broken[1] = value
    bodies = run(truth, perfect(truth, body), body, replace(truth.landmarks, **{field: broken}))
    clean = run(truth, perfect(truth, body), body)
    others = [row for row in range(N) if row != 1]
    for name in ('pose', 'betas', 'transl', 'joints', 'joint_uncertainty', 'uncertainty'):
        np.testing.assert_array_equal(getattr(bodies, name)[others], getattr(clean, name)[others], name)
        assert np.isnan(getattr(bodies, name)[1]).all(), name
    assert bodies.state[1] == State.LOST and (bodies.joint_state[1] == State.LOST).all()


@pytest.mark.parametrize(('name', 'value'), [
    ('rotmat', np.nan), ('betas', np.inf), ('cam', -1.0), ('cam', np.nan), ('joints', np.nan), ('rotmat', 0.0),
    ('sigma', np.nan),
])  # fmt: skip
def test_outputs_that_are_no_body_make_none(truth: Scene, body: BodyModel, name: str, value: float) -> None:
    engine = perfect(truth, body)
    plain = engine.answer

    def spoilt(feeds: Mapping[str, Array]) -> dict[str, Array]:
        found = plain(feeds)
        found[name] = found[name].copy()
        found[name][3] = value
        return found

    bodies = run(truth, engine_of(spoilt), body, agreeing=Agreeing(2, 2))
    assert np.flatnonzero(bodies.state == State.LOST).tolist() == [3]
    assert np.isnan(bodies.joints[3]).all() and np.isfinite(bodies.joints[:3]).all()


def test_hidden_joints_are_unknown_but_have_the_networks_pose(truth: Scene, body: BodyModel) -> None:
    marks = hidden(truth.landmarks, ['left_elbow', 'left_wrist', 'left_index', 'left_pinky', 'left_thumb'], 0.02, 0.9)
    bodies, clean = (
        run(truth, perfect(truth, body), body, m, agreeing=Agreeing(2, 0)) for m in (marks, truth.landmarks)
    )
    assert (bodies.joint_state[:, [18, 20, 22]] == State.UNKNOWN).all()
    assert np.isnan(bodies.joint_age[:, [18, 20, 22]]).all()
    assert (bodies.joint_state[:, [0, 15, 17, 19]] == State.OBSERVED).all()
    np.testing.assert_allclose(bodies.pose, clean.pose, atol=1e-6)


def test_landmarks_of_no_person_are_not_believed(truth: Scene, body: BodyModel) -> None:
    order = np.random.default_rng(0).permuted(np.tile(np.arange(33), (N, 1)), axis=1)
    scrambled = replace(
        truth.landmarks, image_px=np.take_along_axis(truth.landmarks.image_px, order[..., None], axis=1))
    assert (run(truth, perfect(truth, body), body, scrambled).state == State.LOST).all()


def test_evidence_is_what_was_seen_and_what_the_heads_read(truth: Scene, body: BodyModel) -> None:
    marks = hidden(truth.landmarks, ['left_ankle'], 0.0, 0.5)
    _, evidence = lift(perfect(truth, body), body).regress_with_evidence(truth.frame, people(marks))
    np.testing.assert_array_equal(evidence.features, np.arange(N * 4).reshape(N, 4))
    assert (evidence.seen[:, [4, 7]] == 0).all() and (evidence.seen[:, [5, 8]] == 1).all()


@pytest.mark.parametrize('missing', ['landmarks', 'features', 'local_features'])
def test_people_without_what_it_reads_are_refused(truth: Scene, body: BodyModel, missing: str) -> None:
    with pytest.raises(ConfigError, match='these people come without'):
        lift(perfect(truth, body), body).regress(truth.frame, replace(people(truth.landmarks), **{missing: None}))


def test_networks_that_do_not_fit_are_refused(truth: Scene, body: BodyModel) -> None:
    plain = dataclasses.replace(record(body), **LIFT)
    for changes, words in (
        ({'body_model_sha256': 'e' * 64}, 'was exported for the body model'),
        ({'inputs': (TensorSpec('observation', (-1, 99), 'float32'), INPUTS[1])}, 'train and export it anew'),
    ):
        with pytest.raises(ConfigError, match=words):
            PocoLift(dataclasses.replace(plain, **changes), perfect(truth, body), body)


def test_an_exported_network_runs_and_says_what_it_is(truth: Scene, body: BodyModel) -> None:
    folder, made = exported_lift()
    regressor: Regressor = PocoLift.load(folder, body, EngineOptions(engine='openvino', threads=1))
    info = regressor.info
    assert (info.model, info.weights_hash) == ('tiny_lift', made.weights_sha256)
    assert info.engine.startswith('openvino ') and info.uncertainty_definition and regressor.needs_landmarks
    bodies = regressor.regress(truth.frame, people(truth.landmarks))
    assert len(bodies) == N and bodies.track_id.tolist() == list(range(1, N + 1))
    known = bodies.state == State.OBSERVED
    assert np.isfinite(bodies.joints[known]).all() and np.isnan(bodies.joints[~known]).all()
    for row in (0, 7):
        one = people(truth.landmarks)
        alone = People(one.boxes.take([row]), one.landmarks.take([row]), one.features[[row]], one.local_features[[row]])
        np.testing.assert_allclose(regressor.regress(truth.frame, alone).joints[0], bodies.joints[row], atol=1e-5)
    nobody = replace(people(Landmarks.empty()), boxes=people(truth.landmarks).boxes.take([]))
    assert len(regressor.regress(truth.frame, nobody)) == 0
