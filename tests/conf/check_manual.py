#!/usr/bin/python3
"""tandem.json(5), with tandem-checks(7), describes every key with its range and default, and its examples are good."""
import json
import os
import pathlib
import re
import subprocess
import sys
import tempfile

SOURCE = pathlib.Path(os.environ.get("TANDEM_SRCDIR", "."))
BUILD = pathlib.Path(os.environ.get("TANDEM_BUILDDIR", "."))
MANUAL = SOURCE / "man/tandem.json.5"
CHECKS = SOURCE / "man/tandem-checks.7"  # the keys of the types of checks
KEEPALIVED = SOURCE / "man/tandem-keepalived.7"
EXAMPLE = SOURCE / "etc/tandem.json"


def examples(manual):
    """The literal texts of the page's section."""
    section = manual.split(".Sh EXAMPLES\n")[1].split(".Sh ")[0]
    texts = re.findall(r"^\.Bd -literal.*?\n(.*?)^\.Ed$", section, re.DOTALL | re.MULTILINE)
    assert len(texts) >= 2, "examples are missing"
    return texts


def example_mistakes(texts):
    """What conf_load() says about the examples of the pages and the installed one."""
    for text in texts:
        with tempfile.TemporaryDirectory() as directory:
            path = pathlib.Path(directory, "tandem.json")
            path.write_text(text, encoding="utf-8")
            for node in "lb1", "lb2":
                run = subprocess.run(
                    [BUILD / "tests/conf/read_conf", path, node],
                    capture_output=True, text=True, check=False,
                )
                if run.returncode:
                    yield f"an example is refused: {run.stdout}"


def entries(manual):
    """The text of each key's entry, by key: several objects may have a key of one name."""
    found = {}
    for name, text in re.findall(
        r"^\.It Cm (\S+)\n(.*?)(?=^\.It |^\.El|^\.S[hs])", manual, re.DOTALL | re.MULTILINE
    ):
        found.setdefault(name, []).append(" ".join(text.split()))
    return found


def facts(key):
    """What the entry of a key must mention, as regular expressions."""
    if "enum" in key:
        yield from (re.escape(token) for token in key["enum"])
    if "maximum" in key:
        yield rf"(?<![-\w]){key['minimum']} to {key['maximum']}\b"
    if "maxItems" in key:
        yield rf"\b{key['minItems']} to {key['maxItems']}\b"
    if key.get("default") in (True, False):
        yield rf"default {str(key['default']).lower()}"
    elif isinstance(key.get("default"), int):
        yield rf"default {key['default']}\b"
    elif "default" in key and "enum" not in key:
        number = re.match(r"0(?=\D*$)|.*", key["default"]).group()
        yield rf"default (\.Qq )?{re.escape(number)}"


def definitions(schema):
    """Each kind of object with its keys; the outermost one last."""
    yield from schema["$defs"].items()
    yield "the root", schema


def key_mistakes(manual, schema):
    """Keys of the schema that the page does not describe."""
    known = entries(manual)
    sections = set(re.findall(r"^\.Cm (\w+)$", manual, re.MULTILINE))
    for kind, definition in definitions(schema):
        for name, key in definition.get("properties", {}).items():
            if name not in known and name not in sections:
                yield f"{kind}: {name} is not described"
            for fact in facts(key):
                if not any(re.search(fact, text) for text in known.get(name, [])):
                    yield f"{kind}: the entry of {name} does not say {fact}"


def suggestion_mistakes(page):
    """Keywords of keepalived for which the parser suggests a key that the page does not name there."""
    table = re.search(r"keepalived\[\] = \{\n(.*?)^\};", (SOURCE / "src/conf/suggest.c").read_text(), re.M | re.S)[1]
    older = {"lb_algo": "lvs_sched", "lb_kind": "lvs_method"}
    entries_of = re.findall(r"^\.It (Ic .*?)\n(?!\S*,)([^\0]*?)(?=^\.It |^\.El)", page, re.M)
    for theirs, ours in re.findall(r'\{"(\S+)", "(\S+)"\}', table):
        word = older.get(theirs, theirs)
        texts = [text for head, text in entries_of if re.search(rf"(?<!\S){word}(?!\S)", head + " " + text)]
        if not any(re.search(rf"^\.Cm {ours}\b", text, re.M) for text in texts):
            yield f"tandem-keepalived(7): {theirs} is not said to be {ours}"


def keepalived_mistakes(page, schema):
    """Keys that the page for users of keepalived names, and that are none."""
    known = {name for _, definition in definitions(schema) for name in definition.get("properties", {})}
    named = set(re.findall(r"^\.Cm (\S+)", page, re.MULTILINE))
    assert len(named) > 50
    for name in sorted(named - known):
        yield f"tandem-keepalived(7): {name} is no key"


def main():
    manual = MANUAL.read_text(encoding="utf-8")
    schema = json.loads((SOURCE / "etc/tandem.schema.json").read_text(encoding="utf-8"))
    checks = CHECKS.read_text(encoding="utf-8")
    keepalived = KEEPALIVED.read_text(encoding="utf-8")
    texts = [*examples(manual), examples(keepalived)[1], EXAMPLE.read_text(encoding="utf-8")]
    found = [*example_mistakes(texts), *key_mistakes(manual + checks, schema),
             *keepalived_mistakes(keepalived, schema), *suggestion_mistakes(keepalived)]
    print("\n".join(found) or "the manual agrees with the parser")
    return bool(found)


if __name__ == "__main__":
    sys.exit(main())
