"""``poco_cliff.npz``, ``poco_pare.npz`` and ``poco_hmr.npz``: whole networks, from pixels to gradients."""

from __future__ import annotations

import functools

import numpy as np
import torch

from poco_ros import crops, weak_perspective
from poco_ros.camera import Camera, assumed_focal_length
from poco_ros.evaluation.parity.comparison import EXACT, FIRST_LAYER_GRADIENT, GENERAL, LOG_PHI, ROTATION, Array
from poco_ros.evaluation.parity.golden import Arrays, Context, GoldenFile, Input, Output
from poco_ros.evaluation.parity.network_training import GRADIENTS, TERMS, Batch, present, train
from poco_ros.evaluation.parity.rules import only
from poco_ros.evaluation.parity.synthetic_body import body_model
from poco_ros.evaluation.parity.taps import TAPS, Taps
from poco_ros.networks.mock_weights import checksum, mock_state
from poco_ros.networks.model import PocoModel, Prediction
from poco_ros.networks.uncertainty import accumulate, body_uncertainty, clip_for_display
from poco_ros.networks.variants import OFFICIAL
from poco_ros.training import cameras
from poco_ros.training.smpl_layer import SmplLayer

_INPUT_STRIDE, _PART_STRIDE, _VERTEX_STRIDE = 56, 14, 530
_PREDICTED = {
    'features': 'uncert_feat', 'pose_6d': 'pred_pose_6d', 'rotmat': 'pred_rotmat', 'betas': 'pred_shape',
    'cam': 'pred_cam', 'sigma': 'sigma',
}  # fmt: skip
_STEPS = {'pose': 'ief_delta_decpose', 'shape': 'ief_delta_decshape', 'cam': 'ief_delta_deccam'}
_F64 = tuple(f'f64_{name}' for name in ('uncert_feat', 'pred_rotmat', 'pred_shape', 'pred_cam', 'sigma'))
_UNCERTAINTY = ('sigma_kinematic', 'uncert_scalar', 'uncert_scalar_clipped')
_MEANS = ('init_pose', 'init_shape', 'init_cam')


def _boxes(golden: Arrays) -> Array:
    return np.column_stack([golden['center_xy'], golden['scale'] * crops.SCALE_UNIT_PX])


def _sizes(golden: Arrays) -> list[tuple[int, int]]:
    return [(int(width), int(height)) for height, width in golden['orig_shape_hw']]


def _inputs(golden: Arrays) -> Arrays:
    """What follows from the inputs alone."""
    boxes, sizes = _boxes(golden), _sizes(golden)
    images = crops.normalise(golden['img_u8_rgb'])
    return {
        'input_sample': images[:, :, ::_INPUT_STRIDE, ::_INPUT_STRIDE],
        'focal_length': np.array([assumed_focal_length(*size) for size in sizes]),
        'bbox_info': np.vstack([crops.bbox_info([box], *size) for box, size in zip(boxes, sizes, strict=True)]),
        'det_bbox_cxcywh': boxes[:, [0, 1, 2, 2]],
    }


def _prediction(prediction: Prediction) -> dict[str, Array]:
    values = {golden: getattr(prediction, ours).numpy() for ours, golden in _PREDICTED.items()}
    if prediction.steps is not None:
        values |= {golden: getattr(prediction.steps, ours).numpy() for ours, golden in _STEPS.items()}
    if prediction.part_logits is not None:
        values['pred_segm_mask_sample'] = prediction.part_logits[..., ::_PART_STRIDE, ::_PART_STRIDE].numpy()
    return values


def _reported(golden: Arrays, prediction: Prediction, regressor: str) -> Arrays:
    """Cameras and uncertainty, as they are reported at run time."""
    cam, boxes, sizes = prediction.cam.numpy(), _boxes(golden), _sizes(golden)
    each = list(zip(cam[:, None], boxes[:, None], sizes, strict=True))
    computed: dict[str, Array] = {
        'pred_cam_t': weak_perspective.crop_translation(cam),
        'orig_cam': np.vstack([weak_perspective.image_weak_camera(c, box, *size) for c, box, size in each]),
    }
    if regressor == 'cliff':
        computed['pred_fullimg_cam_t'] = np.vstack([
            weak_perspective.image_translation(c, box, Camera.assumed(*size)) for c, box, size in each])
    if regressor != 'hmr':  # for which the released code has no rule
        sigma = present(prediction.sigma)
        scalar = body_uncertainty(sigma, OFFICIAL[f'poco_{regressor}'].scalar_rule)
        values = (accumulate(sigma), scalar, clip_for_display(scalar))
        computed |= {name: value.numpy() for name, value in zip(_UNCERTAINTY, values, strict=True)}
    return computed


def _body(golden: Arrays, prediction: Prediction, layer: SmplLayer, regressor: str) -> Arrays:
    """The synthetic body as predicted."""
    body = layer(prediction.rotmat, prediction.betas)
    if regressor == 'cliff':
        size = torch.tensor(_sizes(golden), dtype=torch.float32)
        boxes = torch.from_numpy(_boxes(golden)).float()
        points = cameras.project_to_image(
            body.joints_49, cameras.image_translation(prediction.cam, boxes, size), size)
    else:
        points = cameras.project_to_crop(body.joints_49, cameras.crop_translation(prediction.cam))
    return {
        'synthbody_joints3d': body.joints_49.numpy(), 'synthbody_joints2d': points.numpy(),
        'synthbody_vertices_every_530': body.vertices[:, ::_VERTEX_STRIDE].numpy(),
    }


