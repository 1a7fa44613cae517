"""People and bodies on the real videos: found where somebody is, fitted to what is seen, the same every time.

Needs the reference videos and the labels in ``bench/labels`` (made by looking at the frames)::

    python bench/real_video.py --videos ../shared/data/video

Writes ``bench/results/real_video.json``. Identity switches are counted by hand-labelled necks: each change of the
track id that follows one labelled person is one switch.
"""

from __future__ import annotations

import argparse
import hashlib
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import record
from scipy.optimize import linear_sum_assignment

from poco_ros.camera import Camera
from poco_ros.pipeline import Pipeline, PipelineConfig
from poco_ros.types import Frame

LABELS = Path(__file__).resolve().parent / 'labels'
NECK = 12
#: SMPL joint -> BlazePose landmark of the twelve limb joints.
LIMBS = {16: 11, 17: 12, 18: 13, 19: 14, 20: 15, 21: 16, 1: 23, 2: 24, 4: 25, 5: 26, 7: 27, 8: 28}
NECK_TOLERANCE_PX = 25.0


def frames(path: Path) -> Iterator[Frame]:
    capture = cv2.VideoCapture(str(path))
    rate = capture.get(cv2.CAP_PROP_FPS)
    index = 0
    while True:
        ok, image = capture.read()
        if not ok:
            return
        height, width = image.shape[:2]
        yield Frame(cv2.cvtColor(image, cv2.COLOR_BGR2RGB), Camera.assumed(width, height), round(index / rate * 1e9))
        index += 1


def run(path: Path) -> list[dict[str, Any]]:
    """One entry a frame: what was found, and a fingerprint of every field of the bodies."""
    pipeline = Pipeline.load(PipelineConfig())
    found = []
    for frame in frames(path):
        estimate = pipeline.process(frame)
        bodies, marks = estimate.bodies, estimate.people.landmarks
        projected = frame.camera.project(bodies.joints)
        assert marks is not None
        distance = np.linalg.norm(
            projected[:, list(LIMBS)] - marks.image_px[:, list(LIMBS.values())], axis=-1)
        height = np.ptp(marks.image_px[..., 1], axis=-1)
        found.append({
            'ids': bodies.track_id.tolist(), 'neck': projected[:, NECK], 'score': marks.score,
            'relative': distance / height[:, None], 'visible': marks.visibility[:, list(LIMBS.values())] > 0.5,
            'inside': np.ptp(bodies.box_px[:, 1::2].clip(0, frame.image.shape[0]), axis=-1) / frame.image.shape[0],
            'stage_ms': estimate.stage_ms,
            'fingerprint': hashlib.sha256(b''.join(v.tobytes() for v in vars(bodies).values())).hexdigest(),
        })
    return found


def presence(found: list[dict[str, Any]], labels: dict[str, str]) -> dict[str, Any]:
    """How often somebody is found, by what the label says is in the picture."""
    table: dict[str, Any] = {}
    for kind in ('whole', 'part', 'nobody'):
        numbers = [len(found[int(i)]['ids']) for i, label in labels.items() if label == kind]
        table[kind] = {'frames': len(numbers), 'with_a_body': sum(n > 0 for n in numbers), 'bodies': sum(numbers)}
    table['missed_whole'] = [int(i) for i, k in labels.items() if k == 'whole' and not found[int(i)]['ids']]
    return table


def necks(labels: dict[str, dict[str, list[float]]], frame: int) -> dict[str, np.ndarray]:
    """Labelled persons of a frame, interpolated between key frames."""
    out = {}
    for person, keys in labels.items():
        at = np.array([int(k) for k in keys])
        if at[0] <= frame <= at[-1]:
            xy = np.array(list(keys.values()), float)
            out[person] = np.array([np.interp(frame, at, xy[:, 0]), np.interp(frame, at, xy[:, 1])])
    return out


