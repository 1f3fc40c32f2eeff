"""What a model does. Knows neither gradio nor the studio; usable from a script."""
