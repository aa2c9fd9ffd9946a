"""tools/release.py: the same source gives the same bytes, keys are looked after, and nothing altered passes as good."""

import json
import os
import shutil
import stat
import subprocess
import sys

import bundle
import image_size
import pytest
import release
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa

from house.source import ROOT


@pytest.fixture(scope="module")
def keys(tmp_path_factory):
    folder = tmp_path_factory.mktemp("keys")
    assert release.main(["keys", str(folder)]) == 0
    return folder


def arguments(keys, output, **changed):
    given = {"board": "SIM", "version": "1.2.3", "counter": "4", "key": keys / "update.pem", "output": output} | changed
    return ["build", *[word for name, value in given.items() for word in (f"--{name.replace('_', '-')}", str(value))]]


@pytest.fixture(scope="module")
def made(keys, tmp_path_factory):
    output = tmp_path_factory.mktemp("made") / "a.plu"
    assert release.main(arguments(keys, output)) == 0
    return output


def test_the_manifest_says_what_the_image_is(made):
    manifest, _, image = bundle.split(made.read_bytes())
    told = json.loads(manifest)
    assert (told["board"], told["version"], told["counter"], told["min_hardware"]) == ("SIM", "1.2.3", 4, 1)
    assert told["size"] == len(image)
    assert manifest == json.dumps(told, sort_keys=True, separators=(",", ":")).encode()


