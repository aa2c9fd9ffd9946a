"""Completion of csms.py on the command line: what may stand at its end, and the script that teaches it to a shell.

A word ends in "=" where a value is to follow it, in "/" where a file is. Charger identities are those of the back end that
runs, none without one.
"""

import contextlib
import shlex
from pathlib import Path

SHELLS = ("bash", "zsh", "fish")
_COMMANDS = ("actions", "call", "chargers", "completion", "serve")
_NAMES = ("csms", "csms.py")

# `csms` is the tool; pilotlight-sim csms is completed by the same.
_SCRIPTS = {
    "bash": """csms() { @; }
_csms_complete() {
  local line=${COMP_LINE:0:COMP_POINT} IFS=$'\\n'
  local word=${line##*[[:space:]]}
  local rest=${word##*[=:]}  # what readline replaces: it breaks words there, and before an @
  case $rest in *@*) rest=@${rest##*@} ;; esac
  COMPREPLY=($(csms complete "$line" 2>/dev/null))
  COMPREPLY=("${COMPREPLY[@]#"${word%"$rest"}"}")
  case ${COMPREPLY[0]-} in @*) COMPREPLY=($(printf '%q\\n' "${COMPREPLY[@]}")) ;; esac
  case ${COMPREPLY[0]-} in *[=/]) compopt -o nospace 2>/dev/null ;; esac
}
complete -o default -F _csms_complete csms pilotlight-sim
""",
    "zsh": """csms() { @; }
_csms_complete() {
  local -a found
  found=("${(@f)$(csms complete "$LBUFFER" 2>/dev/null)}")
  compadd -S '' -- ${(M)found:#*[=/]}
  compadd -- ${found:#*[=/]}
  (( ${#${(@)found:#}} )) || _files
}
(( ${+functions[compdef]} )) || { autoload -Uz compinit && compinit -i; }
compdef _csms_complete csms pilotlight-sim
""",
    "fish": """function csms; @; end
complete -c csms -f -a '(csms complete (commandline -cp) 2>/dev/null)'
complete -c pilotlight-sim -n '__fish_seen_subcommand_from csms' -f -a '(csms complete (commandline -cp) 2>/dev/null)'
""",
}
_ALL_WORDS = {"bash": '"$@"', "zsh": '"$@"', "fish": "$argv"}


def script(shell, program):
    """The script with which a shell completes `csms`; `program` is the list of words that runs the tool."""
    return _SCRIPTS[shell].replace("@", f"{shlex.join(program)} {_ALL_WORDS[shell]}", 1)


def _words(line):
    """The words of the last command of a line before its last, and the last, which may be empty; None where it is not csms."""
    lexer = shlex.shlex(line, posix=True, punctuation_chars=";&|")
    lexer.whitespace_split, lexer.commenters = True, ""
    words = []
    try:
        for word in lexer:
            words = [] if word.strip(";&|") == "" and word else [*words, word]
    except ValueError:  # within quotes: nothing to complete
        return None
    if not line or line[-1].isspace():
        words.append("")
    at = next((n for n, word in enumerate(words[:-1]) if word.rpartition("/")[2] in _NAMES), None)
    return None if at is None else (words[at + 1 : -1], words[-1])


def _files(last):
    """@FILE of the files in the folder that is named so far, a folder with "/" at its end."""
    folder, slash, name = last[1:].rpartition("/")
    with contextlib.suppress(OSError):
        return [f"@{folder}{slash}{path.name}{'/' if path.is_dir() else ''}" for path in Path(folder + slash).iterdir()
                if name.startswith(".") or not path.name.startswith(".")]
    return []


def _fields(schema, given, last):
    """NAME= of the fields that are not there yet, or NAME=VALUE of the values that a field may have."""
    name, equals, _ = last.partition("=")
    known = schema.get("properties", {})
    if equals:
        kind = known.get(name, {})
        values = kind.get("enum", ("true", "false") if kind.get("type") == "boolean" else ())
        return [f"{name}={value}" for value in values]
    done = {word.partition("=")[0] for word in given}
    return [f"{name}=" for name in known if name not in done]


def candidates(line, actions, schema_of, chargers):
    """The candidates for the last word of a command line, sorted; calls `schema_of(action)` and `chargers(control)` if needed."""
    found = _words(line)
    if found is None:
        return []
    given, last = found
    control = None
    if given[:1] == ["--control"]:
        control, given = given[1:2], given[2:]
        if not control:
            return []
    if not given:
        offered = (*_COMMANDS, "--control")
    elif given[0] == "completion" and len(given) == 1:
        offered = SHELLS
    elif (given[0], len(given)) in (("actions", 1), ("call", 2)):
        offered = actions
    elif given[0] == "call" and len(given) == 1:
        offered = chargers(control and control[0])
    elif given[0] == "call" and len(given) == 3 and last.startswith("@"):
        offered = _files(last)
    elif given[0] == "call" and given[2] in actions:
        offered = _fields(schema_of(given[2]), given[3:], last)
    else:
        offered = ()
    return sorted(word for word in offered if word.startswith(last))
