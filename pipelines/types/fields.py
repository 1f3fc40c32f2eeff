"""What the fields of requests and results have in common."""

PROMPT_LIMIT_CHARACTERS = 400_000
STAYS = {"stays": True}  # marks a field that does not cross to another process


def one_line(text: str) -> str:
    """`text` on one line of at most 60 characters."""
    line = " ".join(text.split())
    return line if len(line) <= 60 else line[:59] + "…"
