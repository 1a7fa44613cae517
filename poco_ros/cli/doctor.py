"""``poco doctor``: what is there, what is missing, and how to mend it."""

from __future__ import annotations

import dataclasses
import json
import os
from collections.abc import Iterable, Iterator, Mapping

from rich.console import Console
from rich.markup import escape

from poco_ros.cli import checks, network_checks
from poco_ros.cli.checks import Check, CheckFunction, Verdict
from poco_ros.cli.isolation import isolated
from poco_ros.environment import ros_environment

_SIGNS = {Verdict.OK: '[green]ok  [/]', Verdict.NOTE: '[yellow]note[/]', Verdict.FAIL: '[bold red]FAIL[/]'}


def all_checks(shell: Mapping[str, str]) -> list[CheckFunction]:
    """Return the checks in the order of the report, what others build upon first.

    :param shell: the environment as the user has it.
    """
    return [
        checks.python, checks.ros, checks.messages, checks.launch, checks.model_files, checks.body_model,
        checks.openvino, checks.opencv, checks.estimator, network_checks.networks, network_checks.engines,
        lambda: checks.profile(shell), checks.transport, checks.cameras, checks.optional_parts,
    ]


def run(functions: Iterable[CheckFunction]) -> Iterator[Check]:
    """Give the outcome of every check; one that breaks has failed, and the others are still made."""
    for function in functions:
        try:
            yield function()
        except Exception as error:  # a doctor must not die of what it looks for
            yield Check(function.__name__.replace('_', ' '), Verdict.FAIL, f'{type(error).__name__}: {error}')


def run_doctor(console: Console, as_json: bool) -> int:
    """Make all checks and report them.

    :returns: exit code: 0 when the main job can run, 1 otherwise.
    """
    shell = dict(os.environ)
    os.environ.update(isolated(ros_environment()))
    outcome = []
    for check in run(all_checks(shell)):
        outcome.append(check)
        if not as_json:
            _print(check, console)
    bad = [check.name for check in outcome if check.verdict is Verdict.FAIL]
    if as_json:
        items = [{**dataclasses.asdict(check), 'verdict': check.verdict.value} for check in outcome]
        console.print_json(json.dumps({'can_run': not bad, 'checks': items}))
    elif bad:
        console.print(f'[bold red]Not ready:[/] mend {", ".join(bad)}.')
    else:
        console.print('[bold green]Ready.[/] Try: poco demo')
    return 1 if bad else 0


def _print(check: Check, console: Console) -> None:
    console.print(f'{_SIGNS[check.verdict]} {check.name:17}{escape(check.found)}', highlight=False, soft_wrap=True)
    if check.mend:
        console.print(f'     {"":17}[dim]-> {escape(check.mend)}[/]', highlight=False, soft_wrap=True)
