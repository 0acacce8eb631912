#!/usr/bin/python3
"""The pages for developers are true for the tree: a path that they name is there, a test that they name
exists, and every module of src/ has its place in internals.md."""
import fnmatch
import os
import pathlib
import re
import sys

ROOT = pathlib.Path(os.environ.get("TANDEM_SRCDIR", "."))
PAGES = ["README.md", "docs/internals.md", "docs/decisions.md", "docs/rfc9568.md"]
FOLDERS = "src|tests|docs|man|etc|systemd|tools"
wrong = []


def read(path):
    return (ROOT / path).read_text(encoding="utf-8", errors="replace")


def quoted(text):
    """What is in backticks, but not in blocks of code."""
    text = re.sub(r"^```.*?^```", "", text, flags=re.M | re.S)
    return re.findall(r"`([^`\n]+)`", text)


def check_paths(page, text):
    links = re.findall(r"\]\((?!https?:)([^)#]+)\)", text)
    where = (ROOT / page).parent
    for name in links:
        if not (where / name).exists():
            wrong.append(f"{page}: there is no {name}")
    for name in quoted(text):
        if re.fullmatch(rf"(?:{FOLDERS})/[\w./-]*", name) and not (ROOT / name).exists():
            wrong.append(f"{page}: there is no {name}")
        if re.fullmatch(r"(?:base|core|io|conf|director|elector|checker|link|realserver|ctl|web)/\w+\.[ch]", name) \
                and not (ROOT / "src" / name).exists():
            wrong.append(f"{page}: there is no src/{name}")


def all_tests():
    """Names by which a test may be called: functions, cases, files, simulated scripts."""
    names = set()
    for path in (ROOT / "tests").rglob("*"):
        if not path.is_file():
            continue
        names.update((path.name, path.stem))
        if path.suffix == ".py":
            names.update(re.findall(r"^def (\w+)", read(path.relative_to(ROOT)), re.M))
        elif path.suffix in (".c", ".h"):
            text = read(path.relative_to(ROOT))
            names.update(re.findall(r"(?:START_TEST\(|tcase_create\(\")(\w+)", text))
            names.update(re.findall(r"^(?:static )?[\w ]+?\*?(\w+)\(", text, re.M))
    return names


def check_tests(page, text):
    tests = all_tests()
    assert len(tests) > 500, "where are the tests?"
    for paragraph in re.findall(r"^Tests?: .*?(?=^\S*: |^#|^$|\Z)", text, re.M | re.S):
        for name in quoted(paragraph):
            if not re.fullmatch(r"[a-z]\w+(?:\.py|\.c|\.sh)?", name) or "_" not in name:
                continue
            if name not in tests and "test_" + name not in tests:
                wrong.append(f"{page}: there is no test {name}")


def check_modules(text):
    """A name such as `*_probe` stands for all that are like it."""
    said = {word for words in quoted(text) for word in re.findall(r"[\w*]+", words)}
    families = [word for word in said if "*" in word and len(word) > 2]
    for path in sorted((ROOT / "src").rglob("*.c")):
        if path.stem not in said and not any(fnmatch.fnmatch(path.stem, family) for family in families):
            wrong.append(f"docs/internals.md: {path.relative_to(ROOT)} has no place there")
    for family in families:
        if not any((ROOT / "src").rglob(family + ".c")):
            wrong.append(f"docs/internals.md: nothing is called {family}")


def main():
    for page in PAGES:
        check_paths(page, read(page))
    check_tests("docs/decisions.md", read("docs/decisions.md"))
    check_modules(read("docs/internals.md"))
    print("\n".join(wrong) or "the pages for developers are true for the tree")
    sys.exit(bool(wrong))


if __name__ == "__main__":
    main()
