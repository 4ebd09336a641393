"""MLflow: in the folder ``mlruns`` of the benchmark, unless MLFLOW_TRACKING_URI names a server or database.

``MLFLOW_ALLOW_FILE_STORE=true mlflow ui --backend-store-uri FOLDER/mlruns`` shows the folder. Files, which MLflow keeps
but no longer extends, can be written by jobs on several nodes at once; a database on a shared file system cannot.
"""

import os
import time
from collections.abc import Mapping

from mlflow.entities import Metric
from mlflow.exceptions import MlflowException
from mlflow.tracking import MlflowClient

from benchmark.train.trackers import TrackedRun

TAG = "fab-bench.run"


def open_log(run: TrackedRun) -> "MlflowLog":
    """The log of a run; one that is resumed goes on with the same run of MLflow."""
    uri = os.environ.get("MLFLOW_TRACKING_URI")
    if not uri:
        os.environ["MLFLOW_ALLOW_FILE_STORE"] = "true"
        uri = (run.folder / "mlruns").absolute().as_uri()
    client = MlflowClient(tracking_uri=uri)
    experiment = _experiment(client, run.benchmark)
    found = client.search_runs([experiment], f"tags.`{TAG}` = '{run.identity}'", max_results=1)
    if found:
        return MlflowLog(client, found[0].info.run_id)
    created = client.create_run(experiment, run_name=run.name, tags={TAG: run.identity})
    for key, value in run.config.items():
        client.log_param(created.info.run_id, key, value)
    return MlflowLog(client, created.info.run_id)


class MlflowLog:
    """The scalars of a run of MLflow."""

    def __init__(self, client: MlflowClient, run_id: str):
        self.client, self.run_id = client, run_id

    def write(self, step: int, scalars: Mapping[str, float]) -> None:
        """Logs the scalars of a step."""
        now = int(1000 * time.time())
        self.client.log_batch(self.run_id, [Metric(name, value, now, step) for name, value in scalars.items()])

    def close(self) -> None:
        """Ends the run."""
        self.client.set_terminated(self.run_id)


def _experiment(client: MlflowClient, name: str) -> str:
    """The experiment of that name; it is made unless another process has made it."""
    found = client.get_experiment_by_name(name)
    if found is None:
        try:
            return client.create_experiment(name)
        except MlflowException:
            found = client.get_experiment_by_name(name)
            if found is None:
                raise
    return found.experiment_id
