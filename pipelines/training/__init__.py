"""Training: recipes, data sets, trainers, and checkpoints that resume. Knows neither gradio nor the studio."""
