"""Models fitted by PyTorch: modules, losses, the training loop. The only part that imports torch."""
