"""Who starts the steps of a run: threads or processes of this machine, or a Dask or Ray cluster."""

from __future__ import annotations

from typing import Any

from prefect.task_runners import ProcessPoolTaskRunner, TaskRunner, ThreadPoolTaskRunner

from flows.config import RunnerParams
from tasks.step import InputError


def task_runner(params: RunnerParams) -> TaskRunner[Any]:
    """Prefect's task runner for the `runner` section.  Raises InputError when its extra is not installed.

    A step is a process of its own whichever runner starts it; on one machine `threads` costs least.
    """
    if params.kind == "threads":
        return ThreadPoolTaskRunner(max_workers=params.workers)
    if params.kind == "processes":
        return ProcessPoolTaskRunner(max_workers=params.workers)
    if params.kind == "dask":
        return _dask(params)
    return _ray(params)


def _dask(params: RunnerParams) -> TaskRunner[Any]:
    try:
        from prefect_dask import DaskTaskRunner
    except ImportError:
        raise _missing("dask") from None
    if params.address:
        return DaskTaskRunner(address=params.address)
    cluster = {
        "n_workers": 1,
        "threads_per_worker": params.workers,
        "processes": False,
        "dashboard_address": None,
    }
    return DaskTaskRunner(cluster_kwargs=cluster)


def _ray(params: RunnerParams) -> TaskRunner[Any]:
    try:
        from prefect_ray import RayTaskRunner
    except ImportError:
        raise _missing("ray") from None
    if params.address:
        return RayTaskRunner(address=params.address)
    return RayTaskRunner(init_kwargs={"num_cpus": params.workers, "include_dashboard": False})


def _missing(kind: str) -> InputError:
    return InputError(
        f"runner.kind is {kind!r}, but Prefect's {kind} runner is not installed; "
        f"install it with `pip install 'lexmill[{kind}]'` or set runner.kind to threads"
    )
