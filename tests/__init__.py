"""What is proved: correctness under `make test`, figures under `make prove` and `make bench`."""