def follow(found: list[dict[str, Any]], labels: dict[str, dict[str, list[float]]]) -> dict[str, Any]:
    """Match bodies to labelled necks one to one; count frames found, switches and bodies that are nobody."""
    people = {p: {'visible': 0, 'found': 0, 'switches': 0, 'ids': []} for p in labels}
    extra = together = 0
    for index, result in enumerate(found):
        truth = necks(labels, index)
        distance = np.array([[np.linalg.norm(n - t) for n in result['neck']] for t in truth.values()])
        pairs = {}
        if distance.size:
            rows, columns = linear_sum_assignment(distance)
            pairs = {list(truth)[r]: result['ids'][c] for r, c in zip(rows, columns, strict=True)
                     if distance[r, c] < NECK_TOLERANCE_PX}
        extra += len(result['ids']) - len(pairs)
        together += len(pairs) > 1
        for person in truth:
            entry = people[person]
            entry['visible'] += 1
            if person in pairs:
                entry['found'] += 1
                entry['switches'] += bool(entry['ids'] and entry['ids'][-1] != pairs[person])
                if pairs[person] not in entry['ids'] or entry['ids'][-1] != pairs[person]:
                    entry['ids'].append(pairs[person])
    for entry in people.values():
        entry['share'] = round(entry['found'] / max(entry['visible'], 1), 3)
    shared = sorted({i for p in people.values() for i in p['ids'] if sum(i in q['ids'] for q in people.values()) > 1})
    return {'people': people, 'frames_with_two_or_more_found': together, 'ids_that_two_people_had': shared,
            'bodies_on_nobody_labelled': extra}


def one_at_a_time(found: list[dict[str, Any]], spans: list[list[int]]) -> dict[str, Any]:
    """Switches in a video in which one person comes after another: changes of the id within a person's span."""
    people = []
    for first, last in spans:
        ids: list[int] = []
        for result in found[first : last + 1]:
            ids += [t for t in result['ids'] if not ids or t != ids[-1]]
        people.append({'span': [first, last], 'ids_in_order': ids, 'switches': max(len(ids) - 1, 0)})
    together = sum(len(f['ids']) > 1 for f in found)
    reused = len({i for p in people for i in p['ids_in_order']}) < sum(len(set(p['ids_in_order'])) for p in people)
    return {'people': people, 'frames_with_more_than_one_body': together, 'an_id_is_shared_by_two_people': reused}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument('--videos', type=Path, required=True)
    videos = parser.parse_args().videos
    result: dict[str, Any] = {'model': PipelineConfig().model, 'videos': {}}
    for path in sorted(videos.glob('*.[mg][pi][4f]')):
        first, second = run(path), run(path)
        labels = json.loads((LABELS / f'{path.stem}.json').read_text())
        relative = np.concatenate([f['relative'] for f in first if f['ids']])
        visible = np.concatenate([f['visible'] for f in first if f['ids']])
        known = np.isfinite(relative)
        entry: dict[str, Any] = {
            'frames': len(first), 'frames_with_a_body': sum(bool(f['ids']) for f in first),
            'bodies': sum(len(f['ids']) for f in first),
            'lost_bodies': int(np.isnan(relative).all(axis=1).sum()),
            'identical_when_run_again': [f['fingerprint'] for f in first] == [f['fingerprint'] for f in second],
            'limb_joint_to_landmark_share_of_height': {
                'all': record.spread(relative[known]), 'visible_only': record.spread(relative[visible & known])},
            'people_ms': record.spread([f['stage_ms']['people'] for f in first if f['ids']]),
            'lift_ms': record.spread([f['stage_ms']['bodies'] for f in first if f['ids']]),
        }
        if 'frames' in labels:
            entry['presence_on_labelled_frames'] = presence(first, labels['frames'])
            entry.update(one_at_a_time(first, labels['spans']))
        else:
            entry.update(follow(first, labels['neck_px']))
        result['videos'][path.name] = entry
    print(json.dumps(result, indent=1, default=float))
    print(record.save('real_video', result))


if __name__ == '__main__':
    cv2.setNumThreads(1)
    main()
