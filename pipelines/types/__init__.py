"""What goes into a pipeline, what it says on the way, and what comes out: frozen dataclasses, no behaviour but checks."""
