"""The order of the test files: those that compute lie evenly between those that wait for chargers, browsers and servers.

By their names alone all that wait come first, while the cores are idle, and all that compute come last.
"""

LONG = (  # files of more than a minute on two cores: they come first, so that none is left for the end
    "outlet/test_events", "sim/test_backend_days", "sim/test_board_day", "sim/test_hostile", "sim/test_house", "sim/test_meters",
    "sim/test_offline", "sim/test_profile_changes", "sim/test_scenarios", "sim/test_update", "sim/test_update_trial",
    "sim/test_web", "unit/test_ocpp_outage", "unit/test_uk_rules",
)  # fmt: skip
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

    def is_long(file):
        return file.is_relative_to(root) and str(file.relative_to(root).with_suffix("")) in LONG

    files = list(dict.fromkeys(item.path for item in items))
    halves = [spread([file for file in files if is_long(file) is long], computes) for long in (True, False)]
    order = {file: at for at, file in enumerate(halves[0] + halves[1])}
    items.sort(key=lambda item: order[item.path])
