"""The order of the test files: those that compute lie evenly between those that wait for chargers, browsers and servers.

By their names alone all that wait come first, while the cores are idle, and all that compute come last.
"""

COMPUTING = ("calibration", "charging", "coprocessor", "crypto", "house", "modbus", "outlet", "target", "unit")


def spread(files, computes):
    """The files, those for which computes(file) holds evenly between the others; both kinds keep their order."""
    kinds = [[file for file in files if computes(file) is kind] for kind in (False, True)]
    places = [((at + 0.5) / len(kind), file) for kind in kinds for at, file in enumerate(kind)]
    return [file for _, file in sorted(places, key=lambda place: place[0])]


def pytest_collection_modifyitems(config, items):
    """Order the items by their files."""
    root = config.rootpath / "host_tests"

    def computes(file):
        return file.is_relative_to(root) and file.relative_to(root).parts[0] in COMPUTING

    order = {file: at for at, file in enumerate(spread(list(dict.fromkeys(item.path for item in items)), computes))}
    items.sort(key=lambda item: order[item.path])
