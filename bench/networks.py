"""The paper's networks at full size, through our engines, beside torch and beside the bare backbone, in one run.

The weights are mock weights: times and memory do not depend on them. Every contender is loaded once, then all take
turns, in an order drawn anew for every round, so that whatever else the machine does meets them alike; what is compared
is the median of each::

    python bench/networks.py --video ../shared/data/video/one-by-one-person.mp4     # processor
    python bench/networks.py --video VIDEO --gpu                                    # and an NVIDIA GPU

Writes ``bench/results/networks.json``: time of a crop, ratios, what POCO adds to CLIFF, what everything but the network
costs the node, peak memory and the time from the start of a process to its first body. With ``--gpu``
``bench/results/networks_gpu.json``: torch eager, compiled, and as a CUDA graph (our torch engine); TensorRT where it is
installed.
"""

from __future__ import annotations

import argparse
import dataclasses
import gc
import json
import os
import subprocess
import sys
import tempfile
import time
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import record

from poco_ros.body.model_file import load_body_model
from poco_ros.camera import Camera
from poco_ros.checkpoints.mock import mock_network, mock_provenance
from poco_ros.checkpoints.store import load_network, save_network
from poco_ros.conversions import ArrayContext, bodies_to_message
from poco_ros.engine.choose import load_engine
from poco_ros.engine.model_record import ModelRecord
from poco_ros.engine.options import EngineOptions
from poco_ros.errors import EngineError
from poco_ros.export.network import export_network
from poco_ros.networks.variants import OFFICIAL, Variant
from poco_ros.regressors.compiled.regressor import CompiledRegressor
from poco_ros.types import Boxes, Frame, People

ROUNDS, WARM_UP = 40, 3
BATCHES = (1, 8, 32)


def frame_of(video: Path) -> Frame:
    """A picture of a real person, at 720p."""
    capture = cv2.VideoCapture(str(video))
    capture.set(cv2.CAP_PROP_POS_FRAMES, 120)
    ok, image = capture.read()
    if not ok:
        raise SystemExit(f'{video}: frame 120 cannot be read')
    image = cv2.resize(image, (1280, 720))
    return Frame(image, Camera.assumed(1280, 720))


def feeds_of(count: int, with_box: bool) -> dict[str, np.ndarray]:
    rng = np.random.default_rng(0)
    feeds = {'crops': rng.integers(0, 256, (count, 224, 224, 3), np.uint8)}
    return feeds | ({'bbox_info': rng.normal(size=(count, 3)).astype(np.float32)} if with_box else {})


def networks(folder: Path, precisions: tuple[str, ...] = ('fp32',)) -> dict[str, Path]:
    """Install and export mock weights of CLIFF, of CLIFF without uncertainty, and of the other two."""
    body, folders = load_body_model(), {}
    plain = dataclasses.replace(OFFICIAL['poco_cliff'], name='cliff_without', formulation='none')
    variants: list[Variant] = [*OFFICIAL.values(), plain]
    for variant in variants:
        folders[variant.name] = folder / variant.name
        save_network(folders[variant.name], mock_network(variant), mock_provenance(variant.name, variant, 'A'))
        export_network(folders[variant.name], body=body, precisions=precisions)
        gc.collect()
    return folders


def timed(call: Callable[[], Any]) -> float:
    start = time.perf_counter()
    call()
    return 1e3 * (time.perf_counter() - start)


def taking_turns(contenders: dict[str, Callable[[], Any]], rounds: int) -> dict[str, dict[str, float]]:
    for call in contenders.values():
        for _ in range(WARM_UP):
            call()
    times: dict[str, list[float]] = {name: [] for name in contenders}
    rng = np.random.default_rng(0)
    for _ in range(rounds):
        for name in rng.permutation(list(contenders)):  # what ran before leaves its traces in the caches
            times[name].append(timed(contenders[name]))
    return {name: record.spread(values) for name, values in times.items()}


def torch_eager(folder: Path, device: str = 'cpu') -> tuple[Any, Callable[[int], Callable[[], Any]]]:
    """The network as its users run it today: torch, nothing compiled, inference mode."""
    import torch

    from poco_ros.export.graph import NetworkGraph

    graph = NetworkGraph(load_network(folder)[0], load_body_model()).to(device)

    def prepare(count: int) -> Callable[[], Any]:
        arrays = feeds_of(count, graph.variant.regressor == 'cliff').values()
        tensors = [torch.from_numpy(array).to(device) for array in arrays]

        def call() -> None:
            with torch.inference_mode():
                graph(*tensors)
            if device != 'cpu':
                torch.cuda.synchronize()
        return call
    return graph, prepare


