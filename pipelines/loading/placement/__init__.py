"""Where weights lie and in which number format."""
