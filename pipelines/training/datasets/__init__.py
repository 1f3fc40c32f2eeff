"""One file per data set: where it comes from, under which licence, and how it becomes tensors. The shape: data.py."""
