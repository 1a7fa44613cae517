"""Nothing that counts may be missing, left over or unusable in a checkpoint."""

import dataclasses
import json
import re

import pytest
import torch
from network_models import TINY, with_mock_weights

from poco_ros.checkpoints.known import KNOWN
from poco_ros.checkpoints.safe_load import StoredTensor
from poco_ros.checkpoints.strict import MEAN_PARAMETERS, detect_variant, fit_entries
from poco_ros.errors import CheckpointError
from poco_ros.networks.model import PocoModel
from poco_ros.networks.variants import OFFICIAL

torch.set_num_threads(1)


def stored(state):
    return {name: StoredTensor(tuple(tensor.shape), str(tensor.dtype).removeprefix('torch.'), lambda t=tensor: t)
            for name, tensor in state.items()}


@pytest.fixture(scope='module')
def tiny():
    return with_mock_weights(PocoModel(TINY))


def fit(model, change=None, given=None):
    """Fit the model's own entries, changed, to a network of its kind."""
    state = dict(model.state_dict())
    if change:
        change(state)
    return fit_entries(PocoModel(model.variant), stored(state), given or {})


def test_a_whole_one_comes_out_bit_for_bit(tiny):
    found = fit(tiny)
    assert all(torch.equal(found.state[name], tensor) for name, tensor in tiny.state_dict().items())
    assert found.state.keys() == tiny.state_dict().keys() and found.absent == () and found.converted_from == ()
    assert {name for name in found.unused if not name.startswith('flow_head.')} == {
        name for name in tiny.state_dict() if name.endswith('num_batches_tracked')}


def drop(*names):
    def change(state):
        for name in [own for own in state if own.startswith(names)]:
            del state[name]
    return change


def put(name, make):
    def change(state):
        state[name] = make(state.get(name))
    return change


def poisoned(value):
    def make(tensor):
        tensor = tensor.clone()
        tensor.view(-1)[-1] = value
        return tensor
    return make


WEIGHT = 'backbone.layer1.0.conv1.weight'


@pytest.mark.parametrize(('change', 'messages'), [
    (drop(WEIGHT), [f"lacks '{WEIGHT}'$"]),
    (drop('backbone.layer1.0.conv', 'backbone.layer2.0.conv'), [r"lacks '.*', '.*', '.*' and \d more \(\d in all\)$"]),
    (drop('uncert_head.'), ["lacks 'uncert_head", 'whole scale network', '--variant plain_cliff']),
    (drop('uncert_head.uncert_fc1.bias'), ["lacks 'uncert_head.uncert_fc1.bias'$"]),
    (drop('flow_head.flow.t.1.4.bias'), ["lacks 'flow_head.flow.t.1.4.bias'$"]),
    (drop(*MEAN_PARAMETERS), ["'head.init_cam'", '--mean-params']),
    (put('head.extra.weight', lambda _: torch.ones(2)), ["tiny has no 'head.extra.weight'$"]),
    (put('loss.weight', lambda _: torch.ones(2)), ["tiny has no 'loss.weight'$"]),
    (put(WEIGHT, lambda t: t[:5]), [rf"'{WEIGHT}' is \(5, (.*)\) where \(\d\d, \1\) is needed$"]),
    (put('head.fc1.weight', lambda t: t[:, 3:]), ["'head.fc1.weight' is"]),
    (put(WEIGHT, poisoned(torch.nan)), [f"'{WEIGHT}' holds NaN or infinity"]),
    (put('flow_head.cond_layer.bias', poisoned(torch.inf)), ["'flow_head.cond_layer.bias' holds NaN or infinity"]),
    (put('head.fc1.bias', lambda t: t.double() * 1e300), ["'head.fc1.bias' holds NaN or infinity"]),
    (put('backbone.bn1.running_var', poisoned(-1.0)), ["'backbone.bn1.running_var' holds negative variances"]),
    (put(WEIGHT, lambda t: (t * 100).to(torch.int8)), [f"'{WEIGHT}' holds int8"]),
    (put('flow_head.flow.mask', lambda t: 1 - t), ['another kind of mask']),
])
def test_faults_are_named(tiny, change, messages):
    with pytest.raises(CheckpointError) as caught:
        fit(tiny, change)
    for message in messages:
        assert re.search(message, str(caught.value)), (message, str(caught.value))


