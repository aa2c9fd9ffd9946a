"""The polls of a card reader's driver, each 100 ms as the application makes them."""

from sim import timebase


def listen(reader, ms):
    """The idTags that the polls of so many ms report."""
    tags = []
    for _ in range(ms // 100):
        timebase.advance(100)
        tag = reader.poll()
        if tag:
            tags.append(tag)
    return tags
