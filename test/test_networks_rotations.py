"""torch rotations against the goldens, scipy and their numpy counterparts."""

import numpy as np
import pytest
import torch
from scipy.spatial.transform import Rotation

from poco_ros.body import rotations as numpy_rotations
from poco_ros.networks.rotations import axis_angle_to_matrix, rot6d_to_matrix

GOLDEN_TOLERANCE = 2e-4  # SPEC 15.4, rotations in fp32


@pytest.mark.shared
def test_golden_rotations(shared_dir):
    golden = np.load(shared_dir / 'spec' / 'golden' / 'geometry.npz')
    for ours, name in (
        (rot6d_to_matrix(torch.from_numpy(golden['rot6d'])), 'rot6d_rotmat'),
        (axis_angle_to_matrix(torch.from_numpy(golden['aa'])), 'aa_rotmat'),
    ):
        assert abs(ours.numpy() - golden[name]).max() < GOLDEN_TOLERANCE


@pytest.mark.parametrize('shape', [(3,), (1,), (), (2, 24), (3, 3)])
def test_the_6d_form_equals_numpys_for_every_batch_shape(shape):
    """A batch of three is the one in which a cross product over the wrong dimension would not fail."""
    rot6d = torch.randn(*shape, 6, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    expected = numpy_rotations.rot6d_to_matrix(rot6d.numpy())
    np.testing.assert_allclose(rot6d_to_matrix(rot6d).numpy(), expected, atol=1e-14)


def test_the_6d_form_is_interleaved():
    matrix = Rotation.from_rotvec([0.3, -1.2, 0.5]).as_matrix()
    rot6d = torch.from_numpy(matrix[:, :2].reshape(6))
    np.testing.assert_allclose(rot6d_to_matrix(rot6d).numpy(), matrix, atol=1e-15)


def test_a_6d_form_that_is_no_rotation_stays_finite_in_value_and_gradient():
    for degenerate in ([0.0] * 6, [1.0, 2, 0, 0, 0, 0]):
        rot6d = torch.tensor(degenerate, requires_grad=True)
        matrix = rot6d_to_matrix(rot6d)
        matrix.sum().backward()
        assert matrix.isfinite().all() and rot6d.grad.isfinite().all()
        assert torch.linalg.det(matrix) == 0


def test_axis_angle_equals_scipy_and_is_the_identity_at_zero():
    axis_angle = torch.randn(200, 3, generator=torch.Generator().manual_seed(1), dtype=torch.float64) * 2
    expected = Rotation.from_rotvec(axis_angle.numpy()).as_matrix()
    # The released formula shifts every component by 1e-8.
    np.testing.assert_allclose(axis_angle_to_matrix(axis_angle).numpy(), expected, atol=5e-8)
    torch.testing.assert_close(axis_angle_to_matrix(torch.zeros(2, 3)), torch.eye(3).expand(2, 3, 3), atol=0, rtol=0)


@pytest.mark.parametrize('function', [rot6d_to_matrix, axis_angle_to_matrix])
def test_gradients_are_those_of_finite_differences(function):
    size = 6 if function is rot6d_to_matrix else 3
    x = torch.randn(2, size, generator=torch.Generator().manual_seed(2), dtype=torch.float64, requires_grad=True)
    assert torch.autograd.gradcheck(function, x)
