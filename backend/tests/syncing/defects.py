"""Does the model notice? Defects are planted, one at a time, in a copy of the service.

    python -m syncing.defects [NAME …]

Each is tried with the same sequences until one of them fails. What nothing notices shows where the
model looks away.
"""

from __future__ import annotations

import argparse
import os
import re
import shutil
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

BACKEND = Path(__file__).resolve().parents[2]
MODEL = "tests/integration/test_sync_model.py::test_devices_converge"
SEED, SEQUENCES, STEPS = 1, 100, 60
MOST_SECONDS = 900.0


@dataclass(frozen=True)
class Defect:
    name: str
    file: str
    right: str
    wrong: str


SYNC, BATCH = "services/sync.py", "services/batch.py"
MOVING, BENCH = "services/moving.py", "services/workbench.py"
CHANGES, BELONGINGS = "services/changes.py", "services/belongings.py"

DEFECTS = [
    Defect(
        "an operation is not remembered",
        BATCH,
        'self._new.append({"op_id": op_id, "fingerprint": operation.fingerprint, "rev": rev})',
        "pass",
    ),
    Defect(
        "what changed nothing is not remembered",
        BATCH,
        'self._new.append({"op_id"',
        'rev and self._new.append({"op_id"',
    ),
    Defect(
        "another content under the same op_id is a duplicate",
        BATCH,
        "if fingerprint != operation.fingerprint:",
        "if not fingerprint:",
    ),
    Defect(
        "a conflict is remembered as done",
        BATCH,
        "        except RequestRefused as refusal:\n            conflict",
        "        except RequestRefused as refusal:\n            self._remember(operation, before)\n"
        "            conflict",
    ),
    Defect(
        "a duplicate comes without its task",
        BATCH,
        'return Result(said.op_id, "duplicate", said.id)',
        'return Result(said.op_id, "duplicate")',
    ),
    Defect(
        "a device meets itself as somebody else",
        BATCH,
        "return rev > base_rev and rev not in self._own",
        "return rev > base_rev",
    ),
    Defect(
        "a repetition does not say what is one's own",
        BATCH,
        "            self._own.add(rev)\n            return Result",
        "            return Result",
    ),
    Defect("a conflict is ignored", BATCH, "            if clashes:\n", "            if False:\n"),
    Defect(
        "the same value on both sides is a conflict",
        BATCH,
        "                and getattr(draft, name) != value\n",
        "",
    ),
    Defect(
        "edits of different members are a conflict",
        BATCH,
        'getattr(draft, f"{name}_rev"), base)\n                and',
        "draft.rev, base)\n                and",
    ),
    Defect(
        "an edit of a deleted task is done",
        BATCH,
        "        if draft.deleted:\n            raise TaskDeleted\n        if isinstance",
        "        if isinstance",
    ),
    Defect(
        "a create brings a deleted task back",
        BATCH,
        "        if present.deleted:\n            raise TaskDeleted\n",
        "        if present.deleted:\n            self._bench.restore(present)\n",
    ),
    Defect(
        "an atomic batch is not rolled back",
        SYNC,
        "if request.atomic and any(result.refusal for result in results):",
        "if False:",
    ),
    Defect(
        "an old cursor is refused after the writes",
        SYNC,
        "                if cursor is not None:\n"
        "                    cursor.check(bench.epoch, bench.rev, bench.purged_rev)\n"
        "                work = Batch(transaction, user_id, bench)\n"
        "                results = await work.run(batch)\n",
        "                work = Batch(transaction, user_id, bench)\n"
        "                results = await work.run(batch)\n"
        "                if cursor is not None and cursor.epoch != bench.epoch:\n"
        "                    cursor = Cursor(bench.epoch, 0)\n",
    ),
    Defect(
        "a merged edit loses a member",
        BENCH,
        '            setattr(draft, f"{name}_rev", rev)\n',
        '            setattr(draft, f"{name}_rev", rev)\n            break\n',
    ),
    Defect(
        "the members' revisions are forgotten",
        BENCH,
        '            setattr(draft, f"{name}_rev", rev)\n',
        "",
    ),
    Defect(
        "making room is an edit",
        BENCH,
        "            draft.order = order\n            self.last_order",
        "            draft.order = order\n            draft.order_rev = draft.rev\n"
        "            self.last_order",
    ),
    Defect(
        "a neighbour that makes room keeps its revision",
        BENCH,
        "            self._touch(draft)\n            draft.order = order\n",
        "            draft.touched = True\n            draft.order = order\n",
    ),
    Defect(
        "two changes share a revision",
        BENCH,
        "        self.rev += 1\n        return self.rev\n",
        "        self.rev += self.rev % 7 != 3\n        return self.rev\n",
    ),
    Defect(
        "a deleted task still counts",
        BENCH,
        "        draft.deleted = True\n        self.live -= 1\n",
        "        draft.deleted = True\n",
    ),
    Defect(
        "the limit is off by one",
        BENCH,
        "if self.live >= self._most_tasks:",
        "if self.live > self._most_tasks:",
    ),
    Defect(
        "a move is applied again",
        BATCH,
        "            self._own.add(rev)\n",
        "            self._own.add(rev)\n            if isinstance(operation.content, Move):\n"
        "                await self._apply(said, operation.content)\n",
    ),
    Defect(
        "before is after",
        MOVING,
        "        if where.before is not MISSING:\n            after = [beside, *after]",
        "        if where.before is MISSING:\n            after = [beside, *after]",
    ),
    Defect(
        "a place beside a deleted task is none",
        BATCH,
        ', under="/set", may_be_deleted=True)',
        ', under="/set")',
    ),
    Defect(
        "the last of the neighbours is forgotten",
        MOVING,
        "for neighbour in self.after[:reach]",
        "for neighbour in self.after[: reach - 1]",
    ),
    Defect(
        "room that is none",
        MOVING,
        "if high - low >= 2 else None",
        "if high - low >= 1 else None",
    ),
    Defect(
        "the cursor is the account's where there is more",
        CHANGES,
        'Cursor(row["epoch"], row["last_rev"], row["began"]',
        'Cursor(row["epoch"], row["rev"], row["began"]',
    ),
    Defect(
        "the cursor stays behind at the end",
        CHANGES,
        'following = Cursor(row["epoch"], row["rev"])',
        'following = cursor or Cursor(row["epoch"], row["rev"])',
    ),
    Defect(
        "there is never more",
        CHANGES,
        'has_more=row["last_rev"] is not None',
        "has_more=False",
    ),
    Defect(
        "a first walk forgets when it began",
        CHANGES,
        'row["began"] if first_walk else None)',
        "None)",
    ),
    Defect(
        "a first walk misses what is deleted on the way",
        "queries/changes.py",
        "or_(TASK.c.deleted_at.is_(null()), TASK.c.rev > began),",
        "or_(TASK.c.deleted_at.is_(null()), _BEGAN.is_(null()), _BEGAN == _AFTER),",
    ),
    Defect(
        "tombstones are left out",
        "queries/changes.py",
        "or_(TASK.c.deleted_at.is_(null()), TASK.c.rev > began),",
        "TASK.c.deleted_at.is_(null()),",
    ),
    Defect(
        "one change too few on a page",
        "queries/changes.py",
        "gathered.c.bodies[_ONE:_LIMIT]",
        "gathered.c.bodies[_ONE:_LIMIT - _ONE]",
    ),
    Defect(
        "a cursor from before a purge is continued",
        CHANGES,
        " or told < purged_rev",
        "",
    ),
    Defect(
        "a cursor of another life is continued",
        CHANGES,
        "self.epoch != epoch or ",
        "",
    ),
    Defect(
        "a purge is not written down",
        "queries/upkeep.py",
        "purged_rev=func.greatest(",
        "purged_rev=func.least(",
    ),
    Defect(
        "an import brings back nothing that was deleted",
        BELONGINGS,
        "    if was_deleted:\n        bench.restore(draft)\n",
        "",
    ),
    Defect(
        "an import forgets the tombstones",
        BELONGINGS,
        "_portions(document.deleted_tasks)",
        "_portions(document.deleted_tasks[:0])",
    ),
    Defect(
        "the operations of an erased account are kept",
        "queries/belongings.py",
        '            ("gone_operations", OPERATION),\n',
        "",
    ),
    Defect(
        "an answer under a key is not kept",
        "services/receipts.py",
        "if row is not None:",
        "if False:",
    ),
]


