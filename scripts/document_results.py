"""Writes the measured numbers into README.md, from the JSON files in bench/results.

    python scripts/document_results.py           # rewrite them
    python scripts/document_results.py --check   # exit status 1 when they are out of date
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

from generated import keep

ROOT = Path(__file__).resolve().parents[1]


def load(name: str) -> dict[str, Any]:
    return json.loads((ROOT / 'bench' / 'results' / f'{name}.json').read_text())


def row(*cells: str) -> str:
    return '| ' + ' | '.join(cells) + ' |'


def graph() -> list[str]:
    """The table of the running graph."""
    cases = load('nodes')['cases']
    one, camera, five = (cases[k] for k in (
        'one person, as fast as it goes', 'one person, 30 Hz camera', 'five people, 30 Hz camera'))
    columns = (one, camera, five)

    def latency(case: dict[str, Any]) -> str:
        return f'{case["stamp_to_arrival_ms"]["p50"]:.0f} / {case["stamp_to_arrival_ms"]["p99"]:.0f} ms'

    def stages(case: dict[str, Any]) -> str:
        return f'{case["stages_ms"]["people_ms"]:.1f} / {case["stages_ms"]["bodies_ms"]:.1f} ms'

    def cost(case: dict[str, Any]) -> str:
        use = case['processes']['poco_node']
        return f'{use["cpu_cores"]:.2f} / {use["memory_mb"]:.0f} MB'

    return [
        row('the running graph, 768x432, nodes in processes of their own ([nodes.json](bench/results/nodes.json))',
            'one person', 'one person, 30 Hz camera', 'five people, 30 Hz camera'),
        '|---|---|---|---|',
        row('bodies a second', f'{one["bodies_per_s"]:.1f} ({one["camera_hz"]:.0f} Hz offered)',
            f'{camera["bodies_per_s"]:.1f}', f'{five["bodies_per_s"]:.0f} ({five["messages_per_s"]:.1f} messages)'),
        row('image stamp to message arrival, p50 / p99', *map(latency, columns)),
        row('of that, finding people / lifting, median', *map(stages, columns)),
        row('poco_node: processor cores / memory', *map(cost, columns)),
    ]


def transport() -> list[str]:
    """The sentence about images and messages."""
    result = load('transport')
    node, typed, default = (result['images'][k]['1280x720'] for k in (
        'with the profile, raw and mallopt (as poco_node)', 'with the profile, typed', 'default transports, typed'))
    four = next(m for m in result['messages'] if m['people'] == 4)
    return [
        'The five people are one real person five times side by side. Images and messages '
        '([transport.json](bench/results/transport.json)):',
        f'a 720p image takes {node["latency_ms"]["p50"]:.1f} ms (median) from process to process as poco_node receives '
        f'it, {typed["latency_ms"]["p50"]:.1f} ms through rclpy\'s default path,',
        f'and with Fast DDS\'s default transports {default["received"]} of {default["sent"]} arrived. A message of '
        f'four bodies ({four["bytes"]} bytes) is built in {four["build_ms"]:.3f} ms and serialised in '
        f'{four["serialise_ms"]:.3f} ms.',
    ]


def videos() -> list[str]:
    """The table of the real videos."""
    results = load('real_video')['videos']
    one, aisle, worker = (results[k] for k in ('one-by-one-person.mp4', 'store-aisle.gif', 'worker-zone.gif'))
    seen, shares = one['presence_on_labelled_frames'], [p['share'] for p in aisle['people'].values()]

    def switches(people: Any) -> int:
        return sum(person['switches'] for person in people)

    def distance(video: dict[str, Any]) -> str:
        return f'{100 * video["limb_joint_to_landmark_share_of_height"]["all"]["p50"]:.1f} %'

    return [
        row('real videos, no ground truth ([real_video.json](bench/results/real_video.json), labels in '
            '[bench/labels](bench/labels))', 'one by one', 'store aisle', 'worker'),
        '|---|---|---|---|',
        row('found', f'{seen["whole"]["with_a_body"]} of {seen["whole"]["frames"]} labelled frames with a whole '
            f'person; {seen["nobody"]["bodies"]} bodies in {seen["nobody"]["frames"]} empty ones',
            f'three occluded people in {", ".join(f"{s:.0%}" for s in shares)} of their frames',
            f'{worker["people"]["worker"]["share"]:.0%} of the frames'),
        row('identity switches', f'{switches(one["people"])} ({len(one["people"])} people)',
            f'{switches(aisle["people"].values())}, and {len(aisle["ids_that_two_people_had"])} identity passed on to '
            'another person', str(switches(worker['people'].values()))),
        row("projected limb joints to landmarks, median, share of the person's height",
            *map(distance, (one, aisle, worker))),
        row('run again: the same bodies, bit for bit',
            *('yes' if video['identical_when_run_again'] else 'NO' for video in (one, aisle, worker))),
    ]


def calibration() -> list[str]:
    """The table of how far the analytic lift's millimetres hold."""
    result = load('lift_calibration')
    cases = {'people not calibrated on': result['test'], **result['shift']}

    def held(level: float, column: str | None = None) -> list[str]:
        cells = []
        for case in cases.values():
            at = next(one for one in case['coverage'] if one['level'] == level)
            summary = at['summary']
            cells.append(f'{at["columns"][column]["sequences"]:.0%}' if column else
                         f'{summary["mean_sequences"]:.0%} / {summary["least_sequences"]:.0%}')
        return cells

    def share(*keys: str) -> list[str]:
        cells = []
        for case in cases.values():
            value: Any = case
            for key in keys:
                value = value[key]
            cells.append(f'{value:.1%}')
        return cells

    radius = result['test']['coverage'][[one['level'] for one in result['test']['coverage']].index(0.9)]
    bound = result['test']['confidence']['bound_mm']
    return [
        row("the analytic lift's millimetres, rendered people ([lift_calibration.json]"
            '(bench/results/lift_calibration.json))', *cases),
        '|---|' + '---|' * len(cases),
        row('a joint is within its 90 % radius in 90 % of the frames: share of sequences, mean / worst joint',
            *held(0.9)),
        row('the same at 95 %', *held(0.95)),
        row('all 24 joints at once, at 90 %', *held(0.9, 'body')),
        row('position before the camera, at 90 %', *held(0.9, 'position')),
        row('expected errors are off by (ENCE)', *share('expected_error', 'joints', 'normalised_error')),
        row(f'`confidence` (mean joint error under {bound:.0f} mm) is off by (ECE)', *share('confidence', 'ece')),
        row('called unfamiliar (`in_domain`)', *share('domain', 'flagged')), '',
        f'{result["data"]["num_sequences"]} rendered sequences calibrated it. The promise costs width: the median '
        f'radius of a joint at 90 % is {radius["summary"]["mean_radius_mm"]:.0f} mm, because nine of ten *sequences* '
        'must keep nine of ten frames within.',
        'The promise is for people, cameras and scenes like those of calibration; the last three columns show what is '
        'left of it elsewhere.',
    ]


