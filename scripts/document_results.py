"""Writes the measured numbers into README.md, docs/measured.md and POCO-Lift's card, from bench/results.

    python scripts/document_results.py           # rewrite them
    python scripts/document_results.py --check   # exit status 1 when they are out of date
"""

from __future__ import annotations

import sys
from typing import Any

from generated import keep
from lift_results import against_analytic, calibration, making, noticing
from results import ROOT, load, row
from temporal_results import age_law, infill, occluder, predictors, rendered_occluder, temporal_cost


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
        'With POCO-Lift, the default. The five people are one real person five times side by side. Images and messages '
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


def overview() -> str:
    """What the README says."""
    machine = load('nodes')['machine']
    lines = [
        f'On one virtual machine: {machine["cores"]} cores of an {machine["cpu"]}, no GPU, Python {machine["python"]}. '
        'Every number comes from a JSON file in',
        '[bench/results](bench/results) that holds the command and, where times are measured, the machine.',
        *elsewhere(),
        'More, above all on frames that cannot be trusted: [docs/measured.md](docs/measured.md).', '',
        *graph(), '', *transport(), '', *networks(), '', *videos(), '',
        'The settings of the people finder were chosen while looking at these three videos, so the first two rows are '
        'not an independent test.',
        'The distance to the landmarks says how well the body fits what the landmark network saw, not how right it is '
        'in depth.', '', *against_analytic(), '', *calibration('poco_lift_calibration'), '', *infill(), '',
        *temporal_cost(),
    ]
    return '\n'.join(lines)


def details() -> str:
    """What docs/measured.md says."""
    lines = [
        '## Making and training a lift', '', *making(), '',
        "## The analytic lift's millimetres", '', *calibration('lift_calibration'), '',
        '## Something passes before people', '', *noticing(), '', *rendered_occluder(), '', *occluder(), '',
        '## Radii of joints that are not seen', '', *age_law(), '',
        '## The two predictors of joints that are not seen', '', *predictors(),
    ]
    return '\n'.join(lines).replace('](bench/', '](../bench/')


def main() -> int:
    """Write all, or compare all."""
    markers = '<!-- numbers from bench/results -->', '<!-- end of numbers -->'
    card = '\n'.join(against_analytic()).replace('](bench/', '](../../bench/')
    documents = {ROOT / 'README.md': overview(), ROOT / 'docs' / 'measured.md': details(),
                 ROOT / 'engines' / 'poco_lift' / 'README.md': card}
    return max([keep(document, {markers: text}) for document, text in documents.items()])


if __name__ == '__main__':
    sys.exit(main())
