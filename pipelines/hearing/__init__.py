"""Speech as text: the way of a recording through a model, window by window."""
