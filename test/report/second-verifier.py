"""A second verifier of run directories, written from docs/evidence-format.md alone.

Usage: second-verifier.py DIR...   prints one JSON line a directory: {"ok": bool, "seq": first bad record or null}
It leaves out approvals and signatures (the standard library has no Ed25519) and renders no report.
"""
import hashlib, json, os, re, stat, sys

TAIL = re.compile(rb',"hash":"([0-9a-f]{64})"\}\Z')
UNLISTED = {"executor.json", "executor.log", "exits.ndjson", "supervisor.json", "supervisor.log", "addendum.ndjson"}


def read(root, name):
    with open(os.path.join(root, name), "rb") as f:
        return f.read()


def digest(root, path):
    if "\0" in path or any(p in ("", ".", "..") for p in path.split("/")):
        return None
    try:
        if not stat.S_ISREG(os.lstat(os.path.join(root, path)).st_mode):
            return None
        data = read(root, path)
    except (OSError, ValueError):
        return None
    return hashlib.sha256(data).hexdigest(), len(data)


def listing(root):
    for folder, folders, names in os.walk(root):
        for name in names + [f for f in folders if os.path.islink(os.path.join(folder, f))]:
            path = os.path.relpath(os.path.join(folder, name), root)
            if path not in UNLISTED and not path.startswith("inbox/"):
                yield path


def journal(data):
    """Good records, and the number of the first bad one or None."""
    records, previous = [], "0" * 64
    lines = data.split(b"\n")
    for index, line in enumerate(lines[:-1]):
        seq, tail = index + 1, TAIL.search(line)
        try:
            record = json.loads(line.decode("utf-8"), parse_constant=int)
            hashed = hashlib.sha256(previous.encode() + line[:-75]).hexdigest()
            run = records[0]["run"] if records else record["run"]
            if not tail or tail[1].decode() != hashed or record["seq"] != seq or record["run"] != run:
                return records, seq
            previous = hashed
        except (ValueError, KeyError, TypeError, RecursionError):
            return records, seq
        records.append(record)
    return records, len(lines) if lines[-1] else None


def files_named(record):
    kind = record["type"]
    if kind == "run.started":
        return [(p, d[7:], None) for p, d in record["files"].items()]
    if kind == "command.finished":
        streams = [record["output"][name] for name in ("stdout", "stderr")]
        return [(s["file"], s["sha256"], s["bytes"]) for s in streams if s["file"]]
    if kind in ("step.finished", "approval.decided"):
        return [(a["path"], a["sha256"], a["bytes"]) for a in record.get("artifacts", record.get("attachments"))]
    return [(record["keptAs"], record["sha256"], record["bytes"])] if kind == "recovery.truncated" else []


def verify(root):
    records, bad = journal(read(root, "journal.ndjson"))
    if bad is not None:
        return False, bad
    seal, before = records[-1], records[-2]["hash"]
    if seal["type"] != "run.sealed" or seal["records"] != len(records) or seal["headHash"] != before:
        return False, len(records)
    named = {path: (sha, size) for r in records for path, sha, size in files_named(r)}
    ok = records[0]["digest"] == records[0]["files"]["runbook.yaml"]
    for path, (sha, size) in named.items():
        found = digest(root, path)
        ok &= (found is None and size == 0) or (found is not None and found[0] == sha and size in (None, found[1]))
    text = read(root, "SHA256SUMS").decode("utf-8")
    sums = {line[66:]: line[:64] for line in text.split("\n")[:-1]}
    ok &= text == "".join(f"{sums[p]}  {p}\n" for p in sorted(sums, key=str.encode))
    ok &= set(listing(root)) == set(sums) | {"SHA256SUMS"} and {"report.md", "evidence.json"} <= set(sums)
    statement = json.loads(read(root, "evidence.json").decode("utf-8"))
    subjects = [(s["name"], s["digest"]["sha256"]) for s in statement["subject"]]
    ok &= all((digest(root, path) or [""])[0] == sha for path, sha in [*sums.items(), *subjects])
    is_added = os.path.lexists(os.path.join(root, "addendum.ndjson"))
    added, wrong = journal(read(root, "addendum.ndjson") if is_added else b"")
    seals = ["sha256:" + r["hash"] for r in records if r["type"] == "run.sealed"]
    ok &= wrong is None and all(a["run"] == seal["run"] and a["head"] in seals for a in added)
    about = statement["predicate"]["integrity"]["journal"]
    return ok and about["headHash"] == seal["hash"] and about["records"] == len(records), None


for directory in sys.argv[1:]:
    try:
        intact, first_bad = verify(directory)
    except (OSError, ValueError, KeyError, IndexError, TypeError):
        intact, first_bad = False, None
    print(json.dumps({"ok": bool(intact), "seq": first_bad}))