def infill() -> list[str]:
    """The table of simulated gaps."""
    result = load('infill')
    rows = [r for r in result['rows'] if r['noise'] == 'poco']
    gaps = sorted({r['gap'] for r in rows})

    def errors(method: str, lag: int | str) -> list[str]:
        by_gap = {r['gap']: r['mpjpe'] for r in rows if r['method'] == method and str(r['lag']) == str(lag)}
        return [f'{by_gap[gap]:.0f}' for gap in gaps]

    return [
        row('simulated gaps, error inside the gap, mm ([infill.json](bench/results/infill.json))',
            *(f'{gap} frames' for gap in gaps)),
        '|---|' + '---|' * len(gaps),
        row('raw', *errors('raw', 'any')),
        row('hold the last trusted frame', *errors('hold (uncertainty > 0.8)', 'any')),
        row('live stream', *errors('stream (whole_body)', 0)),
        row('infilled stream, 5 frames late', *errors('stream (whole_body)', 5)),
        row('infilled stream, 30 frames late', *errors('stream (whole_body)', 30)), '',
        'Mean joint error with pelvises aligned, over 256 windows of motion capture a gap, at 30 Hz; sensor noise and '
        'occlusions are simulated.',
        'Half of the windows lie in clips that the predictor was fitted on.', '', *predictors(), '', *age_law(), '',
        *occluder(), '', *rendered_occluder(), '', *temporal_cost(),
    ]


