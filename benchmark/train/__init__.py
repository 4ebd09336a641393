"""Pre-training: the loop, schedules, augmentation, distributed training and warm starts."""
