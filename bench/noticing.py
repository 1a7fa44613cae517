"""Whether the lifts notice what covers a joint: sigma, and the calibrated expected error, covered and not::

    python bench/noticing.py --videos DIR --mocap motion.npz [--licence TEXT] [--wardrobe open_wardrobe.npz]

The occlusion sweep of ``poco reproduce`` with the lifts that ship, once by ``joint_uncertainty`` and once by
``joint_error_mm``: something passes before rendered people of the test split, and a board is carried over real videos.
AUROC is the probability that a joint's number is larger in a frame in which it is covered than in one in which it is
not (0.5: it notices nothing), mean over the joints. Writes ``bench/results/noticing.json``.
"""

from __future__ import annotations

import argparse
import dataclasses
import functools
import itertools
import sys
from pathlib import Path
from typing import Any

import cv2
import record

from poco_ros.body.model_file import load_body_model
from poco_ros.evaluation.reproduce.shows import Show, rendered_shows, video_shows
from poco_ros.evaluation.reproduce.sweep_report import show_summary
from poco_ros.pipeline import Estimate, Pipeline, PipelineConfig
from poco_ros.synth.crossing import CrossingConfig, CrossingMaker
from poco_ros.types import Frame
from poco_ros.video.sources import open_source

VIDEOS = ('one-by-one-person.mp4', 'store-aisle.gif', 'worker-zone.gif')
MODELS = ('poco_lift', 'lift')
SIGMA, EXPECTED = 'joint_uncertainty', 'joint_error_mm'
KEPT = ('sweeps', 'frames', 'lost', 'auroc', 'auroc_rise', 'rises')


class Stating:
    """A pipeline whose bodies state a number of ours as their sigma, which is what the sweep reads."""

    def __init__(self, model: str, number: str) -> None:
        self._pipeline, self._number = Pipeline.load(PipelineConfig(model=model)), number

    def process(self, frame: Frame) -> Estimate:
        estimate = self._pipeline.process(frame)
        stated = dataclasses.replace(estimate.bodies, joint_uncertainty=getattr(estimate.bodies, self._number))
        return dataclasses.replace(estimate, bodies=stated)


def told(shows: list[Show]) -> dict[str, Any]:
    result = {}
    for show in shows:
        summary = show_summary(show)
        result[show.model] = {**{key: summary.get(key) for key in KEPT}, 'joints': len(summary.get('joints', ()))}
    return result


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument('--videos', type=Path, required=True, help='folder of the real videos')
    parser.add_argument('--mocap', type=Path, required=True, help='motion file')
    parser.add_argument('--licence', default='', help='only clips whose licence begins so')
    parser.add_argument('--wardrobe', type=Path, help='file of clothes')
    parser.add_argument('--sequences', type=int, default=8)
    options = parser.parse_args()
    models = {f'{model}, {number}': functools.partial(Stating, model, number)
              for model, number in itertools.product(MODELS, (SIGMA, EXPECTED))}
    maker = CrossingMaker(CrossingConfig(options.mocap, options.licence, options.wardrobe), load_body_model())

    def progress(what: str, done: int, total: int) -> None:
        if done % 100 == 0 or done == total:
            print(f'{what}: {done} of {total} frames', file=sys.stderr)

    crossings = [maker.make(seed) for seed in range(options.sequences)]
    result = {'rendered people': told(rendered_shows('rendered people', crossings, models, progress))}
    for name in VIDEOS:
        result[name] = told(video_shows(open_source(str(options.videos / name)), models, progress))
    print(record.save('noticing', {'licence': options.licence, 'sequences': options.sequences, 'shows': result}))


if __name__ == '__main__':
    cv2.setNumThreads(1)
    main()
