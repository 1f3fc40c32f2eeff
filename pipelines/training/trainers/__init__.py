"""One file per trainer: what is learnt, from what, with which loss. The steps themselves are made by loop.py."""
