# Modules frozen into an image of the PRODUCT variant: those of manifest.py that its board can use, and a mark for
# drivers/console.py. Without line numbers (opt=3), 55 KB of them: only a trace has them, which is printed on the console, and
# there is none.
import pathlib

_FOLDERS = ("drivers/meters", "drivers/readers", "drivers/displays")  # a driver is named in the board's data as its file is
# key of the board's data: what only boards with it need
_OF_KEYS = {"LAN": "net/ethernet.py", "HOUSE": "grid/house_input.py", "COPROCESSOR": "drivers/coprocessor.py"}
_USUAL = "serial_ascii"  # the reader of a board that names none


def _files(package, board):
    """Those of the package but what only other boards need, Improv, which wants a console, and FTP, of laboratory units alone."""
    files = {path.relative_to(package).as_posix(): path.read_text() for path in sorted(package.rglob("*.py"))}
    parts = {name for name, text in files.items() if name.startswith(_FOLDERS) and "\n_KINDS = " in text}
    used = {name for name in parts if pathlib.PurePath(name).stem in board + _USUAL}
    used |= {name for name in parts if any("." + pathlib.PurePath(name).stem + " import" in files[other] for other in used)}
    unused = (parts - used) | {"net/improv.py", "net/ftp.py"}
    unused |= {name for key, name in _OF_KEYS.items() if "\n" + key not in board}
    return [name for name in files if name not in unused]


_BOARD = pathlib.Path(include.__self__._resolve_path("$(BOARD_DIR)/board.py"))  # the API of manifests does not tell variables
_PACKAGE = pathlib.Path("../../firmware/charger").resolve()
include("$(BOARD_DIR)/../../manifest.py", opt=3, files=_files(_PACKAGE, _BOARD.read_text()))
module("product_build.py", base_path="$(BOARD_DIR)/../common", opt=3)