def test_a_missing_flow_is_nan_and_told(tiny):
    found = fit(tiny, drop('flow_head.'))
    flow = [name for name in tiny.state_dict() if name.startswith('flow_head.')]
    assert found.absent == tuple(name for name in flow if name != 'flow_head.flow.mask') and len(flow) == 27
    assert all(found.state[name].isnan().all() for name in found.absent)
    assert torch.equal(found.state['flow_head.flow.mask'], tiny.state_dict()['flow_head.flow.mask'])
    assert not any(name.startswith('flow_head.') for name in found.unused)


def test_missing_counters_are_zero(tiny):
    found = fit(tiny, lambda state: [state.pop(n) for n in list(state) if n.endswith('num_batches_tracked')])
    assert found.absent == () and found.state['backbone.bn1.num_batches_tracked'] == 0


def test_mean_parameters_fill_only_what_is_missing(tiny):
    given = {name: torch.full_like(tiny.state_dict()[name], 7.0) for name in MEAN_PARAMETERS}
    found = fit(tiny, drop('head.init_shape', 'head.init_cam'), given)
    assert (found.state['head.init_shape'] == 7).all() and (found.state['head.init_cam'] == 7).all()
    assert torch.equal(found.state['head.init_pose'], tiny.state_dict()['head.init_pose'])


@pytest.mark.parametrize('dtype', [torch.float16, torch.bfloat16, torch.float64])
def test_other_number_types_become_float32(tiny, dtype):
    def change(state):
        state.update({name: tensor.to(dtype) for name, tensor in state.items() if tensor.is_floating_point()})

    found = fit(tiny, change)
    assert found.converted_from == (str(dtype).removeprefix('torch.'),)
    assert found.state['head.fc1.weight'].dtype == torch.float32
    assert torch.equal(found.state['head.fc1.weight'], tiny.state_dict()['head.fc1.weight'].to(dtype).float())


@pytest.mark.parametrize(('name', 'unused'), [
    ('poco_cliff', 'backbone.classifier.'), ('poco_pare', 'backbone.final_layer.')])
def test_what_released_networks_carry_and_never_apply_may_be_missing(name, unused):
    model = PocoModel(dataclasses.replace(OFFICIAL[name], backbone='hrnet_w18_small'))
    carried = {entry for entry in model.state_dict() if entry.startswith(unused)}
    whole, without = fit(model), fit(model, drop(unused))
    assert len(carried) == 2 and carried <= set(whole.unused) and set(without.absent) == carried


def listed(shared_dir, name):
    entries = json.loads((shared_dir / 'spec' / f'state_dict_{name}.json').read_text())
    entries = entries['entries'] if isinstance(entries, dict) else entries
    return {entry: StoredTensor(tuple(shape), dtype, lambda: pytest.fail('read')) for entry, shape, dtype in entries
            if not entry.startswith('smpl.')}


@pytest.mark.shared
@pytest.mark.parametrize('name', list(OFFICIAL))
def test_kinds_are_told_by_the_published_names_and_shapes(shared_dir, name):
    entries = listed(shared_dir, name)
    assert detect_variant(entries) is OFFICIAL[name]
    entries = {entry: value for entry, value in entries.items() if not entry.startswith(('flow_head', 'uncert_head'))}
    del entries['backbone.conv1.weight']
    assert detect_variant(entries) is OFFICIAL[name]  # what is missing then has a name


@pytest.mark.shared
@pytest.mark.parametrize('name', ['poco_pare', 'poco_hmr'])
def test_entries_of_another_kind_do_not_fit(shared_dir, name):
    with torch.device('meta'):
        model = PocoModel(KNOWN['poco_cliff'])
    with pytest.raises(CheckpointError, match='not a whole poco_cliff: it lacks .* in all'):
        fit_entries(model, listed(shared_dir, name), {})


def test_entries_of_no_kind():
    with pytest.raises(CheckpointError, match='not the checkpoint of a network known here.* 0 %'):
        detect_variant({'backbone.conv1.weight': StoredTensor((1,), 'float32', lambda: None)})


def test_without_uncertainty_its_entries_are_left_over(tiny):
    plain = PocoModel(dataclasses.replace(TINY, name='plain', formulation='none'))
    with pytest.raises(CheckpointError, match="plain has no 'uncert_head"):
        fit_entries(plain, stored(tiny.state_dict()), {})
    state = {name: t for name, t in tiny.state_dict().items() if not name.startswith(('uncert_head.', 'flow_head.'))}
    assert fit_entries(plain, stored(state), {}).state.keys() == state.keys()