def test_another_folder_time_and_language_give_the_same_bytes(made, keys, tmp_path):
    """Reproducible: what is in the tree decides, and nothing else."""
    copy = tmp_path / "elsewhere"
    for name in ("firmware", "web", "tools", "boards", "typings", ".toolchain/lib", ".toolchain/src/extmod/asyncio"):
        shutil.copytree(ROOT / name, copy / name, ignore=shutil.ignore_patterns("__pycache__", "*.dist-info"))
    for path in copy.rglob("*"):
        os.utime(path, (1, 1))
    built = json.loads(bundle.split(made.read_bytes())[0])["built"]
    output = tmp_path / "b.plu"
    done = subprocess.run(
        [sys.executable, str(copy / "tools" / "release.py"), *arguments(keys, output, built=built)],
        env={"PATH": os.environ["PATH"], "LC_ALL": "C", "TZ": "Asia/Tokyo", "PYTHONHASHSEED": "7"},
        cwd=tmp_path, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert output.read_bytes() == made.read_bytes()


def test_verify_accepts_it_and_refuses_what_was_altered(made, keys, tmp_path, capsys):
    content = made.read_bytes()
    public = str(keys / "update.pub.pem")
    assert release.main(["verify", "--public", public, str(made)]) == 0
    manifest, signature, image = bundle.split(content)
    other = json.loads(manifest) | {"version": "9.9.9"}
    altered = {
        "image": bundle.join(manifest, signature, image[:-1] + bytes([image[-1] ^ 1])),
        "manifest": bundle.join(bundle.manifest_bytes(**{k: v for k, v in other.items() if k != "format"}), signature, image),
        "longer": content + b"\0",
        "shorter": content[:-1],
        "unsigned": bundle.join(manifest, b"\x30\x00", image),
        "no bundle": b"PLU2" + content[4:],
        "empty": b"",
    }
    for name, bad in altered.items():
        path = tmp_path / "bad.plu"
        path.write_bytes(bad)
        assert release.main(["verify", "--public", public, str(path)]) == 1, name
        assert capsys.readouterr().err.startswith("release: "), name
    assert release.main(["keys", str(tmp_path / "others")]) == 0
    assert release.main(["verify", "--public", str(tmp_path / "others" / "update.pub.pem"), str(made)]) == 1


def test_private_keys_are_for_their_owner_and_never_replaced(keys, tmp_path):
    for name in ("update.pem", "root.pem", "signing.pem"):
        assert stat.S_IMODE((keys / name).stat().st_mode) == 0o600
    before = (keys / "update.pem").read_bytes()
    assert release.main(["keys", str(keys)]) == 2
    assert (keys / "update.pem").read_bytes() == before


def test_keys_are_not_made_inside_of_the_checkout(capsys):
    assert release.main(["keys", str(ROOT / "build" / "keys")]) == 2
    assert "outside of the checkout" in capsys.readouterr().err
    assert not (ROOT / "build" / "keys").exists()


def test_a_passphrase_protects_the_keys(tmp_path, capsys):
    secret = tmp_path / "passphrase"
    secret.write_text("correct horse\n")
    assert release.main(["keys", "--passphrase-file", str(secret), str(tmp_path / "keys")]) == 0
    assert b"ENCRYPTED" in (tmp_path / "keys" / "update.pem").read_bytes()
    assert release.main(arguments(tmp_path / "keys", tmp_path / "a.plu")) == 2
    assert "horse" not in capsys.readouterr().err
    assert release.main([*arguments(tmp_path / "keys", tmp_path / "a.plu"), "--passphrase-file", str(secret)]) == 0


@pytest.mark.parametrize(("changed", "says"), [
    ({"version": "1.2"}, "--version"), ({"version": "1.2.3 "}, "--version"), ({"counter": "-1"}, "counter"),
    ({"key": "/nowhere"}, "private key"), ({"board": "ESP32_DEVKITC"}, "--app"), ({"board": "OTHER"}, "board"),
])  # fmt: skip
def test_invalid_build_arguments_are_refused(keys, tmp_path, capsys, changed, says):
    assert release.main(arguments(keys, tmp_path / "a.plu", **changed)) == 2
    assert says in capsys.readouterr().err
    assert not (tmp_path / "a.plu").exists()


def test_an_application_image_of_a_chip_is_taken_when_it_is_one_and_of_this_version(keys, tmp_path, capsys):
    app = tmp_path / "app.bin"
    more = {"board": "ESP32_DEVKITC", "app": app}
    slot = bytes(image_size.slot_bytes(ROOT / "boards" / "ESP32_DEVKITC"))
    for content, says in ((b"\x7fELF1.2.3", "no ESP32"), (b"\xe9 1.2.4", "not built as"), (slot, "no ESP32"),
                          (b"\xe91.2.3" + slot, "slot")):  # fmt: skip
        app.write_bytes(content)
        assert release.main(arguments(keys, tmp_path / "a.plu", **more)) == 2
        assert says in capsys.readouterr().err
    app.write_bytes(b"\xe9....1.2.3....")
    assert release.main(arguments(keys, tmp_path / "a.plu", **more)) == 0
    assert bundle.split((tmp_path / "a.plu").read_bytes())[2] == app.read_bytes()


def test_the_signature_for_the_back_end_is_ecdsa_or_pss(made, keys, tmp_path, capsys):
    """SignedUpdateFirmware carries a signature of the whole file (WP-33)."""
    import base64

    assert release.main(["sign", "--key", str(keys / "signing.pem"), str(made)]) == 0
    signature = base64.b64decode(capsys.readouterr().out)
    key = serialization.load_pem_private_key((keys / "signing.pem").read_bytes(), None).public_key()
    key.verify(signature, made.read_bytes(), ec.ECDSA(hashes.SHA256()))
    key = rsa.generate_private_key(65537, 2048)
    (tmp_path / "rsa.pem").write_bytes(key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()))
    assert release.main(["sign", "--key", str(tmp_path / "rsa.pem"), str(made)]) == 0
    signature = base64.b64decode(capsys.readouterr().out)
    pss = padding.PSS(padding.MGF1(hashes.SHA256()), 32)
    key.public_key().verify(signature, made.read_bytes(), pss, hashes.SHA256())


def test_the_notice_names_each_board_and_where_its_bundle_is(made, tmp_path):
    output = tmp_path / "notice.json"
    assert release.main(["notice", "--url", "https://u.example/{board}-{version}.plu", "-o", str(output), str(made)]) == 0
    assert json.loads(output.read_text()) == {"format": 1, "releases": [
        {"board": "SIM", "version": "1.2.3", "counter": 4, "min_hardware": 1, "url": "https://u.example/SIM-1.2.3.plu",
         "size": len(bundle.split(made.read_bytes())[2])},
    ]}  # fmt: skip
