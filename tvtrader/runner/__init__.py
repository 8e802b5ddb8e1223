"""The whole service in one process, with nothing to install beside it: what ./run starts."""
