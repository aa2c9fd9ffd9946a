#!/usr/bin/env python3
"""Make, sign and check update bundles (docs/UPDATE.md).

  tools/release.py keys ~/pilotlight-keys
  tools/release.py build --board SIM --version 0.2.0 --counter 1 --key ~/pilotlight-keys/update.pem -o build/0.2.0.plu
  tools/release.py verify --public ~/pilotlight-keys/update.pub.pem build/0.2.0.plu
  tools/release.py sign --key ~/pilotlight-keys/signing.pem build/0.2.0.plu      (what SignedUpdateFirmware carries)
  tools/release.py notice --url https://updates.example/0.2.0.plu build/0.2.0.plu -o build/notice.json

The same source, version and key give the same bytes. Private keys stay outside of the checkout; a passphrase comes from
--passphrase-file. Exit codes: 0 done, 1 a bundle is not good, 2 with one sentence on stderr for everything else.
"""

import argparse
import base64
import datetime
import hashlib
import json
import os
import re
import subprocess
import sys
import tempfile
from pathlib import Path

import bundle as bundles
import image_size
import romfs
from board_definition import loading
from cli import failed
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

ROOT = Path(__file__).resolve().parent.parent
_VERSION = re.compile(r"\d{1,5}\.\d{1,5}\.\d{1,5}(-[0-9a-z.]{1,16})?")
_TEN_YEARS = datetime.timedelta(days=3652)


class Mistake(Exception):
    """A fault of the arguments or files, as one sentence."""


# --- keys ---


def _passphrase(given):
    if given.passphrase_file is None:
        return None
    try:
        return given.passphrase_file.read_bytes().partition(b"\n")[0] or None
    except OSError as error:
        raise Mistake(f"--passphrase-file cannot be read: {error}.") from error


def _write(path, content, mode=0o644):
    """A new file; one that exists is never replaced, as it may be the only copy of a key."""
    try:
        with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode), "wb") as file:
            file.write(content)
    except OSError as error:
        raise Mistake(f"{path} cannot be made: {error.strerror}.") from error
    print(f"{path}")


def _private_pem(key, passphrase):
    protection = serialization.BestAvailableEncryption(passphrase) if passphrase else serialization.NoEncryption()
    return key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, protection)


def _certificate(subject, key, issuer, issuer_key, authority):
    """One certificate of the maker's own small hierarchy, for the whitepaper's signed updates (WP-30)."""
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, subject)])
    now = datetime.datetime.now(datetime.UTC)
    builder = (
        x509.CertificateBuilder().subject_name(name).issuer_name(issuer or name).public_key(key.public_key())
        .serial_number(x509.random_serial_number()).not_valid_before(now).not_valid_after(now + _TEN_YEARS)
        .add_extension(x509.BasicConstraints(ca=authority, path_length=0 if authority else None), critical=True)
        .add_extension(x509.KeyUsage(not authority, False, False, False, False, authority, authority, False, False), True)
    )  # fmt: skip
    if not authority:
        builder = builder.add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.CODE_SIGNING]), critical=False)
    return builder.sign(issuer_key, hashes.SHA256())


def make_keys(given):
    """The key that signs bundles, and root, key and certificate for SignedUpdateFirmware."""
    folder = given.folder.expanduser().absolute()
    if ROOT in (folder, *folder.parents):
        raise Mistake("Keys are kept outside of the checkout.")
    passphrase = _passphrase(given)
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    update, root, signing = (ec.generate_private_key(ec.SECP256R1()) for _ in range(3))
    public = update.public_key().public_bytes(
        serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
    )
    root_certificate = _certificate("Firmware root", root, None, root, authority=True)
    signing_certificate = _certificate("Firmware signing", signing, root_certificate.subject, root, authority=False)
    _write(folder / "update.pem", _private_pem(update, passphrase), 0o600)
    _write(folder / "update.pub.pem", public)
    _write(folder / "root.pem", _private_pem(root, passphrase), 0o600)
    _write(folder / "root.crt.pem", root_certificate.public_bytes(serialization.Encoding.PEM))
    _write(folder / "signing.pem", _private_pem(signing, passphrase), 0o600)
    _write(folder / "signing.crt.pem", signing_certificate.public_bytes(serialization.Encoding.PEM))


