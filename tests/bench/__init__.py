"""What is measured, not asserted: each module writes its figures to `results/` with commit and machine."""
