"""Count the instructions that the firmware takes on the bare-metal target, and hold them against the budgets.

`python tools/target/count.py [SUBJECT ...]` counts and prints; with --write the counts become the budgets
(tools/target/budgets.json) and the table in docs/PERFORMANCE.md; with --check a count that is more than 5 % above its
budget (and more than 5,000 instructions), or one without a budget, ends
with 1. The emulator lets each instruction take the same time, and heap, clock and
random numbers start the same, so a count is the same at each run.

Exit codes: 0 done, 1 a budget is exceeded or the target failed, 2 the tool chain is missing.
"""

import argparse
import json
import sys
from pathlib import Path

if __package__ in (None, ""):
    sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

import toolchain

from target import emulator, frozen_build, image

HERE = Path(__file__).parent
BUDGETS = HERE / "budgets.json"
REFERENCE = HERE / "reference.json"
DOCUMENT = toolchain.ROOT / "docs" / "PERFORMANCE.md"
BEGIN, END = "<!-- counts: begin -->", "<!-- counts: end -->"
TOLERANCE = 0.05
# The interpreter's cache of look-ups goes by the numbers of names, so one new name anywhere moves small counts by so much.
SMALL = 5000
HEAP = 256 * 1024
HEAPS = {"handlers": 576 * 1024, "network": 448 * 1024}  # messages of 24 KB and their answers at once, one of 64 KB
_ON_C_TYPES = ("bare", "target")
_ON_SHIMS = ("target", "sim", "support", "bare")
# What is counted -> the folders of sys.path: with the target's own C types, or with the simulated board's modules. The firmware
# is frozen.
SUBJECTS = {
    "tick": _ON_C_TYPES,
    "base": _ON_C_TYPES,
    "crypto": _ON_C_TYPES,
    "ocpp": _ON_SHIMS,
    "imports": _ON_C_TYPES,
    "reference": _ON_SHIMS,
    "handlers": _ON_SHIMS,
    "network": _ON_SHIMS,
}
if not (toolchain.ROOT / "boards" / "SIM" / "sim" / "pace_reference.py").exists():
    del SUBJECTS["reference"]
# Board -> (clock in MHz, cycles an instruction). docs/PERFORMANCE.md says where they come from.
BOARDS = {"ESP32": (240, 1.75), "S3": (240, 1.5), "C3": (160, 1.5)}


NO_BUDGETS = ("handlers", "network")  # their rows have SLICE_MS in place of a budget; the figures are in docs/PERFORMANCE.md
SLICE_MS = 20  # ms of an ESP32 between two yields to the loop
_NEEDLESS = 0.9  # of SLICE_MS: a row that may be longer and takes less needs no exception
_AT_START = "at the start, before there are other tasks"
# Rows that may take longer -> (ms, reason).
LONGER = {
    "slice.api.POST.api.charge.6": (36, "session and StartTransaction are on flash before another task sees either (OCPP-37)"),
    "slice.file.config.configuration.py": (75, _AT_START),
    "slice.file.maintenance.erase.py": (50, _AT_START),
    "slice.file.ocpp.v16.services.signed_firmware_update.py": (27, _AT_START),
    "slice.file.ocpp.v16.services.smart_charging.py": (23, _AT_START),
    "slice.network.credentials.provisioning.py.record": (28, "at the first start, before there are other tasks"),
    "slice.compaction": (45, "littlefs writes the log of a folder anew, in C: one call in some 15 that write"),
}
# Handlers that the target cannot run to their end -> reason.
NOT_WHOLE = {"api.PUT.api.settings.2": "no TLS on the bare-metal target"}


def with_budgets() -> list[str]:
    """The subjects whose counts have budgets."""
    return [name for name in SUBJECTS if name not in NO_BUDGETS]


class Counted:
    """`counts` by name, the names of what allocates with the heap locked, and those of handlers that are not counted."""

    def __init__(self) -> None:
        self.counts: dict[str, int] = {}
        self.allocates: list[str] = []
        self.missing: list[str] = []

    def take(self, printed: str) -> None:
        """Read the output of a subject."""
        for line in printed.splitlines():
            words = line.split()
            if len(words) == 3 and words[0] == "count":
                self.counts[words[1]] = int(words[2])
            elif len(words) == 3 and words[0] == "allocates" and words[2] == "1":
                self.allocates.append(words[1])
            elif words[:1] == ["missing"]:
                self.missing.append(" ".join(words[1:]))


