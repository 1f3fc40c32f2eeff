"""Sound as such: files, measures, pictures and changes of it."""
