"""What the temporal streams make of an occlusion, against the truth: rendered people, before whom something passes::

    python bench/rendered_occluder.py --mocap motion.npz [--licence TEXT] [--wardrobe open_wardrobe.npz] [--model NAME]

Sequences at 30 Hz of people, clothes and places of the test split, moving as in the motion file, each with its own
camera, light, sensor and thing that passes (:mod:`poco_ros.synth.crossing`). Whole pictures go through people finder,
tracker and regressor, and the bodies through the temporal stage with its default settings. Every sequence counts once:
means and standard deviations are over sequences. Errors are to the true joints, with pelvises aligned and in the
camera's frame, where all three streams have a body. The spans are the frames in which the thing covers a joint; not
trusted are joints that the temporal stage replaces. Without the thing, the same frames and joints are measured again.

``--model`` may be given several times: ``lift``, or the path of a network's folder. Writes
``bench/results/rendered_occluder.json``.
"""

from __future__ import annotations

import argparse
import functools
from collections.abc import Callable
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import record

from poco_ros.body.model_file import load_body_model
from poco_ros.evaluation.occlusion.crossings import watch_crossing
from poco_ros.evaluation.occlusion.streams import StreamErrors, compare, missing, smoothed, stream_errors
from poco_ros.pipeline import Pipeline, PipelineConfig
from poco_ros.synth.crossing import Crossing, CrossingConfig, CrossingMaker
from poco_ros.temporal.config import TemporalConfig, TrustConfig
from poco_ros.types import Bodies


def measure(
    crossing: Crossing, models: dict[str, Callable[[], Pipeline]], config: TemporalConfig,
) -> tuple[np.ndarray, dict[str, dict[str, StreamErrors]]]:
    """Return which joints are covered, and by model the errors with the thing and without."""
    truth, watched = watch_crossing(crossing, models)

    def errors(raw: list[Bodies]) -> StreamErrors:
        streams = (raw, *smoothed(raw, truth.stamps_ns.tolist(), config))
        return stream_errors(streams, truth.joints, truth.camera)

    return truth.covered, {
        name: {'with': errors(seen.blocked), 'without': errors(seen.clear)} for name, seen in watched.items()}


def summary(errors: dict[str, list[StreamErrors]], covered: list[np.ndarray]) -> dict[str, Any]:
    spans = [np.broadcast_to(mask.any(axis=1, keepdims=True), mask.shape) for mask in covered]
    outside = [~mask for mask in spans]
    doubted = [e.not_trusted for e in errors['with']]
    places = {
        'in the spans': spans, 'covered': covered, 'outside the spans': outside,
        'in the spans, not trusted': [a & b for a, b in zip(spans, doubted, strict=True)],
        'covered, not trusted': [a & b for a, b in zip(covered, doubted, strict=True)],
    }  # fmt: skip
    result: dict[str, Any] = {}
    for which, sequences in errors.items():
        result[f'{which} the thing'] = {
            **{name: compare(sequences, where) for name, where in places.items()},
            'bodies in the spans': missing(sequences, [mask.any(axis=1) for mask in covered]),
            'bodies outside the spans': missing(sequences, [~mask.any(axis=1) for mask in covered]),
        }  # fmt: skip
    clear = [mask[~hidden] for e, hidden in zip(errors['with'], covered, strict=True) for mask in [e.not_trusted]]
    result['share of joints not trusted'] = {
        'covered': share([e.not_trusted[mask] for e, mask in zip(errors['with'], covered, strict=True)]),
        'not covered': share(clear),
    }  # fmt: skip
    return result


def share(masks: list[np.ndarray]) -> float:
    return round(float(np.concatenate(masks).mean()), 3)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument('--mocap', type=Path, required=True, help='motion file')
    parser.add_argument('--licence', default='', help='only clips whose licence begins so')
    parser.add_argument('--wardrobe', type=Path, help='file of clothes')
    parser.add_argument('--model', action='append', help='lift, or a folder; several')
    parser.add_argument('--measure', choices=('uncertainty', 'error_mm'), default='error_mm',
                        help='what the temporal stage trusts by')
    parser.add_argument('--sequences', type=int, default=16)
    parser.add_argument('--frames', type=int, default=150)
    options = parser.parse_args()
    maker = CrossingMaker(
        CrossingConfig(options.mocap, options.licence, options.wardrobe, frames=options.frames), load_body_model())
    names = options.model or ['lift']
    models = {Path(name).name: functools.partial(Pipeline.load, PipelineConfig(model=name)) for name in names}
    config = TemporalConfig(trust=TrustConfig(measure=options.measure))
    covered: list[np.ndarray] = []
    errors: dict[str, dict[str, list[StreamErrors]]] = {name: {'with': [], 'without': []} for name in models}
    clips = []
    for seed in range(options.sequences):
        crossing = maker.make(seed)
        hidden, measured = measure(crossing, models, config)
        clips.append(crossing.scene.subject.move.clip)
        covered.append(hidden)
        for name, both in measured.items():
            for which, value in both.items():
                errors[name][which].append(value)
        print(f'{seed + 1} of {options.sequences}: {clips[-1]}, {int(covered[-1].any(axis=1).sum())} frames covered')
    result = {
        'unit': 'mm', 'sequences': options.sequences, 'frames': options.frames, 'licence': options.licence,
        'trust_by': options.measure, 'clips': clips,
        'frames_covered': int(sum(mask.any(axis=1).sum() for mask in covered)),
        'joints_covered': int(sum(mask.sum() for mask in covered)),
        'models': {name: summary(both, covered) for name, both in errors.items()},
    }  # fmt: skip
    print(record.save('rendered_occluder', result))


if __name__ == '__main__':
    cv2.setNumThreads(1)
    main()
