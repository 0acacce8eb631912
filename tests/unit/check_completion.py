#!/usr/bin/python3
"""What `tandemctl --help` lists is completed in bash: each command, its options, and the words it takes."""
import os
import re
import subprocess
import sys

SOURCE = os.path.abspath(os.environ.get("TANDEM_SRCDIR", "."))
BUILD = os.environ.get("TANDEM_BUILDDIR", ".")
SCRIPT = """source "$1"; shift; COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1)); _tandemctl; printf '%s\\n' "${COMPREPLY[@]}" """
COMMON = {"--runtime-dir", "--json"}


def complete(*words):
    result = subprocess.run(["bash", "-c", SCRIPT, "bash", f"{SOURCE}/etc/tandemctl.bash", "tandemctl", *words],
                            capture_output=True, text=True, check=True, cwd="/")
    assert result.stderr == "", result.stderr
    return set(result.stdout.split())


def main():
    usage = subprocess.run([f"{BUILD}/tandemctl", "--help"], capture_output=True, text=True, check=True).stdout
    commands = re.findall(r"^  (\w+) ?(.*)$", usage, re.M)
    assert len(commands) > 10, usage
    wrong = []

    def compare(line, got, wanted):
        if got != wanted:
            wrong.append(f"tandemctl {line}: {sorted(got - wanted)} too many, {sorted(wanted - got)} missing")

    names = {name for name, _ in commands}
    compare("", complete(""), names | COMMON | {"--version", "--help"})
    compare("--json", complete("--json", ""), names | COMMON | {"--version", "--help"})
    compare("--runtime-dir /run", complete("--runtime-dir", "/run", ""), names | COMMON | {"--version", "--help"})
    for name, synopsis in commands:
        options = set(re.findall(r"--\w+", synopsis))
        compare(f"{name} --", complete(name, "--"), options | COMMON)
        words = re.fullmatch(r"[a-z]+(?:\|[a-z]+)+", synopsis)
        if words:
            compare(name, complete(name, "") - COMMON, set(words[0].split("|")))
        if "FILE" in synopsis:
            compare(f"{name} /et", complete(name, "/et"), {"/etc"})
    compare("sw", complete("sw"), {"switchover"})
    compare("drain --deadline", complete("drain", "--deadline", ""), set())
    print("\n".join(wrong) or f"{len(commands)} commands are completed")
    sys.exit(bool(wrong))


if __name__ == "__main__":
    main()
