"""How a tool of this folder ends: Ctrl-C and a reader that went away (`| head`) are no failures with a traceback."""

import os
import sys

INTERRUPTED = 130


def exit_with(main):
    """Run main(words) and end with its exit code; 130 for Ctrl-C, 0 when the reader of the output has closed it."""
    try:
        code = main(sys.argv[1:])
        sys.stdout.flush()
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # the interpreter flushes once more at its end
        code = 0
    except KeyboardInterrupt:
        print("Stopped.", file=sys.stderr)
        code = INTERRUPTED
    sys.exit(code)


def failed(tool, error, code):
    """Say on stderr why the tool ends; the exit code."""
    print(f"{tool}: {error}", file=sys.stderr)
    return code
