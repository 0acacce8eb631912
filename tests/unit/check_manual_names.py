#!/usr/bin/python3
"""Names that a user reads or types, and numbers of the wire, are in the manual as they are in the code:
events, counters, commands, options, exit statuses and the link's constants. Where the manual lists all of
a kind, it lists nothing else either."""
import os
import pathlib
import re
import sys

ROOT = pathlib.Path(os.environ.get("TANDEM_SRCDIR", "."))
wrong = []


def read(path):
    return (ROOT / path).read_text(encoding="utf-8")


def find(pattern, path, flags=re.M):
    """All of them; a pattern that finds nothing checks nothing."""
    found = re.findall(pattern, read(path), flags)
    assert found, f"{path}: nothing looks like {pattern}"
    return found


def section(path, name):
    """From .Sh or .Ss to the next of either."""
    text = re.search(rf"^\.S[hs] {re.escape(name)}\n(.*?)(?=^\.S[hs] |\Z)", read(path), re.M | re.S)
    assert text, f"{path}: no section {name}"
    return text[1]


def compare(what, code, manual):
    for name in sorted(set(code) - set(manual)):
        wrong.append(f"{what}: {name} is in the code only")
    for name in sorted(set(manual) - set(code)):
        wrong.append(f"{what}: {name} is in the manual only")


def contains(what, text, words):
    for word in words:
        if not re.search(rf"(?<![\w-]){re.escape(word)}(?![\w-])", text):
            wrong.append(f"{what}: the manual does not say {word}")


def check_events():
    code = find(r'^\s*\[EVENT_\w+\] = \{"([a-z-]+)"', "src/base/event.c")
    compare("events", code, re.findall(r"^\.It Cm ([a-z-]+)$", section("man/tandemd.8", "DIAGNOSTICS"), re.M))


def check_counters():
    code = find(r'^\s*\[COUNT_\w+\] = "(\w+)"', "src/link/count.c")
    page = section("man/tandem-link.7", "COUNTERS")
    compare("counters of the link", code, re.findall(r"^\.(?:It )?Va (\w+)", page, re.M))


def check_commands():
    page = read("man/tandemctl.8")
    commands = find(r'^\t\{"([a-z]+)", command_\w+,', "src/ctl/main.c")
    synopsis = section("man/tandemctl.8", "SYNOPSIS")
    for name in commands:
        if not re.search(rf"^\.Cm (?:\w+ \| )*{name}\b", synopsis, re.M):
            wrong.append(f"tandemctl: {name} is not in the synopsis")
    own = [name for path in sorted((ROOT / "src/ctl").glob("*_command*.c"))
           for group in re.findall(r"struct ctl_option \w+\[\] = \{(.*?)\};", path.read_text(), re.S)
           for name in re.findall(r'\{"([a-z-]+)"', group)]
    assert own
    common = find(r'\{"([a-z-]+)", (?:no|required)_argument', "src/ctl/main.c")
    contains("options of tandemctl", page, [f"Fl -{name}" for name in {*own, *common} - {"help"}])


def check_options():
    code = find(r'^\t\{"([a-z-]+)", (?:no|required|optional)_argument', "src/director/main.c")
    synopsis = section("man/tandemd.8", "SYNOPSIS")
    compare("options of tandemd", set(code) - {"help"}, re.findall(r"Fl -([a-z-]+)", synopsis))
    code = find(r'^\t\t\{"([a-z-]+)", (?:no|required)_argument', "src/web/main.c")
    compare("options of tandem-web", set(code) - {"help"},
            re.findall(r"Fl -([a-z-]+)", section("man/tandem-web.8", "SYNOPSIS")))
    page = read("man/tandem-web.8")
    contains("paths of tandem-web", page, [f"Pa {path}" for path in find(r'^\t\[ANSWER_\w+\] = \{"(/[a-z.]*)"',
                                                                        "src/web/answer.c")])
    for name, words in (("SERVER_CONNECTIONS_MAX", "most {} connections"), ("SERVER_OF_ADDRESS_MAX", "{} of them"),
                        ("SERVER_SILENCE_S", "for {} seconds")):
        contains("bounds of tandem-web", page, [words.format(define("src/web/server.h", name))])
    contains("where tandem-web listens", page, find(r'^#define LISTEN_DEFAULT "(.*)"', "src/web/listen.h"))


def check_control_socket():
    """Methods and errors of the interface: what describes it, what serves it, and the manual."""
    described = read("src/director/control/control.c")
    page = section("man/tandemd.8", "CONTROL SOCKET")
    methods = re.findall(r'"method (\w+)\(', described)
    compare("methods that are served", methods, find(r'^\t\{"(\w+)", (?:true|false), \w+\},', "src/director/director.c"))
    compare("methods of the control socket", methods, re.findall(r"^\.It Fn (\w+)", page, re.M))
    errors = re.findall(r'"error (\w+) \(', described)
    sources = [path.read_text() for path in sorted((ROOT / "src/director").rglob("*.c")) if path.name != "control.c"]
    for name in errors:
        if not any(f'"{name}"' in text for text in sources):
            wrong.append(f"errors of the control socket: {name} is never sent")
    for text in sources:
        for name in re.findall(r'control_error\([^";]*"(\w+)"', text):
            if name not in errors:
                wrong.append(f"errors of the control socket: {name} is not described")
    contains("errors of the control socket", page, errors)


