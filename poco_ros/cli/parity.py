"""``poco parity``: whether this package computes what the published networks do, array by array."""

from __future__ import annotations

import importlib.metadata
import json
import math
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from poco_ros.cli.network_packages import TORCH_PACKAGES, require_packages
from poco_ros.errors import PocoError

if TYPE_CHECKING:
    from poco_ros.evaluation.parity.comparison import ArrayResult
    from poco_ros.evaluation.parity.golden import FileResult

_SHOWN = 5
_VERSIONS_OF = ('numpy', 'scipy', 'torch', 'timm')


def parity(
    golden: Annotated[Path, typer.Option(help='folder of golden npz files')],
    base: Annotated[str, typer.Option(help="label that the golden networks' weights were made with, e.g. A")],
    only: Annotated[list[str], typer.Option(help='file to check, e.g. flow.npz; repeatable; left out: all')] = [],  # noqa: B006
    json_file: Annotated[Path | None, typer.Option('--json', help='file to write every result to')] = None,
) -> None:
    """Recompute every array of a folder of golden files, and compare.

    Shows the largest errors of each file against their limits, and everything that misses. Exit code 0 when all
    arrays agree; 1 when one does not, is missing, or is not known.
    """
    require_packages(TORCH_PACKAGES)
    from poco_ros.evaluation.parity.folder import check_folder

    console, status = Console(), Console(stderr=True).status('parity')
    with status:
        results = check_folder(golden, base, only, lambda name: status.update(f'checking {name}'))
    for result in results:
        _show(console, result)
    if json_file is not None:
        _write(json_file, {'golden': str(golden), 'base': base, 'versions': _versions(), **_plain(results)})
    misses = [line for result in results for line in _misses(result)]
    for line in misses:
        console.print(f'[bold red]miss:[/] {escape(line)}', highlight=False, soft_wrap=True)
    arrays = [array for result in results for array in result.arrays]
    passed = sum(array.passed for array in arrays)
    console.print(f'{passed} of {len(arrays)} arrays of {len(results)} files agree', highlight=False)
    if misses:
        raise typer.Exit(1)


def _misses(result: FileResult) -> list[str]:
    """A line for the file where it fails as a whole, and one for each array that misses by itself."""
    whole = [f'{result.name}: {result.problem}'] if result.problem else []
    return whole + [f'{result.name}: {array.name} {array.problem}' for array in result.misses]


def _show(console: Console, result: FileResult) -> None:
    compared = [array for array in result.arrays if array.role == 'compared']
    counted = f'{len(compared)} compared, {sum(array.role == "input" for array in result.arrays)} inputs'
    table = Table(title=f'{result.name}: {counted}', caption=escape(result.note) or None, title_justify='left',
                  caption_justify='left')
    table.add_column('array', overflow='fold', min_width=30)
    table.add_column('error', justify='right')
    table.add_column('limit')
    table.add_column('of the limit', justify='right')
    shown = [array for array in result.arrays if not array.passed]
    passed = sorted((array for array in compared if array.passed), key=lambda array: -array.used)
    for array in [*shown, *passed[:max(0, _SHOWN - len(shown))]]:
        share = '[bold red]miss[/]' if array.problem else f'{100 * array.used:.2g} %'
        error = '' if math.isnan(array.error) else f'{array.error:.2g}'
        table.add_row(escape(array.name), error, str(array.limit or ''), share)
    console.print(table)


def _plain(results: list[FileResult]) -> dict[str, Any]:
    return {
        'passed': all(result.passed for result in results),
        'files': [
            {
                'name': result.name, 'passed': result.passed, 'problem': result.problem, 'note': result.note,
                'arrays': [_plain_array(array) for array in result.arrays],
            }
            for result in results
        ],
    }  # fmt: skip


def _plain_array(array: ArrayResult) -> dict[str, Any]:
    limit = array.limit
    return {
        'name': array.name, 'role': array.role, 'passed': array.passed, 'problem': array.problem,
        'error': array.error if math.isfinite(array.error) else None,
        'limit': limit.value if limit else None, 'measure': limit.measure.value if limit else None,
    }  # fmt: skip


def _versions() -> dict[str, str]:
    import cv2

    return {'opencv': cv2.__version__, **{name: importlib.metadata.version(name) for name in _VERSIONS_OF}}


def _write(path: Path, plain: dict[str, Any]) -> None:
    try:
        path.write_text(json.dumps(plain, indent=1) + '\n', encoding='utf-8')
    except OSError as error:
        raise PocoError(f'cannot write {path}: {error.strerror}') from error
