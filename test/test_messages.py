"""The wire format: documented, complete, the same numbers as the core, and honest by default."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pytest

from poco_ros.types import NUM_BETAS, NUM_JOINTS, Bodies, Domain, State

MSG_DIR = Path(__file__).resolve().parents[1] / 'msg'
FIELD = re.compile(r'^(?P<type>[\w/]+(\[\d*\])?)\s+(?P<name>\w+)(?P<constant>\s*=\s*\S+)?\s*(?P<comment>#.*)?$')


def fields(path: Path) -> list[re.Match[str]]:
    lines = [line.strip() for line in path.read_text().splitlines()]
    found = [FIELD.match(line) for line in lines if line and not line.startswith('#')]
    assert all(found), f'{path.name}: a line that is neither comment nor field'
    return [match for match in found if match]


@pytest.mark.parametrize('path', sorted(MSG_DIR.glob('*.msg')), ids=lambda p: p.stem)
def test_every_field_is_documented_and_named_by_the_conventions(path: Path) -> None:
    for match in fields(path):
        name, constant = match['name'], match['constant']
        assert re.fullmatch('[A-Z][A-Z0-9_]*' if constant else '[a-z][a-z0-9_]*', name), name
        assert match['comment'] or constant, f'{path.name}: {name} has no comment'


def test_every_message_file_is_generated_and_nothing_else() -> None:
    cmake = (MSG_DIR.parent / 'CMakeLists.txt').read_text()
    listed = set(re.findall(r'msg/(\w+)\.msg', cmake))
    assert listed == {path.stem for path in MSG_DIR.glob('*.msg')}


def test_state_and_domain_constants_are_those_of_the_core() -> None:
    from poco_ros.msg import SmplBody

    assert {s.name: int(s) for s in State} == {s.name: getattr(SmplBody, f'STATE_{s.name}') for s in State}
    assert {d.name: int(d) for d in Domain} == {d.name: getattr(SmplBody, f'DOMAIN_{d.name}') for d in Domain}
    constants = {m['name'] for m in fields(MSG_DIR / 'SmplBody.msg') if m['constant']}
    assert constants == {f'STATE_{s.name}' for s in State} | {f'DOMAIN_{d.name}' for d in Domain}


def test_a_larger_state_is_worse() -> None:
    assert State.OBSERVED < State.INFILLED < State.HELD < State.EXTRAPOLATED < State.LOST


def test_body_fields_are_those_of_the_core_with_the_same_sizes() -> None:
    """Every array of Bodies stands in SmplBody under its own name, flat, with the same number of values."""
    from poco_ros.msg import SmplBody

    message = SmplBody()
    wire = {name: np.size(getattr(message, name)) for name in message.get_fields_and_field_types()}
    bodies = Bodies.unknown(3)
    core = {name: np.size(value) // 3 for name, value in vars(bodies).items()}
    assert wire == core
    assert wire['pose'] == wire['joints'] == 3 * NUM_JOINTS
    assert wire['betas'] == NUM_BETAS


def test_fixed_size_fields_arrive_as_numpy() -> None:
    from poco_ros.msg import SmplBody

    message = SmplBody()
    for name in ('pose', 'betas', 'transl', 'joints', 'joint_uncertainty', 'joint_covariance', 'box_px'):
        assert getattr(message, name).dtype == np.float32
    assert message.joint_state.dtype == np.uint8