def count(subjects: list[str], timeout_s: float = 900) -> Counted:
    """Count; each subject has a start of its own."""
    counted, built = Counted(), image.build()
    for subject in subjects:
        heap = HEAPS.get(subject, HEAP)
        folders, around = SUBJECTS[subject], ()
        if subject in NO_BUDGETS:  # they make the most strings
            folders, around = (frozen_build.AROUND,), folders
        firmware = frozen_build.firmware(around)
        with emulator.Emulator(built, heap, counted=True, folders=folders, firmware=firmware) as target:
            printed = target.run(f"import count_{subject}\nprint('counted all')", timeout_s)
            if not printed.rstrip().endswith("counted all"):
                raise emulator.TargetError(f"counting {subject} ended early:\n{printed}")
            counted.take(printed)
    return counted


def exceeded(counts: dict[str, int], budgets: dict[str, int]) -> list[str]:
    """A line for each count above its budget, and for each without one."""
    lines = []
    for name, value in counts.items():
        budget = budgets.get(name)
        if budget is None:
            lines.append(f"{name}: {value:,} instructions, no budget; count.py --write sets it")
        elif value > max(budget * (1 + TOLERANCE), budget + SMALL):
            lines.append(f"{name}: {value:,} instructions, {value / budget - 1:+.1%} of the budget of {budget:,}")
    return lines


def too_long(counts: dict[str, int]) -> list[str]:
    """A line for each slice of more than SLICE_MS, or than LONGER gives it, and for each of LONGER that no longer needs it."""
    lines = []
    for name, value in counts.items():
        took_ms = board_ms(value, "ESP32")
        most_ms, _ = LONGER.get(name, (SLICE_MS, ""))
        if name.startswith("slice.") and took_ms > most_ms:
            lines.append(f"{name}: {took_ms:.1f} ms of an ESP32, {most_ms} are allowed")
        elif name in LONGER and took_ms < SLICE_MS * _NEEDLESS:
            lines.append(f"{name}: {took_ms:.1f} ms of an ESP32, no exception is needed any more")
    return lines + [f"{name}: not counted" for name in LONGER if name not in counts]


def board_ms(instructions: int, board: str) -> float:
    """Board time of a count, ms."""
    mhz, cycles = BOARDS[board]
    return instructions * cycles / mhz / 1000


def _rounded(milliseconds: float) -> str:
    return f"{milliseconds:.0f}" if milliseconds >= 100 else f"{milliseconds:.3g}"


def table(counts: dict[str, int]) -> str:
    """The counts with their board times, in Markdown."""
    heads = " | ".join(f"{name}, ms" for name in BOARDS)
    lines = [f"| What | Instructions | {heads} |", "|---|---:|" + "---:|" * len(BOARDS)]
    for name, value in counts.items():
        times = " | ".join(_rounded(board_ms(value, board)) for board in BOARDS)
        lines.append(f"| {name} | {value:,} | {times} |")
    return "\n".join(lines)


def write(counted: Counted) -> None:
    """Keep the counts as budgets, and the table in the document."""
    counts = dict(counted.counts)
    reference = counts.pop("reference", None)
    BUDGETS.write_text(json.dumps(counts, indent=1) + "\n")
    if reference is not None:
        REFERENCE.write_text(json.dumps({"workload": "boards/SIM/sim/pace_reference.py", "instructions": reference}) + "\n")
    text = DOCUMENT.read_text(encoding="utf-8")
    head, rest = text.split(BEGIN, 1)
    tail = rest.split(END, 1)[1]
    DOCUMENT.write_text(f"{head}{BEGIN}\n{table(counts)}\n{END}{tail}", encoding="utf-8")


def main() -> int:
    """Entry point."""
    parser = argparse.ArgumentParser(description="Count instructions on the bare-metal target.")
    parser.add_argument("subjects", nargs="*", metavar="SUBJECT", help=f"of {', '.join(SUBJECTS)}; all if none")
    parser.add_argument("--write", action="store_true", help="make the counts the budgets and update docs/PERFORMANCE.md")
    parser.add_argument("--check", action="store_true", help="compare with the budgets")
    given = parser.parse_args()
    unknown = [name for name in given.subjects if name not in SUBJECTS]
    if unknown or (given.write and given.subjects):
        parser.error(f"there is no subject {unknown[0]!r}" if unknown else "--write takes no subjects")
    try:
        counted = count(given.subjects or (with_budgets() if given.write or given.check else list(SUBJECTS)))
    except toolchain.ToolchainError as error:
        print(f"count: {error}", file=sys.stderr)
        return 2
    except emulator.TargetError as error:
        print(f"count: {error}", file=sys.stderr)
        return 1
    print(table(counted.counts))
    for name in counted.allocates:
        print(f"{name} allocates")
    for name in counted.missing:
        print(f"not counted whole: {name}")
    if given.write:
        write(counted)
    if given.check:
        counted.counts.pop("reference", None)
        lines = exceeded(counted.counts, json.loads(BUDGETS.read_text()))
        print("\n".join(lines))
        return 1 if lines else 0
    return 0


if __name__ == "__main__":
    sys.exit(main())
