"""All golden files of a folder, checked one after the other."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

from poco_ros.errors import ConfigError
from poco_ros.evaluation.parity import (
    eval_file,
    flow_file,
    geometry_file,
    loss_file,
    network_files,
    one_euro_file,
    preproc_file,
    uncert_file,
)
from poco_ros.evaluation.parity.golden import Context, FileResult, GoldenFile, check_file
from poco_ros.evaluation.parity.weights import check_base

FILES: tuple[GoldenFile, ...] = (
    geometry_file.FILE, preproc_file.FILE, preproc_file.FILE_OPENCV5, one_euro_file.FILE, eval_file.FILE,
    uncert_file.FILE, flow_file.FILE, loss_file.FILE, *network_files.FILES,
)
"""The golden files of SPEC section 15.3."""


def check_folder(
    folder: Path, base: str, only: Sequence[str] = (), started: Callable[[str], None] | None = None
) -> list[FileResult]:
    """Recompute and compare every array of a folder of golden files.

    :param folder: where the files lie; others than npz files are not looked at.
    :param base: label of the weights' rule that the files were made with.
    :param only: names of files, with or without '.npz'; empty: all. With all, a file that is missing or not known is a
        miss.
    :param started: told the name of each file before it is checked.
    :raises ConfigError: when there is no such folder, no such file name, or the label is not the one of the files.
    """
    if not folder.is_dir():
        raise ConfigError(f'there is no folder {folder}: --golden is the folder that holds the golden npz files')
    chosen = _chosen(only)
    check_base([folder / file.name for file in network_files.FILES], base)
    results = []
    for file in chosen:
        if started:
            started(file.name)
        results.append(check_file(file, Context(base, folder)))
    if not only:
        known = {file.name for file in FILES}
        results += [
            FileResult(path.name, problem=f'{path} is no golden file that is known')
            for path in sorted(folder.glob('*.npz')) if path.name not in known]
    return results


def _chosen(only: Sequence[str]) -> list[GoldenFile]:
    names = {file.name.removesuffix('.npz'): file for file in FILES}
    wanted = [name.removesuffix('.npz') for name in only]
    unknown = [name for name in wanted if name not in names]
    if unknown:
        raise ConfigError(f'no golden file is called {unknown[0]!r}; there are {", ".join(names)}')
    return [file for name, file in names.items() if not only or name in wanted]
