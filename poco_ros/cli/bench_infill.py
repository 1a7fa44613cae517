"""``poco bench-infill``: how well gaps are filled, on motion capture with simulated occlusions."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console

from poco_ros.errors import ConfigError, PocoError


def bench_infill(
    data: Annotated[Path, typer.Option(help='motion file (.npz)')],
    json_file: Annotated[Path | None, typer.Option('--json', help='write all numbers to this file')] = None,
    noise: Annotated[list[str], typer.Option(help='preset: poco or clean; may be repeated')] = ['poco', 'clean'],  # noqa: B006
    gap: Annotated[list[int], typer.Option(min=1, help='frames of the occlusion; may be repeated')] = [5, 10, 15, 30],  # noqa: B006
    lag: Annotated[list[str], typer.Option(help='frames, or "offline"; may be repeated')] = ['0', '5', '30'],  # noqa: B006
    count: Annotated[int, typer.Option(min=4, help='windows per length of the gap')] = 256,
    seed: Annotated[int, typer.Option(help='of windows and noise')] = 1,
    predictor: Annotated[list[str], typer.Option(
        help='of the stream: damped, whole_body or learned; may be repeated, differences are those to the first')
    ] = ['damped', 'whole_body'],  # noqa: B006
    plugin: Annotated[str, typer.Option(help='module:factory of another implementation; slow')] = '',
) -> None:
    """Fill simulated gaps with the plain filter, the default stream and baselines, and compare."""
    from poco_ros.evaluation.infill.benchmark import evaluate
    from poco_ros.evaluation.infill.methods import Hold, Method, Raw, StreamMethod, load_plugin
    from poco_ros.evaluation.infill.motion_file import load_motion
    from poco_ros.evaluation.infill.occlusion import PRESETS
    from poco_ros.temporal.predictors import named_predictors

    unknown = [name for name in noise if name not in PRESETS]
    if unknown:
        raise ConfigError(f'--noise must be one of {", ".join(PRESETS)}, not {unknown[0]!r}')
    methods: list[Method] = [load_plugin(plugin)] if plugin else [
        *(StreamMethod(name) for name in named_predictors(predictor)), Hold(), Raw()]
    motion = load_motion(data)
    console = Console()
    rows = [row for preset in noise for row in evaluate(
        methods, motion, preset=preset, gaps=gap, lags=[_lag(text) for text in lag], count=count, seed=seed,
        report=lambda row: console.print(_line(row), highlight=False, markup=False, soft_wrap=True))]
    if json_file is not None:
        try:
            json_file.write_text(json.dumps(rows, indent=1) + '\n', encoding='utf-8')
        except OSError as error:
            raise PocoError(f'cannot write {json_file}: {error.strerror}') from error


def _lag(text: str) -> int | None:
    if text == 'offline':
        return None
    if not text.isdigit():
        raise ConfigError(f'--lag must be a number of frames or "offline", not {text!r}')
    return int(text)


def _line(row: dict[str, Any]) -> str:
    """Return a row of the benchmark as text."""
    text = (
        f'{row["noise"]:5s} gap {row["gap"]:2d} lag {row["lag"]!s:>7s} {row["method"]:26s} mpjpe {row["mpjpe"]:6.1f}±'
        f'{row["mpjpe_ci"]:3.1f} g {row["gmpjpe"]:6.1f} ang {row["angle"]:5.2f} root {row["root_pos"]:6.1f} rrot '
        f'{row["root_rot"]:5.2f} acc {row["accel"]:5.1f} jerk {row["jerk"]:5.1f}/{row["jerk_gt"]:.1f} step95 '
        f'{row["maxstep_p95"]:5.0f} tail {row["mpjpe_tail"]:5.1f}')
    if 'minus_first' in row:
        mean, low, high = row['minus_first']['mpjpe']
        text += f'  minus first {mean:+.1f} [{low:+.1f}, {high:+.1f}]'
    return text
