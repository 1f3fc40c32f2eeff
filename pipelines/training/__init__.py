"""Training: runs, trainers, data sets, and checkpoints that resume. Knows neither gradio nor the studio."""
