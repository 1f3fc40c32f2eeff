"""The Hugging Face hub: what it holds, how its files come onto this disk, and what is there."""
