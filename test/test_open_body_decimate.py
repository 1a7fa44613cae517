"""Decimation of spheres: what must hold of every result."""

import numpy as np
import pytest
from meshes import edge_counts, euler_characteristic, face_set, sphere, volume

from poco_ros.body.open_body.decimate import decimated, split_quads


@pytest.fixture(scope='module')
def ball():
    return sphere(3)


def assert_closed_and_symmetric(faces, kept, mirror):
    assert (edge_counts(faces) == 1).all() and euler_characteristic(faces) == 2
    assert sorted(np.unique(faces)) == list(range(len(kept))) and (np.diff(kept) > 0).all()
    position = {int(v): i for i, v in enumerate(kept)}
    new_mirror = np.array([position[int(mirror[v])] for v in kept])
    assert face_set(new_mirror[faces][:, ::-1]) == face_set(faces)


@pytest.mark.parametrize('num_kept', [200, 133, 60])
def test_a_ball_stays_a_ball(ball, num_kept):
    vertices, faces, mirror = ball
    kept, new_faces = decimated(vertices, faces, num_kept, mirror)
    assert len(kept) in (num_kept, num_kept + 1)
    assert_closed_and_symmetric(new_faces, kept, mirror)
    loss = 1 - volume(vertices[kept], new_faces) / volume(vertices, faces)
    assert 0 < loss < 7 / num_kept  # what n points on a sphere span falls short of it by a volume that goes as 1 / n


@pytest.mark.parametrize('num_kept', [22, 6])
@pytest.mark.parametrize(('subdivisions', 'seed'), [(2, 0), (2, 1), (2, 4), (3, 1), (3, 2)])
@pytest.mark.parametrize('some_are_cheap', [True, False])
def test_rough_bodies_stay_closed_and_symmetric(num_kept, subdivisions, seed, some_are_cheap):
    """On spiky bodies many collapses are impossible, some only because of their partner."""
    vertices, faces, mirror = sphere(subdivisions)
    rng = np.random.default_rng(seed)
    bumps = rng.normal(size=(len(vertices), 1))
    vertices = vertices * (1 + (0.6 if subdivisions == 2 else 0.3) * np.tanh((bumps + bumps[mirror]) / 2))
    chance = rng.random(len(vertices))
    cost_factor = np.where(chance + chance[mirror] < 1, 1e-3, 1.0) if some_are_cheap else None
    kept, new_faces = decimated(vertices, faces, num_kept, mirror, cost_factor=cost_factor)
    assert_closed_and_symmetric(new_faces, kept, mirror)


def test_a_tetrahedron_is_left_as_it_is():
    vertices = np.array([(1, 0, 0), (-1, 0, 0), (0, 1, 1), (0, 1, -1)], float)
    faces = np.array([(0, 2, 1), (0, 1, 3), (0, 3, 2), (1, 2, 3)])
    kept, new_faces = decimated(vertices, faces, 0, np.array([1, 0, 2, 3]), cost_factor=np.full(4, 1e-3))
    assert kept.tolist() == [0, 1, 2, 3] and face_set(new_faces) == face_set(faces)


def test_the_given_mesh_is_left_alone(ball):
    vertices, faces, mirror = ball
    before = faces.copy()
    decimated(vertices, faces, 100, mirror)
    np.testing.assert_array_equal(faces, before)


def test_kept_vertices_and_their_partners_stay(ball):
    vertices, faces, mirror = ball
    keep = np.random.default_rng(0).choice(len(vertices), 40, replace=False).tolist()
    kept, _ = decimated(vertices, faces, 120, mirror, keep=keep)
    assert set(keep) | set(mirror[keep].tolist()) <= set(kept.tolist())


def test_cheap_vertices_go_first(ball):
    vertices, faces, mirror = ball
    top = vertices[:, 1] > 0.5
    kept, _ = decimated(vertices, faces, len(vertices) - 40, mirror, cost_factor=np.where(top, 1e-3, 1.0))
    assert len(vertices) - len(kept) == 40
    assert top[np.setdiff1d(np.arange(len(vertices)), kept)].all()


@pytest.fixture(scope='module')
def octahedron():
    """Flat faces, each of 64 triangles."""
    vertices, faces, mirror = sphere(3)
    return vertices / abs(vertices).sum(1, keepdims=True), faces, mirror


def test_flat_faces_and_straight_edges_go_before_corners(octahedron):
    vertices, faces, mirror = octahedron
    kept, new_faces = decimated(vertices, faces, 30, mirror)
    assert len(kept) in (30, 31) and set(range(6)) <= set(kept)
    assert volume(vertices[kept], new_faces) == pytest.approx(volume(vertices, faces), rel=1e-9)


def test_vertices_go_where_the_attributes_do_not_change(octahedron):
    vertices, faces, mirror = octahedron
    noise = 10 * np.random.default_rng(0).normal(size=(len(vertices), 1))
    noise = np.where(vertices[:, 1:2] > 0, noise + noise[mirror], 0)
    kept, _ = decimated(vertices, faces, len(vertices) - 60, mirror, attributes=noise)
    assert (vertices[np.setdiff1d(np.arange(len(vertices)), kept), 1] <= 0).mean() > 0.9


@pytest.mark.parametrize('seed', range(3))
def test_faces_do_not_fold_over(octahedron, seed):
    """Faces folded over would keep the volume of a flat-faced body but add to its area."""
    vertices, faces, mirror = octahedron
    noise = 3 * np.random.default_rng(seed).normal(size=(len(vertices), 2))
    kept, new_faces = decimated(vertices, faces, 60, mirror, attributes=noise + noise[mirror])

    def area(v, f):
        return np.linalg.norm(np.cross(v[f[:, 1]] - v[f[:, 0]], v[f[:, 2]] - v[f[:, 0]]), axis=1).sum() / 2

    assert area(vertices[kept], new_faces) == pytest.approx(area(vertices, faces), rel=1e-9)


def test_quads_are_cut_along_the_shorter_diagonal_and_alike_on_both_sides():
    vertices = np.array([(1, 0, 0), (2, 0, 0), (2, 1, 0), (1, 1, 0), (4, 0, 0), (4, 1, 0)], float)
    vertices[1] += (0.4, -0.4, 0)  # the first quad's corner 1 is pulled out: 0-2 is the shorter
    vertices = np.concatenate([vertices, vertices * [-1, 1, 1]])
    quads = np.array([(0, 1, 2, 3), (1, 4, 5, 2)])
    both = np.concatenate([quads, quads[:, ::-1] + 6])
    mirror = np.r_[np.arange(6) + 6, np.arange(6)]
    faces = split_quads(both, vertices, mirror)
    assert face_set(faces[:2]) == face_set(np.array([(0, 1, 2), (0, 2, 3)]))
    assert face_set(mirror[faces][:, ::-1]) == face_set(faces)
    square = np.array([(0, 0, 0), (1, 0, 0), (1, 1, 0), (0, 1, 0)], float) + [1, 0, 0]
    vertices = np.concatenate([square, square * [-1, 1, 1]])
    mirror = np.r_[np.arange(4) + 4, np.arange(4)]
    for turn in range(4):  # equal diagonals, listed from any corner
        faces = split_quads(np.array([(0, 1, 2, 3), np.roll([7, 6, 5, 4], turn)]), vertices, mirror)
        assert face_set(mirror[faces][:, ::-1]) == face_set(faces)
