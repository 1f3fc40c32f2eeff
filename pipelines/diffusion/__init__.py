"""What stands between a diffusers pipeline and the studio: schedulers, previews, the steps, the prompt. Each file says what it does."""