def bare_backbone(precision: str, threads: int) -> Callable[[], Any]:
    """timm's network without its classifier through OpenVINO, as in the facts that ours is measured against."""
    import openvino
    import torch

    from poco_ros.networks.timm_import import timm

    model = timm.create_model('hrnet_w48', num_classes=0).eval()
    with tempfile.TemporaryDirectory() as folder, torch.no_grad(), warnings.catch_warnings():
        warnings.simplefilter('ignore', DeprecationWarning)
        path = Path(folder) / 'bare.onnx'
        torch.onnx.export(model, (torch.zeros(1, 3, 224, 224),), str(path), dynamo=False, opset_version=18)
        core = openvino.Core()
        request = core.compile_model(core.read_model(str(path)), 'CPU', {
            'PERFORMANCE_HINT': 'LATENCY', 'NUM_STREAMS': '1', 'INFERENCE_NUM_THREADS': threads,
            'INFERENCE_PRECISION_HINT': precision}).create_infer_request()
    image = np.random.default_rng(0).normal(size=(1, 3, 224, 224)).astype(np.float32)
    return lambda: request.infer([image], share_inputs=True)


def processor(folders: dict[str, Path], threads: int) -> dict[str, Any]:
    def ours(name: str, precision: str) -> Callable[[], Any]:
        engine = load_engine(folders[name], EngineOptions(engine='openvino', precision=precision, threads=threads))
        feeds = feeds_of(1, any(spec.name == 'bbox_info' for spec in engine.inputs))
        return lambda: engine(feeds)

    contenders: dict[str, Callable[[], Any]] = {'torch eager': torch_eager(folders['poco_cliff'])[1](1)}
    for precision in ('fp32', 'bf16'):
        contenders[f'POCO-CLIFF, {precision}'] = ours('poco_cliff', precision)
        contenders[f'bare HRNet-W48, {precision}'] = bare_backbone(precision.replace('fp32', 'f32'), threads)
    for precision in ('fp32', 'bf16'):
        contenders[f'CLIFF without uncertainty, {precision}'] = ours('cliff_without', precision)
    for name in ('poco_pare', 'poco_hmr'):
        contenders[f'{name}, bf16'] = ours(name, 'bf16')
    times = taking_turns(contenders, ROUNDS)
    median = {name: spread['p50'] for name, spread in times.items()}

    def ratio(a: str, b: str) -> float:
        return round(median[a] / median[b], 3)

    return {'ms_per_crop': times, 'ratios': {
        **{f'torch eager / ours, {p}': ratio('torch eager', f'POCO-CLIFF, {p}') for p in ('fp32', 'bf16')},
        **{f'ours / bare backbone, {p}': ratio(f'POCO-CLIFF, {p}', f'bare HRNet-W48, {p}') for p in ('fp32', 'bf16')},
        **{f'with / without uncertainty, {p}': ratio(f'POCO-CLIFF, {p}', f'CLIFF without uncertainty, {p}')
           for p in ('fp32', 'bf16')},
    }}


