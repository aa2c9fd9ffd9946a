"""Bad input of every tool: one sentence on stderr, exit code 2, and nothing else."""


def complaint(main, words, capsys):
    """Run a tool's main() with words that it refuses; its sentence."""
    try:
        code = main(words)
    except SystemExit as left:
        code = left.code
    printed = capsys.readouterr()
    assert (code, printed.out, printed.err.count("\n")) == (2, "", 1)
    return printed.err
