"""Values of options; argparse says "invalid positive integer value" from the functions' names."""


def positive(text):
    number = natural(text)
    if not number:
        raise ValueError
    return number


def natural(text):
    if not text.isascii() or not text.isdigit():
        raise ValueError
    return int(text)


positive.__name__ = "positive integer"
natural.__name__ = "non-negative integer"