def check_metrics():
    """Each with the labels that it has beside those of what it is told of."""
    rows = find(r'\{\s*"(tandem_\w+)",\s*((?:"[^"]*"\s*)+),\s*METRIC_OF_\w+,\s*METRIC_(\w+),\s*"[^"]*",\s*'
                r'(?:NULL|"(\w+)"),\s*(?:NULL|WORDS\(([^)]*)\))\}', "src/web/metric_table.c")
    assert len(rows) == len(find(r'\{\s*"tandem_', "src/web/metric_table.c")), "a row of another form"
    entries = dict(re.findall(r"^\.It Va (tandem_\w+)\n(.*?)(?=^\.It |^\.El)", section("man/tandemctl.8", "METRICS"),
                              re.M | re.S))
    compare("metrics", [name for name, *_ in rows], entries)
    for name, _, form, label, words in rows:
        labels = re.findall(r'"(?:\w+/)*(\w+)"', words) if form == "INFO" else [label] if label else []
        contains(f"metric {name}", entries.get(name, ""), labels)


def check_exit_statuses():
    code = ["0", "1"] + [n for path in sorted((ROOT / "src/ctl").glob("*.c"))
                         for n in re.findall(r"^#define EXIT_\w+ (\d+)", path.read_text(), re.M)]
    compare("exit statuses of tandemctl", code,
            re.findall(r"^\.It (\d+)$", section("man/tandemctl.8", "EXIT STATUS"), re.M))


def define(path, name):
    return find(rf"^#define {name} \(?(\d+)u?", path)[0]


def check_wire():
    datagrams, stream = read("man/tandem-link.7").split(".Sh THE STREAM")
    enum = find(r"^enum stream_type \{(.*?)\};", "src/link/stream.h", re.M | re.S)[0]
    stream_types = re.findall(r"^\tSTREAM_(\w+?)(?: = 1)?,", enum, re.M)
    table = stream.split('"type" "records acknowledged"')[1].split(".El")[0]
    rows = re.findall(r"^\.It (\d+) Ta ([a-z ]+) Ta ", table, re.M)
    names = {"RECORDS_ACK": "records acknowledged"}
    compare("messages of the stream",
            [f"{n} {names.get(name, name.lower().replace('_', ' '))}" for n, name in enumerate(stream_types, 1)],
            [f"{n} {name}" for n, name in rows])
    items = find(r"^\tLINK_ITEM_([A-Z]+?)(?: = 1)?,", "src/core/link_item.h")
    table = section("man/tandem-link.7", "Contents").split('"type" "meaning"')[1]
    compare("items of datagrams", [str(n) for n, _ in enumerate(items, 1)], re.findall(r"^\.It (\d+) Ta", table, re.M))
    for path, label in (("src/link/seal.c", "LABEL"), ("src/link/tls_psk.c", "PSK_LABEL")):
        contains("labels", datagrams, find(rf'^#define {label} "(.*)"', path))
    contains("labels", datagrams, find(r'"(tandem [a-z ]+ 1)"', "src/core/pair_key.c"))
    for text, path, name, words in (
            (datagrams, "src/core/sync_window.h", "SYNC_WINDOW_SPAN", "last {} numbers"),
            (datagrams, "src/link/session.h", "SESSION_RING", "last {} datagrams"),
            (stream, "src/link/repair.c", "RANGES_MAX", "up to {}"),
            (stream, "src/link/resync.c", "WINDOW", "more than {} messages"),
            (stream, "src/core/bulk_message.h", "BULK_ASK_LEN", "Resync ask, {} bytes"),
            (stream, "src/core/bulk_message.h", "BULK_RECORDS_HEADER_LEN", "It {} Ta m"),
            (stream, "src/core/bulk_message.h", "BULK_ACK_LEN", "Records acknowledged, {} bytes"),
            (stream, "src/core/bulk_message.h", "BULK_DONE_LEN", "Resync done, {} bytes"),
            (stream, "src/core/sync_digest.h", "SYNC_DIGEST_PART", "three parts, {}"),
            (stream, "src/core/sync_digest.h", "SYNC_DIGEST_HEADER_LEN", "It {} Ta 16 each"),
            (stream, "src/core/tracked.h", "TRACKED_MAX", "1 to {}")):
        contains("the link", text, [words.format(define(path, name))])
    parts, part, head = (int(define("src/core/sync_digest.h", f"SYNC_DIGEST_{name}"))
                         for name in ("PARTS", "PART", "HEADER_LEN"))
    contains("the link", stream, [f"{parts * part} cells", f"{head + 16 * parts * part} bytes"])


def main():
    for check in check_events, check_counters, check_commands, check_options, check_control_socket, check_metrics, \
            check_exit_statuses, check_wire:
        check()
    print("\n".join(wrong) or "the manual and the code have the same names")
    sys.exit(bool(wrong))


if __name__ == "__main__":
    main()
