"""Fetch MicroPython (64-bit and i386), its sources, a C compiler for i386, and three servers into .toolchain/.

Debian packages MicroPython's unix port, but older suites carry versions that lack what the firmware
needs. So the interpreters come from Debian's own packages, checked by apt's own signature check
against the Debian keyring of this machine, and are unpacked (never installed) into the checkout.
They start through the ld.so that is unpacked beside them, so the system's libraries do not matter.
nginx and mosquitto come the same way: the TLS tests hold the firmware against their TLS as well as Python's. So does
rsyslog, which receives the security log.
The source package is kept as far as mpy-cross and the ports unix, qemu and esp32 need it: the tests hold our manifest and
board definitions against it, and tools/frozen.py builds from it the interpreter that holds the firmware frozen. It gets the patch
that a board's image is built with (micropython_patch.py). The
compiler comes from Debian too, with what it links; it runs through its own ld.so as well.

Exit codes: 0 done, 2 with one sentence on stderr when something outside the project is missing.
"""

import hashlib
import os
import platform
import re
import shutil
import subprocess
import sys
import tarfile
from pathlib import Path

import micropython_patch

ROOT = Path(__file__).resolve().parent.parent
HOME = ROOT / ".toolchain"
MINIMUM = (1, 25)
# The suite to take MicroPython from when the machine's own is older than this.
FALLBACK_SUITE = "trixie"
KEYRING = "/usr/share/keyrings/debian-archive-keyring.gpg"
# What is kept of MicroPython's sources, below .toolchain/src.
SOURCES = re.compile(r"(?:py|extmod|shared|drivers|lib|tools|mpy-cross|ports/(?:unix|qemu|esp32))/")
PATCHED = ".patched"  # the hash of the patch that they have had
# The compiler with what the interpreter links, below .toolchain/COMPILER; without the libraries of the sanitizers.
COMPILER = "cc"
COMPILER_PACKAGES = ("gcc", "libc6-dev", "libffi-dev", "libmbedtls-dev")
SANITIZERS = re.compile(r"lib(?:asan|ubsan|tsan|lsan|hwasan)\d")
# The programs that gcc starts by itself, and the folder of those that start them through ld.so.
PARTS = ("as", "ld", "cc1", "collect2")
WRAPPERS = "start"
# word size -> Debian architecture, loader inside the unpacked tree
WORDS = {
    64: {"amd64": ("lib64/ld-linux-x86-64.so.2", "x86_64-linux-gnu")},
    32: {"i386": ("lib/ld-linux.so.2", "i386-linux-gnu")},
}
# What is unpacked beside them for the tests, for WORDS[64] alone, with the word that makes each tell its version.
SERVERS = {"nginx": "-v", "mosquitto": "-h"}
RECEIVER = "rsyslog"
RECEIVER_PACKAGES = ("rsyslog", "rsyslog-gnutls")


class ToolchainError(Exception):
    """Something that this machine lacks; the message says what and what to do."""


def run(command, env=None):
    """Run a command, return its output; a ToolchainError carries the tail of stderr."""
    try:
        done = subprocess.run(command, env=env, capture_output=True, text=True, check=False)
    except FileNotFoundError as error:
        raise ToolchainError(f"'{command[0]}' is not on this machine; on Debian: apt-get install apt dpkg") from error
    if done.returncode:
        tail = (done.stderr or done.stdout).strip().splitlines()[-3:]
        raise ToolchainError(f"'{' '.join(command[:2])}' failed: {' / '.join(tail)}")
    return done.stdout


def debian_mirrors():
    """URIs of the Debian archive in this machine's apt sources (never security or third parties)."""
    found = []
    folder = Path("/etc/apt")
    files = [folder / "sources.list", *sorted((folder / "sources.list.d").glob("*"))]
    for file in files:
        try:
            text = file.read_text()
        except OSError:
            continue
        for uri in re.findall(r"(?:^URIs:\s*|^deb\s+(?:\[[^\]]*\]\s+)?)(\S+)", text, re.M):
            if re.search(r"/debian/?$", uri) and uri not in found:
                found.append(uri)
    if not found:
        raise ToolchainError("apt's sources on this machine name no Debian archive to take MicroPython from")
    return found


def machine_suite():
    """The machine's Debian codename, or '' where it is no Debian."""
    try:
        fields = dict(
            line.split("=", 1) for line in Path("/etc/os-release").read_text().splitlines() if "=" in line
        )
    except OSError:
        return ""
    if fields.get("ID", "").strip('"') != "debian":
        return ""
    return fields.get("VERSION_CODENAME", "").strip('"')