def plant(defect: Defect, backend: Path) -> None:
    file = backend / "src" / "taskwell" / defect.file
    text = file.read_text()
    if text.count(defect.right) != 1:
        raise SystemExit(f"{defect.name}: {defect.file} does not have its lines once.")
    file.write_text(text.replace(defect.right, defect.wrong))


def tried(defect: Defect | None, folder: Path) -> str:
    """What it came to: converged, or by which sequence it was caught."""
    backend = folder / "backend"
    for name in ("src", "tests", "pyproject.toml"):
        source = BACKEND / name
        if source.is_dir():
            shutil.copytree(source, backend / name, ignore=shutil.ignore_patterns("__pycache__"))
        else:
            shutil.copy(source, backend / name)
    if defect is not None:
        plant(defect, backend)
    settings = {
        "TASKWELL_SEED": str(SEED),
        "TASKWELL_SEQUENCES": str(SEQUENCES),
        "TASKWELL_STEPS": str(STEPS),
        "PYTHONPATH": str(backend / "src"),
    }
    ended = subprocess.run(
        [sys.executable, "-P", "-m", "pytest", "-q", "-p", "no:cacheprovider", MODEL],
        cwd=backend,
        env=os.environ | settings,
        capture_output=True,
        text=True,
        timeout=MOST_SECONDS,
        check=False,
    )
    if ended.returncode == 0:
        return "converged"
    if found := re.search(r"Diverged: seed (\d+), steps (\[.*?\])", ended.stdout, re.DOTALL):
        return f"caught by seed {found[1]}, steps {found[2]}"
    if found := re.search(
        r"^E {3}(\w+(?:\.\w+)*(?:Error|Exception).*)$", ended.stdout, re.MULTILINE
    ):
        return f"caught: {found[1][:120]}"
    raise SystemExit(ended.stdout + ended.stderr)


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m syncing.defects")
    parser.add_argument("names", nargs="*", help="some of them; all, unless told")
    names = parser.parse_args().names
    chosen: list[Defect | None] = [each for each in DEFECTS if not names or each.name in names]
    unnoticed = 0
    for defect in [None, *chosen]:
        with tempfile.TemporaryDirectory(prefix="taskwell-defect-") as folder:
            outcome = tried(defect, Path(folder))
        unnoticed += (outcome == "converged") != (defect is None)
        sys.stdout.write(f"{defect.name if defect else 'no defect'}: {outcome}\n")
        sys.stdout.flush()
    return 1 if unnoticed else 0


if __name__ == "__main__":
    sys.exit(main())