class Timed:
    """An engine that says how long it ran."""

    def __init__(self, engine: Any) -> None:
        self._engine = engine
        self.inputs, self.outputs, self.info = engine.inputs, engine.outputs, engine.info
        self.ms = 0.0

    def __call__(self, feeds: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
        start = time.perf_counter()
        out = self._engine(feeds)
        self.ms += 1e3 * (time.perf_counter() - start)
        return out


def beside_the_network(folder: Path, frame: Frame) -> dict[str, Any]:
    """Crops, cameras, rotations and the message, of a 720p frame with boxes from outside."""
    options = EngineOptions(engine='openvino')
    engine = Timed(load_engine(folder, options))
    regressor = CompiledRegressor(ModelRecord.load(folder), engine, load_body_model())
    context, result = ArrayContext(frame.camera, 0, 'camera', 1, 'bench'), {}
    for count in (1, 4, 8):
        left = np.linspace(100, 900, count)
        boxes = np.stack([left, np.full(count, 60.0), left + 260, np.full(count, 660.0)], 1).astype(np.float32)
        people = People(Boxes(boxes, np.ones(count, np.float32), np.arange(1, count + 1, dtype=np.int32)))
        rest = []
        for _ in range(WARM_UP + ROUNDS):
            engine.ms = 0.0
            whole = timed(lambda p=people: bodies_to_message(regressor.regress(frame, p), context))
            rest.append(whole - engine.ms)
        result[f'{count} people'] = record.spread(rest[WARM_UP:])
    return {'ms_per_frame': result, 'ms_per_further_person': round(
        (result['8 people']['p50'] - result['1 people']['p50']) / 7, 3)}


FIRST_BODY = '''
import sys, time, numpy as np, cv2
from poco_ros.camera import Camera
from poco_ros.pipeline import Pipeline, PipelineConfig
from poco_ros.engine.options import EngineOptions
from poco_ros.types import Boxes, Frame
image = cv2.imread(sys.argv[1]); h, w = image.shape[:2]
pipeline = Pipeline.load(PipelineConfig(model=sys.argv[2], engine=EngineOptions(precision=sys.argv[3])))
box = np.array([[w * 0.4, h * 0.1, w * 0.6, h * 0.9]], np.float32)
bodies = pipeline.process(Frame(image, Camera.assumed(w, h)), Boxes(box, np.ones(1, np.float32), np.ones(1, np.int32)))
print(time.time(), open('/proc/self/status').read().split('VmHWM:')[1].split()[0])
'''


def first_body(folder: Path, frame: Frame, precision: str) -> dict[str, float]:
    """A process of its own, from its start to its first body, the third time: files are in the page cache then."""
    with tempfile.NamedTemporaryFile(suffix='.png') as picture:
        cv2.imwrite(picture.name, frame.image)
        for _ in range(3):
            start = time.time()
            out = subprocess.run([sys.executable, '-c', FIRST_BODY, picture.name, str(folder), precision], check=True,
                                 capture_output=True, text=True).stdout.split()
    return {'seconds_to_first_body': round(float(out[0]) - start, 2), 'peak_memory_mb': round(int(out[1]) / 1024)}


def peak_memory_kb() -> int:
    """Of this process; what the resource module says includes its parent's."""
    return int(Path('/proc/self/status').read_text().split('VmHWM:')[1].split()[0])


def torch_memory(folder: Path) -> float:
    code = ('import sys, pathlib; sys.path.insert(0, sys.argv[2]); import networks\n'
            'networks.torch_eager(pathlib.Path(sys.argv[1]))[1](1)()\n'
            'print(networks.peak_memory_kb())')
    out = subprocess.run([sys.executable, '-c', code, str(folder), str(Path(__file__).parent)], check=True,
                         capture_output=True, text=True).stdout.split()
    return round(int(out[-1]) / 1024)


def gpu(folder: Path) -> dict[str, Any]:
    """Batch 1 latency, synchronised; and per crop at 8 and 32."""
    import torch

    result: dict[str, Any] = {'device': torch.cuda.get_device_name(), 'torch': torch.__version__, 'ms_per_crop': {}}
    for count in BATCHES:
        graph, prepare = torch_eager(folder, 'cuda')
        contenders = {'torch eager': prepare(count)}
        tensors = [torch.from_numpy(array).cuda() for array in feeds_of(count, True).values()]
        compiled = torch.compile(graph)

        def run_compiled(compiled: Any = compiled, tensors: Any = tensors) -> None:
            with torch.inference_mode():
                compiled(*tensors)
            torch.cuda.synchronize()

        contenders['torch.compile'] = run_compiled
        for name, options in {
            f'{engine}, {precision}': EngineOptions(engine=engine, precision=precision, max_batch=count)
            for engine, precision in (('torch', 'fp32'), ('torch', 'tf32'), ('tensorrt', 'fp32'), ('tensorrt', 'tf32'),
                                      ('tensorrt', 'fp16'))
        }.items():
            try:
                engine = load_engine(folder, options)
            except EngineError as error:
                result.setdefault('not measured', {})[name] = str(error)
                continue
            feeds = feeds_of(count, True)
            contenders[name] = lambda engine=engine, feeds=feeds: engine(feeds)
        times = taking_turns(contenders, 200)
        result['ms_per_crop'][f'batch {count}'] = {
            name: {k: v if k == 'n' else round(v / count, 4) for k, v in spread.items()}
            for name, spread in times.items()}
    return result


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument('--video', type=Path, required=True)
    parser.add_argument('--gpu', action='store_true')
    arguments = parser.parse_args()
    if arguments.gpu:
        import torch

        if not torch.cuda.is_available():
            raise SystemExit('no CUDA device: --gpu needs an NVIDIA GPU and a CUDA build of torch')
    frame, threads = frame_of(arguments.video), len(os.sched_getaffinity(0))
    with tempfile.TemporaryDirectory(prefix='poco-bench-') as temporary:
        folders = networks(Path(temporary) / 'networks', ('fp32', 'fp16') if arguments.gpu else ('fp32',))
        if arguments.gpu:
            result = gpu(folders['poco_cliff'])
            print(json.dumps(result, indent=1), record.save('networks_gpu', result))
            return
        result = {
            'threads': threads, 'weights': 'mock',
            'process': {p: first_body(folders['poco_cliff'], frame, p) for p in ('fp32', 'bf16')},
            'torch_eager_peak_memory_mb': torch_memory(folders['poco_cliff']),
            **processor(folders, threads), 'beside_the_network': beside_the_network(folders['poco_hmr'], frame),
        }
    print(json.dumps(result, indent=1))
    print(record.save('networks', result))


if __name__ == '__main__':
    main()