def apt_config(suite):
    """Write an apt configuration that knows only our sources, lists and an empty package status."""
    base = HOME / "apt"
    for sub in ("lists/partial", "cache/archives/partial", "debs"):
        (base / sub).mkdir(parents=True, exist_ok=True)
    (base / "status").write_text("")
    mirrors = "".join(
        f"Types: deb deb-src\nURIs: {uri}\nSuites: {suite}\nComponents: main\nArchitectures: amd64 i386\n"
        f"Signed-By: {KEYRING}\n\n" for uri in debian_mirrors()[:1]
    )
    (base / "debian.sources").write_text(mirrors)
    (base / "apt.conf").write_text(
        f'Dir::Etc::sourcelist "{base}/debian.sources";\n'
        'Dir::Etc::sourceparts "/dev/null";\n'
        'Dir::Etc::preferencesparts "/dev/null";\n'
        'Dir::Etc::preferences "/dev/null";\n'
        f'Dir::State::lists "{base}/lists";\n'
        f'Dir::State::status "{base}/status";\n'
        f'Dir::Cache "{base}/cache";\n'
        'APT::Architecture "amd64";\n'
        'APT::Architectures { "amd64"; "i386"; };\n'
        'APT::Install-Recommends "false";\n'
        'Acquire::Languages "none";\n'
        'Acquire::Retries "3";\n'
        'APT::Sandbox::User "";\n'
    )
    return {**os.environ, "APT_CONFIG": str(base / "apt.conf"), "LC_ALL": "C"}


def resolve(package, arch, env):
    """A package and the libraries that apt resolves it to, as name:arch (the package status is empty)."""
    plan = run(["apt-get", "-s", "-q", "install", f"{package}:{arch}"], env)
    names = re.findall(r"^Inst (\S+) ", plan, re.M)
    wanted = [name.split(":")[0] for name in names if name.startswith((package, "lib", "zlib1g"))]
    if package not in wanted:
        raise ToolchainError(f"Debian's package lists hold no {package} for {arch}")
    return [f"{name}:{arch}" for name in wanted]


def unpack(packages, arch, folder, env):
    """Download packages and the libraries they link to, and unpack them under .toolchain/FOLDER."""
    unpack_all(sorted({name for package in packages for name in resolve(package, arch, env)}), arch, folder, env)


def unpack_all(wanted, arch, folder, env):
    """Download packages, given as name:arch, and unpack them under .toolchain/FOLDER."""
    debs = HOME / "apt" / "debs" / folder
    shutil.rmtree(debs, ignore_errors=True)
    debs.mkdir(parents=True)
    done = subprocess.run(["apt-get", "download", *wanted], cwd=debs, env=env, capture_output=True, text=True, check=False)
    if done.returncode:
        raise ToolchainError(f"Debian's packages for {arch} could not be downloaded: {done.stderr.strip()[-300:]}")
    target = HOME / folder
    shutil.rmtree(target, ignore_errors=True)
    target.mkdir()
    for deb in sorted(debs.glob("*.deb")):
        run(["dpkg-deb", "-x", str(deb), str(target)])


def unpack_sources(env):
    """Download MicroPython's source package and keep what SOURCES names of it."""
    folder = HOME / "apt" / "source"
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    command = ["apt-get", "source", "--download-only", "-q", "micropython"]
    done = subprocess.run(command, cwd=folder, env=env, capture_output=True, text=True, check=False)
    archives = sorted(folder.glob("micropython_*.orig.tar.*"))
    if done.returncode or not archives:
        raise ToolchainError(f"MicroPython's sources could not be downloaded: {done.stderr.strip()[-300:]}")
    target = HOME / "src"
    shutil.rmtree(target, ignore_errors=True)
    with tarfile.open(archives[0]) as tar:
        for member in tar:
            place = member.name.partition("/")[2]
            if member.isfile() and SOURCES.match(place) and ".." not in place:
                (target / place).parent.mkdir(parents=True, exist_ok=True)
                (target / place).write_bytes(tar.extractfile(member).read())
                (target / place).chmod(member.mode & 0o755)
    try:
        micropython_patch.apply(target)
    except micropython_patch.PatchError as error:
        raise ToolchainError(str(error)) from error
    (target / PATCHED).write_text(hashlib.sha256(micropython_patch.PATCH.read_bytes()).hexdigest())


def closure(packages, arch, env):
    """Packages with all that they depend on, as name:arch."""
    plan = run(["apt-get", "-s", "-q", "install", *(f"{package}:{arch}" for package in packages)], env)
    found = re.findall(r"^Inst ([^\s:]+)\S* .*\[(\w+)\]\)?", plan, re.M)
    return sorted({f"{name}:{kind}" for name, kind in found if kind in (arch, "all") and not SANITIZERS.match(name)})


