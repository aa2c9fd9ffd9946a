# Values that a file on flash should not have, with a right checksum.
import json

# As JSON: 1e999 becomes an infinite number.
_ODD = ("null", "true", '""', '"x"', '"\\u0000"', "-1", "0", "1e999", "1.5", "4294967296", "1e30", "9" * 30, "[]", "[[]]", "{}",
        '{"x":[]}')  # fmt: skip


def variants(value):
    """Iterate JSON texts of a value with one part replaced, removed, or doubled."""
    yield from _ODD
    if isinstance(value, dict):
        for name in value:
            rest = {key: item for key, item in value.items() if key != name}
            yield json.dumps(rest)
            inside = json.dumps(rest)[1:-1]
            for text in variants(value[name]):
                yield "{%s%s:%s}" % (inside + "," if inside else "", json.dumps(name), text)
    elif isinstance(value, list):
        yield json.dumps(value + value)
        for at in range(len(value)):
            yield json.dumps(value[:at] + value[at + 1 :])
            before, after = [json.dumps(item) for item in value[:at]], [json.dumps(item) for item in value[at + 1 :]]
            for text in variants(value[at]):
                yield "[%s]" % ",".join(before + [text] + after)  # noqa: RUF005 - MicroPython


def each(files, name, value, read):
    """Call read() with each variant of the file on flash."""
    count = 0
    for text in variants(value):
        files.write(name, text.encode())
        try:
            read()
        except Exception as error:
            print("%s: %s" % (name, text))
            raise error
        count += 1
    files.delete(name)
    return count