def _private_key(path, given):
    try:
        return serialization.load_pem_private_key(path.expanduser().read_bytes(), _passphrase(given))
    except (OSError, ValueError, TypeError) as error:
        raise Mistake(f"{path} is no private key that can be read: {error}.") from error


def _p256(key, path):
    if not isinstance(getattr(key, "curve", None), ec.SECP256R1):
        raise Mistake(f"{path} is no P-256 key.")
    return key


# --- building ---


def _built(given):
    """Seconds since 1970 of the build: as given, SOURCE_DATE_EPOCH, or the time of the newest commit."""
    if given.built is not None:
        return given.built
    text = os.environ.get("SOURCE_DATE_EPOCH")
    if text is None:
        done = subprocess.run(["git", "-C", str(ROOT), "log", "-1", "--format=%ct"], capture_output=True, text=True, check=False)
        text = done.stdout.strip()
    if not text.isdigit():
        raise Mistake("Give --built SECONDS or SOURCE_DATE_EPOCH: the time of the newest commit is not known here.")
    return int(text)


def _version_module(given, built):
    """version.py of the image: the tree's own, with this release's values."""
    text = (ROOT / "firmware" / "charger" / "version.py").read_text(encoding="utf-8")
    for name, value in (("VERSION", f'"{given.version}"'), ("COUNTER", str(given.counter)), ("BUILD_UTC_S", str(built))):
        text, count = re.subn(rf"^{name} = .*$", f"{name} = {value}", text, flags=re.MULTILINE)
        if count != 1:
            raise Mistake(f"charger/version.py has no {name}.")
    return text


def _sim_image(given, built):
    with tempfile.TemporaryDirectory() as folder:
        place = Path("charger/version.py")
        content = romfs.build(Path(folder) / "app.romfs", {place: _version_module(given, built)}).read_bytes()
    return bundles.sim_image(content, given.version, given.counter)


def _chip_image(given):
    """The port's application image, built with `make firmware` from a tree with this version."""
    if given.app is None:
        raise Mistake(f"--board {given.board} needs --app FILE, the application image that 'make firmware' made.")
    try:
        image = given.app.read_bytes()
    except OSError as error:
        raise Mistake(f"--app cannot be read: {error}.") from error
    if image[:1] != b"\xe9":
        raise Mistake("--app is no ESP32 application image.")
    if given.version.encode() not in image:
        raise Mistake(f"--app was not built as version {given.version}.")
    return image


def _folder(given):
    return loading.choose(given.board, "--board", anywhere=True)


def build(given):
    """Image, manifest and signature in one file."""
    if not _VERSION.fullmatch(given.version):
        raise Mistake("--version must look like 1.2.3 or 1.2.3-rc.1.")
    key = _p256(_private_key(given.key, given), given.key)
    built = _built(given)
    image = _sim_image(given, built) if given.board == "SIM" else _chip_image(given)
    slot = bundles.SLOT_BYTES if given.board == loading.SIMULATED else image_size.slot_bytes(_folder(given))
    if len(image) > slot:
        raise Mistake(f"The image has {len(image)} bytes, the slot {slot}.")
    manifest = bundles.manifest_bytes(
        board=Path(given.board).name, version=given.version, counter=given.counter, min_hardware=given.min_hardware,
        size=len(image), sha256=hashlib.sha256(image).hexdigest(), built=built,
    )  # fmt: skip
    signature = key.sign(manifest, ec.ECDSA(hashes.SHA256(), deterministic_signing=True))
    given.output.parent.mkdir(parents=True, exist_ok=True)
    given.output.write_bytes(bundles.join(manifest, signature, image))
    print(f"{given.output}: {given.output.stat().st_size} bytes")
    for name, value in json.loads(manifest).items():
        print(f"  {name:13}{value}")


def _bundle(path):
    try:
        return bundles.split(path.read_bytes())
    except OSError as error:
        raise Mistake(f"{path} cannot be read: {error}.") from error