def write_launcher(name, folder, program, loader, triplet, up=""):
    """A start script that needs nothing of the system: our ld.so, our libraries, our binary.

    `up` leads from the script's folder to .toolchain.
    """
    base = HOME / folder
    ld = next((p for p in (base / "usr" / loader, base / loader) if p.exists()), None)
    if ld is None:
        raise ToolchainError(f"the unpacked packages in {folder} hold no {loader}")
    libraries = f"$here/usr/lib/{triplet}:$here/lib/{triplet}"
    script = HOME / name
    script.write_text(
        "#!/bin/sh\n"
        'here="$(dirname "$(readlink -f "$0")")/' + up + folder + '"\n'
        f'exec "$here/{ld.relative_to(base)}" --library-path "{libraries}" "$here/usr/{program}" "$@"\n'
    )
    script.chmod(0o755)
    return script


def version(script):
    """(major, minor) of the interpreter that the script starts, and proof that it starts."""
    out = run([str(script), "-c", "import sys; v = sys.implementation.version; print(v[0], v[1])"])
    return tuple(int(x) for x in out.split()[:2])


def has_interpreter(word):
    """True when the interpreter is unpacked, starts, and is new enough."""
    try:
        return version(HOME / f"micropython{word}") >= MINIMUM
    except (ToolchainError, ValueError, OSError):
        return False


def has_sources():
    """True when the sources are there as a whole, the ports' makefiles as well, with the patch as it is now."""
    mark = HOME / "src" / PATCHED
    if not mark.exists() or mark.read_text() != hashlib.sha256(micropython_patch.PATCH.read_bytes()).hexdigest():
        return False
    places = ("tools/manifestfile.py", *(f"ports/{port}/Makefile" for port in ("unix", "qemu", "esp32")))
    return all((HOME / "src" / place).exists() for place in places)


def has_compiler():
    """True when the C compiler for i386 starts."""
    try:
        done = subprocess.run([str(HOME / "cc32"), "-dumpmachine"], capture_output=True, text=True, check=False)
    except OSError:
        return False
    return done.returncode == 0 and done.stdout.startswith("i686")


def fetch_compiler(env):
    """Unpack gcc for i386 with libc's headers, libffi and mbedTLS, and prove that it makes a program that runs."""
    arch, (loader, triplet) = next(iter(WORDS[32].items()))
    unpack_all(closure(COMPILER_PACKAGES, arch, env), arch, COMPILER, env)
    base = HOME / COMPILER
    for name in ("lib", "bin"):  # what a system links together; libc's linker script names /lib
        if not (base / name).exists():
            (base / name).symlink_to(f"usr/{name}")
    (base / WRAPPERS).mkdir()
    for part in PARTS:
        program = next((p for folder in ("bin", "libexec", "lib") for p in sorted((base / "usr" / folder).rglob(part))), None) \
            or next(iter(sorted((base / "usr" / "bin").glob(f"*-linux-gnu-{part}"))), None)
        if program is None:
            raise ToolchainError(f"Debian's gcc for {arch} holds no {part}")
        write_launcher(f"{COMPILER}/{WRAPPERS}/{part}", COMPILER, program.relative_to(base / "usr"), loader, triplet, "../../")
    gcc = next(iter(sorted((base / "usr" / "bin").glob("i686-linux-gnu-gcc-[0-9]*"))), None)
    if gcc is None:
        raise ToolchainError(f"Debian's gcc for {arch} holds no compiler")
    script = write_launcher("cc32", COMPILER, gcc.relative_to(base / "usr"), loader, triplet)
    text = script.read_text()
    script.write_text(text.replace(' "$@"', f' -B"$here/{WRAPPERS}/" --sysroot="$here" "$@"'))
    if not has_compiler():
        raise ToolchainError("Debian's gcc for i386 does not start on this machine")
    print("toolchain: a C compiler for i386")


def has_servers():
    """True when the servers for the TLS tests start."""
    try:
        for name, word in SERVERS.items():
            done = subprocess.run([str(HOME / name), word], capture_output=True, text=True, check=False)
            if f"{name} version" not in done.stdout + done.stderr:
                return False
    except OSError:
        return False
    return True


def fetch_servers(env):
    """Unpack nginx and mosquitto and prove that they start."""
    arch, (loader, triplet) = next(iter(WORDS[64].items()))
    unpack(SERVERS, arch, "servers", env)
    for name in SERVERS:
        write_launcher(name, "servers", f"sbin/{name}", loader, triplet)
    if not has_servers():
        raise ToolchainError("Debian's nginx or mosquitto do not start on this machine")
    print("toolchain: nginx and mosquitto")


