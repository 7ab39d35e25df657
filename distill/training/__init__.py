"""Batches, loss, trainer, optimizers, schedules, checkpoints: from the first optimizer step to the last."""
