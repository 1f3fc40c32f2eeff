"""Pictures as such: opened, checked and brought to a size."""
