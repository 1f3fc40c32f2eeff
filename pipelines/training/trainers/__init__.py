"""One file per trainer: what is learnt, from what, with which loss. The shape: trainer.py. The steps: loop.py."""
