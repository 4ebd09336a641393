"""Training of encoders.

`loop.pretrain` trains one method on one stream of batches; the other modules are its parts:

* `stream`: batches in order, read ahead by worker processes
* `augment`: crop jitter on the device
* `step`: one training step
* `schedule`: learning rate and curriculum
* `validation`: validation loss and sample pictures
* `checkpoint`: save and resume
* `log`: metrics.jsonl and TensorBoard
* `cost`: steps, time and memory of a run
* `statistics`: batch-norm statistics of an encoder that is not trained
* `weights`, `warm_start`: weights in files, and as initial weights of another method
* `distributed`, `sync_batchnorm`: several processes with the numerics of one
* `supervised`: loss of the supervised ceiling
* `device`: device and precision
"""
