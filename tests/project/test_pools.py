"""The same leaves through a Dask cluster, and through processes that die."""

import json
from pathlib import Path

import pytest

from atomotion.data import UsageError
from atomotion.project.executor import run_leaves
from atomotion.project.leaf import read_status
from atomotion.project.plan import Leaf
from atomotion.project.pools import DaskPool, LocalPool, record_death
from atomotion.simulate.config import MovieConfig
from atomotion.stages.simulate import STAGE


def leaves(root: Path, count: int) -> list[Leaf]:
    config = {"diameter": 8.0, "frames": 2, "width_px": 32, "height_px": 32, "pixel_size": 0.5}
    return [
        Leaf(
            stage=STAGE,
            subject=f"m{number}",
            folder=root / f"m{number}",
            config=MovieConfig(seed=number, **config),
        )
        for number in range(count)
    ]


def test_local_processes(tmp_path):
    planned = leaves(tmp_path, 3)
    outcomes = run_leaves(lambda: planned, pool=LocalPool(2, 1))
    assert set(outcomes.values()) == {"done"}
    status = read_status(planned[0].folder)
    assert status["peak_memory_MB"] > 10
    assert json.loads((planned[2].folder / "out" / "simulate.json").read_text())["frames"] == 2


def test_a_worker_that_is_killed_is_a_failed_leaf(tmp_path):
    (tmp_path / "status.json").write_text('{"state": "running"}')
    record_death(tmp_path, -9)
    status = read_status(tmp_path)
    assert status["state"] == "failed"
    assert "SIGKILL, perhaps for lack of memory" in status["error"]


@pytest.mark.filterwarnings("ignore")
def test_a_dask_cluster(tmp_path):
    distributed = pytest.importorskip("distributed")
    with distributed.LocalCluster(n_workers=1, threads_per_worker=1, processes=True, dashboard_address=None) as cluster:
        planned = leaves(tmp_path, 2)
        outcomes = run_leaves(lambda: planned, pool=DaskPool(cluster.scheduler_address))
        assert set(outcomes.values()) == {"done"}
        assert set(run_leaves(lambda: planned, pool=DaskPool(cluster.scheduler_address)).values()) == {"kept"}


def test_a_cluster_must_be_an_address():
    with pytest.raises(UsageError, match="neither an address"):
        DaskPool("somewhere")