def predictors() -> list[str]:
    """The table of the two fitted predictors of unseen joints."""
    result = load('predictors')
    gaps = sorted({r['gap'] for r in result['rows']})

    def differences(noise: str, group: str, metric: str = 'mpjpe') -> list[str]:
        live = {r['gap']: r for r in result['rows'] if r['noise'] == noise and r['lag'] == 0}
        parts = [live[gap]['groups'][group] if group else live[gap]['learned_minus_linear'] for gap in gaps]
        return ['{:+.1f} [{:+.1f}, {:+.1f}]'.format(*part[metric]) for part in parts]

    def counted(metric: str) -> str:
        cases = [result['verdict']['cases'][f'{noise}, all, {metric}'] for noise in ('poco', 'clean')]
        better, worse = (sum(case[word] for case in cases) for word in ('better', 'worse'))
        return f'better in {better} and worse in {worse}'

    others, wins = 'other data set', result['verdict']['learned_beats_linear_on_every_preset']
    cost = result['step_ms_per_body']
    return [
        row('learned minus linear predictor, live stream, mm ([predictors.json](bench/results/predictors.json))',
            *(f'{gap} frames' for gap in gaps)),
        '|---|' + '---|' * len(gaps),
        row('sensor noise, all windows', *differences('poco', '')),
        row('sensor noise, clips to which neither was fitted', *differences('poco', others)),
        row('no noise, all windows', *differences('clean', '')),
        row('no noise, clips to which neither was fitted', *differences('clean', others)),
        row('place of the pelvis, sensor noise, all windows', *differences('poco', '', 'root_pos')),
        row('place of the pelvis, sensor noise, clips to which neither was fitted',
            *differences('poco', others, 'root_pos')), '',
        'Paired differences of the mean joint error with 95 % intervals; below zero the network (`predictor:=learned`) '
        'is better.',
        f'Of the {len(result["rows"])} cases of noise, gap and lag, joints are {counted("mpjpe")}, the place of the '
        f'pelvis is {counted("root_pos")}.',
        f'Only what is better in every case becomes the default: {"it is" if wins else "the linear step stays it"}.',
        f'A step of the network takes {cost["1 people"]["learned"]:.2f} ms for one person and '
        f'{cost["50 people"]["learned"]:.3f} ms a body for fifty (linear: {cost["1 people"]["whole_body"]:.2f} and '
        f'{cost["50 people"]["whole_body"]:.3f} ms).',
    ]


def age_law() -> list[str]:
    """The table of how often radii of unseen joints hold."""
    result = load('age_law')
    ages = [r['age_frames'] for r in result['groups']['other sources']['live']]

    def held(group: str, stream: str, what: str) -> list[str]:
        return [f'{100 * r[what]:.0f} %' for r in result['groups'][group][stream]]

    rows = [row(f'radii promised to hold for {100 * result["promised"]:.0f} %, on people they were not fitted to '
                '([age_law.json](bench/results/age_law.json))',
                *(f'unseen for {age} frame' + 's' * (age > 1) for age in ages)),
            '|---|' + '---|' * len(ages)]
    for group, people in (('fitted to the other half', 'half of the people by a law fitted to the other half'),
                          ('other sources', 'people of another motion library')):
        for stream in result['groups'][group]:
            for what, words in (('joints', 'each joint'), ('all_joints', 'all joints at once'), ('pelvis', 'pelvis')):
                rows.append(row(f'{people}, {stream}: {words}', *held(group, stream, what)))
    return rows


