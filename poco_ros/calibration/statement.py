"""What a calibration promises, in words, for the file and the report."""

from __future__ import annotations

from poco_ros.calibration.conformal import finest_level
from poco_ros.calibration.model import CalibrationData


def coverage_statement(data: CalibrationData, levels: tuple[float, ...]) -> str:
    """Return what the radii promise, and what they do not."""
    n = data.num_radius_sequences
    percent = ', '.join(f'{100 * level:g} %' for level in levels)
    sure = (f'this holds with certainty {100 * data.certainty:g} % over the draw of the {n}' if data.certainty else
            f'this holds on average over the draw of the {n}, which are too few for more')
    others = (f'{data.num_learned_sequences} others, of {data.learned_name} ({data.learned_split}), which an error '
              f'network learned from; the {n} are of {data.num_subjects} subjects' if data.learned_name else
              f'{data.num_sequences - n} others; all are of {data.num_subjects} subjects')
    return (
        f'Calibrated per sequence: radii on {n} sequences, expected errors on {others}. At each level L of {percent}, '
        f'for sequences drawn as the {n} were: '
        '(1) with probability at least L, a new sequence has joint j within joint_radius_mm[j] in at least the part L '
        f'of its frames; {sure}; (2) on average over the draw, a frame drawn from a new sequence has it there with '
        'probability at least L. Both hold for each joint by itself, over all its frames and, where enough sequences '
        'had such frames, separately over the frames in which it was seen, half seen and not seen. They do not hold '
        'for all joints at once; body_radius_mm does: (1) and (2) for the largest of the 24 errors. transl_radius_mm: '
        '(1) and (2) for the position of the pelvis in the optical frame; everything else is with pelvises aligned. '
        'Nothing is promised where a field is NaN, nor for people, clothes, cameras or scenes unlike these: in_domain '
        'finds some of those, not all. The sequence, not the person, is taken for independent: several sequences of '
        f'one subject count as several. With {n} sequences the finest level is {finest_level(n):.4f}.'
    )