def _network(regressor: str, base: str) -> tuple[PocoModel, int]:
    """The network with its weights, in eval mode, and their checksum."""
    model = PocoModel(OFFICIAL[f'poco_{regressor}'])
    state = mock_state(model, base)
    model.load_state_dict(state)
    return model.eval(), checksum(state)


def _compute(golden: Arrays, context: Context, regressor: str) -> Arrays:
    model, weights_checksum = _network(regressor, context.base)
    layer = SmplLayer(*body_model())
    images = torch.from_numpy(crops.normalise(golden['img_u8_rgb']))
    given = _inputs(golden)
    bbox_info = torch.from_numpy(given['bbox_info']) if regressor == 'cliff' else None
    batch, flow = Batch.of(golden, regressor), present(model.flow_head)
    with Taps(model.backbone, TAPS[regressor]) as taps:
        encoding = model.encode(images)
    with torch.no_grad():
        prediction = model.decode(encoding, bbox_info)
        computed = {
            **given, **_prediction(prediction), **_body(golden, prediction, layer, regressor),
            **_reported(golden, prediction, regressor),
            **{f'tap_{name}': sample for name, sample in taps.samples.items()},
            **{name: getattr(model.head, name).numpy() for name in _MEANS},
            'weights_checksum': np.array(weights_checksum, np.uint32),
            'flow_mask': flow.flow.mask.numpy(), 'cond_vector': present(flow.context(encoding.features)).numpy(),
        }
    computed |= train(batch, model, layer, encoding, bbox_info)
    # The graph of the gradients is large: nothing may hold it while the network runs again.
    del encoding, prediction
    model.zero_grad()
    with torch.no_grad():
        return computed | _exact(batch, model, images, bbox_info)


def _exact(batch: Batch, model: PocoModel, images: torch.Tensor, bbox_info: torch.Tensor | None) -> dict[str, Array]:
    """The same network in float64, which it becomes."""
    model.double()
    given = None if bbox_info is None else bbox_info.double()
    encoding = model.encode(images.double())
    values = _prediction(model.decode(encoding, given))
    log_phi = batch.log_phi(model, batch.predict(model, encoding, given))
    return {**{name: values[name.removeprefix('f64_')] for name in _F64}, 'f64_log_phi': log_phi.numpy()}


_INPUTS = {
    'img_u8_rgb': Input('uint8', ('N', crops.CROP_SIZE, crops.CROP_SIZE, 3)),
    'orig_shape_hw': Input('int64', ('N', 2)), 'center_xy': Input('float64', ('N', 2)),
    'scale': Input('float64', ('N',)), 'gt_pose_aa': Input('float32', ('N', 72)),
    'gt_betas': Input('float32', ('N', 10)),
    'has_smpl': Input('float32', ('N',), only(0, 1)), 'dataset_name': Input('str', ('N',)),
    'kp2d_crop': Input('float32', ('N', 49, 3)), 'kp2d_full': Input('float32', ('N', 49, 3)),
    'gt_pose_3d': Input('float32', ('N', 24, 4)), 'has_pose_3d': Input('float32', ('N',), only(0, 1)),
}  # fmt: skip

_GENERAL = (
    'input_sample', 'focal_length', 'bbox_info', 'uncert_feat', 'pred_pose_6d', 'pred_shape', 'pred_cam', 'sigma',
    'pred_cam_t', 'cond_vector', 'train_sigma', 'total_loss', *TERMS.values(),
    *(f'synthbody_{name}' for name in (
        'joints3d', 'joints2d', 'vertices_every_530', 'gt_joints49', 'gt_vertices_every_530')),
)
_OF_REGRESSOR = {
    'cliff': (*_STEPS.values(), 'pred_fullimg_cam_t', *_UNCERTAINTY),
    'pare': ('pred_segm_mask_sample', *_UNCERTAINTY),
    'hmr': tuple(_STEPS.values()),
}


def _outputs(regressor: str) -> dict[str, Output]:
    taps, gradients = (f'tap_{name}' for name in TAPS[regressor]), (f'grad_{name}' for name in GRADIENTS[regressor])
    return {
        **{name: Output(GENERAL) for name in (*_GENERAL, *_OF_REGRESSOR[regressor], *taps, *gradients)},
        'grad_backbone.conv1.weight': Output(FIRST_LAYER_GRADIENT),
        'pred_rotmat': Output(ROTATION), 'log_phi': Output(LOG_PHI),
        **{name: Output(GENERAL, 'float64') for name in ('det_bbox_cxcywh', 'orig_cam', *_F64)},
        'f64_pred_rotmat': Output(ROTATION, 'float64'), 'f64_log_phi': Output(LOG_PHI, 'float64'),
        **{name: Output(EXACT) for name in (*_MEANS, 'flow_mask')},
        'gt_pose_cond_idx': Output(EXACT, 'int64'), 'weights_checksum': Output(EXACT, 'uint32'),
    }


_NOTE = (
    "the gradient of the first layer has a limit of its own: rounding switches rectifiers, which moves it by up to "
    '0.7 % between correct computations in float32'
)

FILES = tuple(
    GoldenFile(f'poco_{regressor}.npz', _INPUTS, _outputs(regressor),
               functools.partial(_compute, regressor=regressor), _NOTE)
    for regressor in ('cliff', 'pare', 'hmr'))