def occluder() -> list[str]:
    """The sentences about the demo clip with and without its board."""
    result = load('occluder')['together']
    covered, doubted = (result['joints'][k] for k in ('covered', 'covered and not trusted'))

    def errors(part: dict[str, Any]) -> str:
        return ', '.join(f'{part[s]["error_mm"]:.0f} mm {s}' for s in ('raw', 'live', 'infilled'))

    return [
        'The demo clip with its board against the same estimator on the same clip without '
        '([occluder.json](bench/results/occluder.json); not the truth):',
        f'joints that the board covers differ by {errors(covered)}; those of them that are not trusted by '
        f'{errors(doubted)}.',
    ]


def rendered_occluder() -> list[str]:
    """The table of rendered people before whom something passes."""
    result = load('rendered_occluder')
    places = {
        'joints that the thing covers': ('with the thing', 'covered'),
        'of these, those not trusted': ('with the thing', 'covered, not trusted'),
        'all joints in the frames in which it covers some': ('with the thing', 'in the spans'),
        'all joints in the other frames': ('with the thing', 'outside the spans'),
        'the covered joints in the same frames without the thing': ('without the thing', 'covered'),
    }  # fmt: skip
    rows = [row(
        f'something passes before {result["sequences"]} rendered people, mm '
        '([rendered_occluder.json](bench/results/rendered_occluder.json))', 'raw', 'live', 'infilled', 'infilled - raw',
        'infilled better'), '|---|' + '---|' * 5]
    for model, summary in result['models'].items():
        for text, (which, place) in places.items():
            part = summary[which][place]
            if not part['sequences']:
                rows.append(row(f'{model}: {text}', *['-'] * 5))
                continue
            errors = part['aligned_mm']
            gain = errors['infilled - raw']
            spread = '' if gain['deviation'] is None else f' ± {gain["deviation"]:.0f}'
            rows.append(row(f'{model}: {text}', *(f'{errors[s]["mean"]:.0f}' for s in ('raw', 'live', 'infilled')),
                            f'{gain["mean"]:.0f}{spread}', f'{gain["better"]} of {part["sequences"]}'))
    model, summary = next(iter(result['models'].items()))
    blind = summary['with the thing']['bodies in the spans']
    lines = [
        *rows, '',
        'Error to the true joints with pelvises aligned, where all three streams have a body; every sequence counts '
        'once, means and standard deviation over sequences. Not trusted are joints that the temporal stage replaces. '
        'None of the clips, clothes and places trains a network that ships.',
        f'In {blind["without_a_body"]["raw"]} of the {blind["frames"]} frames in which it covers something {model} '
        f'makes no body; the infilled stream lacks one in {blind["without_a_body"]["infilled"]}.',
    ]
    if blind['filled']['frames']:
        ours, last = (blind['filled'][name]['aligned_mm'] for name in ('infilled', 'last raw body'))
        lines.append(f'Where it fills in for a missing one it is off by {ours:.0f} mm; the last raw body before would '
                     f'be by {last:.0f} mm.')
    return lines


def temporal_cost() -> list[str]:
    """The sentence about the time of the temporal stage."""
    result = load('temporal_cost')
    one, five, fifty = (result['cases'][f'{n} people, lag 5'] for n in (1, 5, 50))
    return [
        f'The temporal stage takes {one["seen"]["body_ms"]:.2f} ms a frame for one person, '
        f'{five["seen"]["body_ms"]:.2f} ms a body for five and {fifty["seen"]["body_ms"]:.2f} ms for fifty '
        f'({one["occluded"]["body_ms"]:.2f}, {five["occluded"]["body_ms"]:.2f} and {fifty["occluded"]["body_ms"]:.2f} '
        'ms while nobody is trusted; [temporal_cost.json](bench/results/temporal_cost.json)).',
        f'Over an hour of stream its memory grew by {result["hour"]["grown_after_first_minute_mb"]:.2f} MB.',
    ]


