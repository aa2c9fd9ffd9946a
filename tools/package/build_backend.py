"""Build the wheel of `pilotlight-sim`, for pip, pipx and uv (PEP 517). Standard library only, so a build fetches nothing.

The wheel holds the command and one archive with the project's files that simulated chargers need. The same files give the same
archive, byte for byte.
"""

import base64
import hashlib
import io
import tomllib
import zipfile
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
COMMAND = Path(__file__).resolve().parent / "pilotlight_sim"
FOLDERS = ("boards", "firmware", "tools", "web")
FILES = ("LICENSE", "manifest.py", "requirements.lock")
_MADE = {"__pycache__", "node_modules", "build"}  # folders of generated files
_MADE_FILES = ("firmware/charger/local_api/page_assets.",)
_WHEEL = "Wheel-Version: 1.0\nGenerator: tools/package/build_backend.py\nRoot-Is-Purelib: true\nTag: py3-none-any\n"


def project():
    """The table [project] of pyproject.toml."""
    return tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]


def sources():
    """Path in the archive -> file, for all files of the archive."""
    found = {name: ROOT / name for name in FILES}
    for folder in FOLDERS:
        for path in sorted((ROOT / folder).rglob("*")):
            place = path.relative_to(ROOT).as_posix()
            if path.is_file() and not _MADE & set(path.parts) and not place.startswith(_MADE_FILES):
                found[place] = path
    return found


def _write(archive, place, data, executable=False):
    entry = zipfile.ZipInfo(place)  # dated 1980-01-01
    entry.compress_type = zipfile.ZIP_DEFLATED
    entry.external_attr = (0o755 if executable else 0o644) << 16
    archive.writestr(entry, data)


def archive_of(files):
    """The bytes of the project's archive."""
    data = io.BytesIO()
    with zipfile.ZipFile(data, "w") as archive:
        for place, path in sorted(files.items()):
            _write(archive, place, path.read_bytes(), bool(path.stat().st_mode & 0o100))
    return data.getvalue()


def metadata():
    """The METADATA file of the package."""
    table = project()
    lines = ["Metadata-Version: 2.1", f"Name: {table['name']}", f"Version: {table['version']}",
             f"Summary: {table['description']}",
             f"License: {table['license']['text']}", f"Requires-Python: {table['requires-python']}"]
    return "\n".join([*lines, *(f"Requires-Dist: {name}" for name in table["dependencies"])]) + "\n"


def _record(files):
    """The list of a wheel's files with their hashes (PEP 427)."""
    lines = []
    for place, data in files.items():
        digest = base64.urlsafe_b64encode(hashlib.sha256(data).digest()).rstrip(b"=").decode()
        lines.append(f"{place},sha256={digest},{len(data)}")
    return "\n".join(lines)


def _contents():
    """(path in the wheel -> bytes, name of the folder with its metadata)."""
    about = f"{project()['name']}-{project()['version']}.dist-info"
    files = {f"pilotlight_sim/{path.name}": path.read_bytes() for path in sorted(COMMAND.glob("*.py"))}
    files["pilotlight_sim/project.zip"] = archive_of(sources())
    scripts = "".join(f"{name} = {target}\n" for name, target in project()["scripts"].items())
    files[f"{about}/METADATA"] = metadata().encode()
    files[f"{about}/WHEEL"] = _WHEEL.encode()
    files[f"{about}/entry_points.txt"] = f"[console_scripts]\n{scripts}".encode()
    files[f"{about}/licenses/LICENSE"] = (ROOT / "LICENSE").read_bytes()
    return files, about


def build_wheel(wheel_directory, config_settings=None, metadata_directory=None):
    """Write the wheel into a folder; return its name."""
    files, about = _contents()
    files[f"{about}/RECORD"] = f"{_record(files)}\n{about}/RECORD,,\n".encode()
    name = f"{about.removesuffix('.dist-info')}-py3-none-any.whl"
    with zipfile.ZipFile(Path(wheel_directory) / name, "w") as wheel:
        for place, data in files.items():
            _write(wheel, place, data)
    return name


def build_sdist(sdist_directory, config_settings=None):
    """Raise NotImplementedError: the checkout is the source."""
    raise NotImplementedError("There is no source archive: build from a checkout, 'pip install .'.")
