"""What is written token by token: text out of tokens, and verse in regular form."""