def networks() -> list[str]:
    """The table of the paper's networks."""
    result = load('networks')
    ms, ratios, process = result['ms_per_crop'], result['ratios'], result['process']
    beside = result['beside_the_network']['ms_per_frame']

    def of(kind: str) -> list[str]:
        return [f'{ms[f"{kind}, {precision}"]["p50"]:.0f} ms' for precision in ('fp32', 'bf16')]

    return [
        row("the paper's networks, mock weights, one person, OpenVINO ([networks.json](bench/results/networks.json))",
            'fp32', 'bf16'),
        '|---|---|---|',
        row('POCO-CLIFF (HRNet-W48), median', *of('POCO-CLIFF')),
        row(f'times faster than torch eager ({ms["torch eager"]["p50"]:.0f} ms)',
            *(f'{ratios[f"torch eager / ours, {p}"]:.1f}' for p in ('fp32', 'bf16'))),
        row('over the bare backbone', *(f'{ratios[f"ours / bare backbone, {p}"]:.2f}' for p in ('fp32', 'bf16'))),
        row('with uncertainty over without', *(
            f'{ratios[f"with / without uncertainty, {p}"]:.2f}' for p in ('fp32', 'bf16'))),
        row('from the start of a process to its first body',
            *(f'{process[p]["seconds_to_first_body"]:.1f} s' for p in ('fp32', 'bf16'))),
        row(f'peak memory (torch eager: {result["torch_eager_peak_memory_mb"]:.0f} MB)',
            *(f'{process[p]["peak_memory_mb"]:.0f} MB' for p in ('fp32', 'bf16'))), '',
        f'POCO-PARE takes {ms["poco_pare, bf16"]["p50"]:.0f} ms and POCO-HMR {ms["poco_hmr, bf16"]["p50"]:.0f} ms in '
        'bf16. All that is not the network (crops, cameras, message), of a 720p image: '
        f'{beside["1 people"]["p50"]:.1f} ms for one person, {beside["8 people"]["p50"]:.1f} ms for eight.',
        'TensorRT and CUDA have not been run: no GPU was there. `python bench/networks.py --gpu` measures them.',
    ]


def elsewhere() -> list[str]:
    """What was measured on a machine with another processor, in a sentence; none where nothing was."""
    here, found = load('nodes')['machine']['cpu'], {}
    for path in sorted((ROOT / 'bench' / 'results').glob('*.json')):
        # what holds no times names no machine
        cpu = load(path.stem).get('machine', {}).get('cpu', here)
        if cpu != here:
            found.setdefault(cpu, []).append(path.name)
    return [f'On another machine, an {cpu}: {", ".join(names)}.' for cpu, names in found.items()]


def numbers() -> str:
    machine = load('nodes')['machine']
    lines = [
        f'All on one virtual machine: {machine["cores"]} cores of an {machine["cpu"]}, no GPU, Python '
        f'{machine["python"]}. Every number comes from a JSON file in',
        '[bench/results](bench/results) that holds the command, the machine and the versions.', *elsewhere(), '',
        *graph(), '', *transport(), '', *networks(), '', *videos(), '',
        'The settings of the people finder were chosen while looking at these three videos, so the first two rows are '
        'not an independent test.',
        'The distance to the landmarks says how well the body fits what the landmark network saw, not how right it is '
        'in depth.', '', *calibration(), '', *infill(),
    ]
    return '\n'.join(lines)


if __name__ == '__main__':
    sys.exit(keep(ROOT / 'README.md', {('<!-- numbers from bench/results -->', '<!-- end of numbers -->'): numbers()}))
