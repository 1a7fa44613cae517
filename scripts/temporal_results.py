"""Tables and sentences about the temporal stage."""

from __future__ import annotations

from typing import Any

from results import load, row


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
        'Half of the windows lie in clips that the predictor was fitted on.',
    ]


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
        'The demo clip with its board, the analytic lift against itself on the same clip without '
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
        'once, means and standard deviation over sequences. Not trusted are joints that the temporal stage replaces '
        f'(`trust.measure: {result["trust_by"]}`). '
        'None of the clips, clothes and places trains a network that ships.',
        f'In {blind["without_a_body"]["raw"]} of the {blind["frames"]} frames in which it covers something {model} '
        f'makes no body; the infilled stream lacks one in {blind["without_a_body"]["infilled"]}.',
    ]
    if blind['filled']['frames']:
        ours, last = (blind['filled'][name]['aligned_mm'] for name in ('infilled', 'last raw body'))
        lines.append(f'Where it fills in for a missing one it is off by {ours:.0f} mm; the last raw body before would '
                     f'be by {last:.0f} mm.')
    return lines
