"""What is told of the two lifts: errors, millimetres that hold, and what making one costs."""

from __future__ import annotations

from typing import Any

from results import load, row

LIFTS = {'poco_lift': 'POCO-Lift', 'analytic lift': 'analytic lift'}
CALIBRATED = {'poco_lift_calibration': "POCO-Lift's", 'lift_calibration': "the analytic lift's"}


def against_analytic() -> list[str]:
    """The table of both on people whom neither has seen."""
    result = load('poco_lift')
    cases = {'people not trained on': result['test'], **result['shift']}

    def errors(name: str, key: str) -> list[str]:
        return [f'{case["models"][name]["errors"][key]:.0f}' for case in cases.values()]

    def worth(key: str, digits: int, *uncertainties: str) -> list[str]:
        return [' / '.join(f'{case["uncertainties"][one]["bodies"]["mpjpe_mm"][key]:.{digits}f}'
                           for one in uncertainties) for case in cases.values()]

    others = ('own', 'calibrated', 'analytic lift (its uncertainty)', 'landmark visibility')
    rows = [row(f'{title}, mm: {text}', *errors(name, key))
            for key, title in (('mpjpe_mm', 'joints, pelvises together (MPJPE)'),
                               ('pa_mpjpe_mm', 'after the best similarity (PA-MPJPE)'),
                               ('pve_mm', 'vertices (PVE)'),
                               ('picture_mm', "visible joints in the picture, at the person's distance"))
            for name, text in LIFTS.items()]
    test = result['test']
    occluded = {one['name']: one for one in test['groups']['occlusion']}
    sides = {one['name']: one for one in test['groups']['sides']}
    mistaken, right = sides['left taken for right'], sides['left and right as they are']
    return [
        row('POCO-Lift against the analytic lift, rendered people ([poco_lift.json](bench/results/poco_lift.json))',
            *cases),
        '|---|' + '---|' * len(cases), *rows,
        row("correlation of a body's uncertainty with its error: POCO-Lift (`uncertainty` / `body_error_mm`) / "
            'analytic lift / landmark visibility', *worth('pcc', 2, *others)),
        row('area above the best possible sparsification (AUSE): the same', *worth('ause', 2, *others)), '',
        f'Over the {test["common"]} of {test["samples"]} test people whom both give a body; POCO-Lift leaves out '
        f'{test["models"]["poco_lift"]["lost"]}, the analytic lift {test["models"]["analytic lift"]["lost"]}. By what '
        'is hidden of somebody, POCO-Lift errs by ' + ', '.join(
            f'{one["mpjpe_mm"]:.0f} mm ({name})' for name, one in occluded.items()) + '.',
        f'Of {mistaken["samples"] / (mistaken["samples"] + right["samples"]):.0%} BlazePose took the left side for '
        f'the right: there POCO-Lift errs by {mistaken["mpjpe_mm"]:.0f} mm, elsewhere by {right["mpjpe_mm"]:.0f} mm.',
        f'Calibrated radii at 90 % held in {_held(result, "openvino")} of the sequences through OpenVINO, '
        f'{_held(result, "torch")} through torch. The graph has {result["graph_mb"]} MB.', _noticed(),
    ]


def _noticed() -> str:
    """Whether POCO-Lift's numbers rise where something covers a joint, in a sentence."""
    shows = load('noticing')['shows']

    def of(number: str) -> str:
        rendered, *videos = (f'{show[f"poco_lift, {number}"]["auroc"]:.2f}' for show in shows.values())
        return f'{rendered} on rendered people and {", ".join(videos)} on {len(videos)} real videos'

    return ('Where something passes before people, `joint_error_mm` of a joint is larger while it is covered than '
            f'while it is not with a probability of {of("joint_error_mm")} (AUROC; '
            '[noticing.json](bench/results/noticing.json)); of '
            f'`joint_uncertainty` that is {of("joint_uncertainty")}.')


def noticing() -> list[str]:
    """The table of how well the lifts notice what covers a joint."""
    result = load('noticing')
    numbers = {'joint_error_mm': 'calibrated error', 'joint_uncertainty': 'sigma'}
    lines = [row('a joint\'s number is larger while something covers it, AUROC '
                 '([noticing.json](bench/results/noticing.json))', *result['shows']),
             '|---|' + '---|' * len(result['shows'])]
    lines += [row(f'{text}: {what}', *(f'{show[f"{model}, {number}"]["auroc"]:.2f}' for show in
                                        result['shows'].values()))
              for model, text in (('poco_lift', 'POCO-Lift'), ('lift', 'analytic lift'))
              for number, what in numbers.items()]
    return [*lines, '', 'On the real videos a board is carried over the pictures. 0.5 notices nothing; mean over the '
            'joints. `temporal_node` goes by the calibrated error where there is one.']


def _held(result: dict[str, Any], engine: str) -> str:
    return f'{result["coverage"][engine]["0.9"]["mean_sequences"]:.1%}'


def calibration(name: str) -> list[str]:
    """The table of how far the millimetres of a lift hold.

    :param name: of the JSON file.
    """
    result = load(name)
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
        row(f'{CALIBRATED[name]} millimetres, rendered people ([{name}.json](bench/results/{name}.json))', *cases),
        '|---|' + '---|' * len(cases),
        row('a joint is within its 90 % radius in 90 % of the frames: share of sequences, mean / worst joint',
            *held(0.9)),
        row('the same at 95 %', *held(0.95)),
        row('all 24 joints at once, at 90 %', *held(0.9, 'body')),
        row('position before the camera, at 90 %', *held(0.9, 'position')),
        row('expected errors are off by (ENCE)', *share('expected_error', 'joints', 'normalised_error')),
        row(f'`confidence` (mean joint error under {bound:.0f} mm) is off by (ECE)', *share('confidence', 'ece')),
        row('called unfamiliar (`in_domain`)', *share('domain', 'flagged')), '',
        f'{result["data"]["num_sequences"]} rendered sequences calibrated it, after an error network had learned from '
        f'{result["data"]["num_learned_sequences"]} others. The promise costs width: '
        f'the median radius of a joint at 90 % is {radius["summary"]["mean_radius_mm"]:.0f} mm, because nine of ten '
        '*sequences* must keep nine of ten frames within.',
        'The promise is for people, cameras and scenes like those of calibration; the last three columns show what is '
        'left of it elsewhere.',
    ]


def making() -> list[str]:
    """What data and training cost."""
    result = load('lift')
    made, trained, run = result['making'], result['training'], result['running']
    lines = [row(f'`poco synth`, {made["samples"]} samples ([lift.json](bench/results/lift.json))', 'samples a second',
                 'peak memory'), '|---|---|---|']
    lines += [row(_one(name), f'{case["samples_per_s"]:.0f}', f'{case["peak_memory_mb"]} MB')
              for name, case in made.items() if isinstance(case, dict)]
    lines += ['', row(f'`poco train lift`, {trained["batch"]} people a step', 'a step', 'peak memory'), '|---|---|---|']
    lines += [row(_one(name), f'{case["step_ms"]:.0f} ms', f'{case["peak_memory_mb"]} MB')
              for name, case in trained.items() if isinstance(case, dict)]
    network, whole = (run[name]['p50'] for name in ('network_ms', 'regressor_ms'))
    return [*lines, '', f"POCO-Lift's network takes {network:.1f} ms a person on one thread, all of the regressor "
            f'{whole:.1f} ms.']


def _one(name: str) -> str:
    """'1 processes' as one says it."""
    return name[:-2] if name == '1 processes' else name[:-1] if name == '1 threads' else name
