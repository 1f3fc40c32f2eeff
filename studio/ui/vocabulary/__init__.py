"""Every word of the page, English and Chinese: one file for each tab. Said by `studio/ui/words.py`."""
