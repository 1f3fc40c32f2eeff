"""What stands in the small boxes of the Audio tab, as numbers. Knows no gradio. A box takes any text."""


def whole(text: object) -> int | None:
    """Empty is none. What is no whole number becomes -1, which every range refuses."""
    digits = str(text or "").strip()
    if not digits:
        return None
    return int(digits) if digits.isascii() and digits.isdecimal() and len(digits) < 16 else -1


def real(text: object) -> float | None:
    """Empty is none. What is no number that is at least 0 becomes -1, which every range refuses."""
    words = str(text or "").strip()
    if not words:
        return None
    try:
        value = float(words)
    except ValueError:
        return -1.0
    return value if 0 <= value < 1e6 else -1.0


def seconds(text: object) -> float | None:
    """ "7.5" or "1:07.5". Empty is none; what is no time becomes -1, which every range refuses."""
    words = str(text or "").strip().replace("：", ":")
    if not words:
        return None
    try:
        parts = [float(part) for part in words.split(":")]
    except ValueError:
        return -1.0
    at = sum(part * 60**place for place, part in enumerate(reversed(parts)))
    return at if 0 <= at < 1e6 and len(parts) <= 3 else -1.0


def shown(value: float | None) -> str:
    return "" if value is None else f"{value:g}"
