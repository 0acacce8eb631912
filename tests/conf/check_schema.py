#!/usr/bin/python3
"""The installed schema is the one of the key table, and judges the golden files as the parser does.

bad-relations/ has what no schema can express: there it may accept.
"""
import json
import os
import pathlib
import subprocess
import sys

try:
    import jsonschema
except ImportError:
    print("python3-jsonschema is missing")
    sys.exit(77)

SOURCE = pathlib.Path(os.environ.get("TANDEM_SRCDIR", "."))
BUILD = pathlib.Path(os.environ.get("TANDEM_BUILDDIR", "."))
SCHEMA = SOURCE / "etc/tandem.schema.json"


def verdict(validator, path):
    """None when the file is accepted, else why not."""
    try:
        value = json.loads(path.read_bytes().decode("utf-8"))
    except (ValueError, RecursionError) as error:
        return f"not JSON: {error}"
    error = jsonschema.exceptions.best_match(validator.iter_errors(value))
    return error and f"/{'/'.join(map(str, error.absolute_path))}: {error.message}"


def mistakes(schema):
    """What is wrong with the schema, as lines."""
    validator = jsonschema.Draft202012Validator(schema)
    good = [*SOURCE.glob("tests/conf/good/**/*.json"), SOURCE / "etc/tandem.json"]
    bad = [*SOURCE.glob("tests/conf/bad/*.json")]
    for path in good:
        if why := verdict(validator, path):
            yield f"{path} is good, but the schema says {why}"
    for path in bad:
        if not verdict(validator, path):
            yield f"{path} is bad, but the schema accepts it"
    if len(good) < 6 or len(bad) < 20:
        yield "golden files are missing"


def main():
    text = SCHEMA.read_text(encoding="utf-8")
    table = subprocess.run(
        [BUILD / "tests/conf/print_schema"], capture_output=True, text=True, check=True
    ).stdout
    schema = json.loads(text)
    jsonschema.Draft202012Validator.check_schema(schema)
    found = [*mistakes(schema)]
    if text != table:
        found.append(f"{SCHEMA} is not the key table's: make update-schema")
    print("\n".join(found) or "the schema agrees with the parser")
    return bool(found)


if __name__ == "__main__":
    sys.exit(main())