def verify(given):
    """Check a bundle as the unit does, but for what only the unit knows."""
    manifest, signature, image = _bundle(given.bundle)
    try:
        key = _p256(serialization.load_pem_public_key(given.public.expanduser().read_bytes()), given.public)
    except (OSError, ValueError) as error:
        raise Mistake(f"{given.public} is no public key that can be read: {error}.") from error
    told = bundles.check(manifest, signature, image, key)
    print(f"{given.bundle}: good, {told['board']} {told['version']}, counter {told['counter']}")


def sign(given):
    """The signature of the whole file for SignedUpdateFirmware.req: ECDSA, or RSA-PSS with a salt of 32 bytes (WP-33)."""
    key = _private_key(given.key, given)
    content = given.bundle.read_bytes()
    if isinstance(key, rsa.RSAPrivateKey):
        signature = key.sign(content, padding.PSS(padding.MGF1(hashes.SHA256()), 32), hashes.SHA256())
    else:
        signature = _p256(key, given.key).sign(content, ec.ECDSA(hashes.SHA256(), deterministic_signing=True))
    print(base64.b64encode(signature).decode())


def notice(given):
    """The file that units ask for at the update address: one release for each board."""
    releases = []
    for path in given.bundles:
        told = json.loads(_bundle(path)[0])
        releases.append({name: told[name] for name in ("board", "version", "counter", "min_hardware", "size")} | {
            "url": given.url.replace("{board}", told["board"]).replace("{version}", told["version"])
        })  # fmt: skip
    given.output.write_text(json.dumps({"format": 1, "releases": releases}, sort_keys=True) + "\n", encoding="ascii")
    print(f"{given.output}")


def _count(text):
    value = int(text)
    if not 0 <= value < 1 << 31:
        raise ValueError(text)
    return value


class _Parser(argparse.ArgumentParser):
    def error(self, message):
        raise Mistake(message[0].upper() + message[1:] + ".")


def _parser():
    parser = _Parser(prog="release.py", description="Make, sign and check update bundles.")
    kinds = parser.add_subparsers(required=True, dest="command")
    common = argparse.ArgumentParser(add_help=False)
    common.add_argument("--passphrase-file", type=Path, metavar="FILE", help="protects the private keys")
    one = kinds.add_parser("keys", parents=[common], help="make keys, once, outside of the checkout")
    one.add_argument("folder", type=Path)
    one.set_defaults(run=make_keys)
    one = kinds.add_parser("build", parents=[common], help="make a signed bundle")
    one.add_argument("--board", type=loading.argument, metavar="NAME", required=True)
    one.add_argument("--version", required=True)
    one.add_argument("--counter", type=_count, required=True, help="anti-rollback: raise it when older images are unsafe")
    one.add_argument("--min-hardware", type=_count, default=1, help="least hardware revision (default 1)")
    one.add_argument("--key", type=Path, required=True, metavar="FILE")
    one.add_argument("--app", type=Path, metavar="FILE", help="application image of a real board")
    one.add_argument("--built", type=_count, metavar="SECONDS", help="time of the build, since 1970")
    one.add_argument("-o", "--output", type=Path, required=True, metavar="FILE")
    one.set_defaults(run=build)
    one = kinds.add_parser("verify", help="check a bundle")
    one.add_argument("--public", type=Path, required=True, metavar="FILE")
    one.add_argument("bundle", type=Path)
    one.set_defaults(run=verify)
    one = kinds.add_parser("sign", parents=[common], help="print the signature for SignedUpdateFirmware")
    one.add_argument("--key", type=Path, required=True, metavar="FILE")
    one.add_argument("bundle", type=Path)
    one.set_defaults(run=sign)
    one = kinds.add_parser("notice", help="make the file that units ask for daily")
    one.add_argument("--url", required=True, help="where the bundle will be; {board} and {version} are filled in")
    one.add_argument("-o", "--output", type=Path, required=True, metavar="FILE")
    one.add_argument("bundles", type=Path, nargs="+")
    one.set_defaults(run=notice)
    return parser


def main(words=None):
    """Entry point; the exit code."""
    try:
        given = _parser().parse_args(words)
        given.run(given)
    except bundles.BadBundle as error:
        return failed("release", error, 1)
    except (Mistake, romfs.RomfsError, OSError) as error:
        return failed("release", error, 2)
    return 0


if __name__ == "__main__":
    sys.exit(main())
