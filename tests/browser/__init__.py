"""The page in a real browser against a real server: one file for each tab."""
