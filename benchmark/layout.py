"""Names of the files in a run folder.

<out>/<benchmark>/<data>/<variant>/seed<k>-<hash>/
config.yaml  status.json  environment.json  metrics.jsonl  checkpoint.pt
method.safetensors  encoder.safetensors  cost.json  features/  probes/  pictures/  done/<stage>.json
"""

PARTS = ("pretrain", "embed", "probe")  # of a run; each may run as a job of its own
CONFIG = "config.yaml"  # the method, options, encoder and input size that the weights belong to
WEIGHTS = "method.safetensors"
ENCODER = "encoder.safetensors"
CHECKPOINT = "checkpoint.pt"  # removed once the run is done
METRICS = "metrics.jsonl"
COST = "cost.json"
PICTURES = "pictures"