def has_receiver():
    """True when the receiver of syslog starts."""
    try:
        done = subprocess.run([str(HOME / "rsyslogd"), "-v"], capture_output=True, text=True, check=False)
    except OSError:
        return False
    return "rsyslogd " in done.stdout


def fetch_receiver(env):
    """Unpack rsyslog with its TLS and prove that it starts."""
    arch, (loader, triplet) = next(iter(WORDS[64].items()))
    unpack(RECEIVER_PACKAGES, arch, RECEIVER, env)
    write_launcher("rsyslogd", RECEIVER, "sbin/rsyslogd", loader, triplet)
    if not has_receiver():
        raise ToolchainError("Debian's rsyslog does not start on this machine")
    print("toolchain: rsyslog")


def fetch_interpreter(word, arch, loader, triplet, env):
    """Unpack one interpreter and prove that it starts and is new enough."""
    unpack(["micropython"], arch, arch, env)
    script = write_launcher(f"micropython{word}", arch, "bin/micropython", loader, triplet)
    found = version(script)
    if found < MINIMUM:
        raise ToolchainError(f"Debian has MicroPython {found[0]}.{found[1]}; {MINIMUM[0]}.{MINIMUM[1]} is needed")
    print(f"toolchain: {script.name} is MicroPython {found[0]}.{found[1]} ({arch})")


def update(env):
    """Fetch Debian's package lists; a ToolchainError when the archive does not answer."""
    command = ["apt-get", "update", "-q", "-o", "APT::Update::Error-Mode=any"]
    done = subprocess.run(command, env=env, capture_output=True, text=True, check=False)
    if done.returncode:
        reason = (done.stderr.strip().splitlines() or ["no reason given"])[-1]
        raise ToolchainError(
            "MicroPython could not be fetched, Debian's package archive did not answer "
            f"({reason}); connect this machine to the network and start this again"
        )


def has_interpreters():
    """True when both interpreters are there."""
    return all(has_interpreter(word) for word in WORDS)


def fetch_interpreters(env):
    """Unpack those that are not there yet."""
    for word, archs in WORDS.items():
        for arch, (loader, triplet) in archs.items():
            if not has_interpreter(word):
                fetch_interpreter(word, arch, loader, triplet, env)


# What can be brought: whether it is there, and what brings it.
COMPONENTS = {
    "interpreters": (has_interpreters, fetch_interpreters),
    "servers": (has_servers, fetch_servers),
    "receiver": (has_receiver, fetch_receiver),
    "sources": (has_sources, unpack_sources),
    "compiler": (has_compiler, fetch_compiler),
}


def ready(parts=tuple(COMPONENTS)):
    """True when nothing is to be fetched."""
    return all(COMPONENTS[part][0]() for part in parts)


def fetch(parts=tuple(COMPONENTS)):
    """Bring what is missing; raises ToolchainError with a sentence for the user."""
    if platform.machine() not in ("x86_64", "i686"):
        raise ToolchainError(f"the tests need both word sizes of the x86, this machine is {platform.machine()}")
    for program in ("apt-get", "dpkg-deb"):
        if shutil.which(program) is None:
            raise ToolchainError(f"'{program}' is not on this machine; on Debian: apt-get install apt dpkg")
    if not Path(KEYRING).exists():
        raise ToolchainError(
            "Debian's keyring is missing, so packages cannot be checked: apt-get install debian-archive-keyring"
        )
    suites = [s for s in (machine_suite(), FALLBACK_SUITE) if s]
    if suites[0] in ("buster", "bullseye", "bookworm"):
        suites = [FALLBACK_SUITE]
    env = apt_config(suites[0])
    print(f"toolchain: MicroPython from Debian {suites[0]} into {HOME.name}/ ...", flush=True)
    update(env)
    for part in parts:
        present, bring = COMPONENTS[part]
        if not present():
            bring(env)
    shutil.rmtree(HOME / "apt", ignore_errors=True)


def fetch_unless(present, fetch) -> int:
    """Fetch what is not present(); the exit code of a program that does that, and on stderr a sentence where it fails."""
    if present():
        return 0
    HOME.mkdir(exist_ok=True)
    try:
        fetch()
    except ToolchainError as error:
        print(f"setup: {error}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:  # setup.py, which starts this, says that it was stopped
        return 130
    return 0


def main(words):
    """Exit code; `words` name the parts to bring, all of them where there are none."""
    if set(words) - set(COMPONENTS):
        print(f"toolchain: the parts are {', '.join(COMPONENTS)}", file=sys.stderr)
        return 2
    wanted = tuple(words) or tuple(COMPONENTS)
    return fetch_unless(lambda: ready(wanted), lambda: fetch(wanted))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
