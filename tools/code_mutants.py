"""Change the exporter's code in one place at a time: does a test fail?

``make code-mutants`` runs the exporter's tests once to learn which of them reach each line. Then it
runs, for each change, the tests that reach it until one fails: those of the same folder first, and
of these the quickest. A change that no test notices survives: it needs a test, or a reason in
code_mutants.yaml why nobody can notice it.

Changed are comparisons, boolean and arithmetic operators, numbers, conditions, returned values and
statements that call or raise. Texts are not: other tests compare them with the docs.
"""

from __future__ import annotations

import argparse
import ast
import copy
import json
import os
import random
import shutil
import subprocess
import sys
import sysconfig
import tempfile
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from itertools import accumulate
from pathlib import Path
from queue import SimpleQueue
from typing import TYPE_CHECKING, NamedTuple

import yaml
from coverage import CoverageData

from lab.terminal import show_progress
from exporter.text import plural
from lab.markdown import table
from tools.reached_lines import SECONDS

if TYPE_CHECKING:
    from collections.abc import Container, Iterator, Sequence

ROOT = Path(__file__).parent.parent
EXPORTER = ROOT / "exporter"
CODE = ("run.py", "function.py", "watch.py", "shard.py", "config", "read", "measure", "write")
SURVIVORS = Path(__file__).with_suffix(".yaml")
RESULT = ROOT / "docs" / "code-mutants.json"
"""What the last run of all changes found. It takes long, so that it is recorded."""

_SECONDS_OF_TESTS = 30.0
"""How long a change's tests of its folder may take, and its others, as without the change."""
_MOST_SECONDS = 300.0
"""A change with which the tests take longer is noticed: something waits or loops."""

_PYTEST = ("-m", "pytest", "-q", "-p", "no:cacheprovider")
_COVERAGE = """\
[run]
source = exporter
context = ${{REACHED_BY-}}
parallel = true
patch = subprocess
data_file = {folder}/.coverage
"""

_COMPARED = {
    ast.Lt: ast.LtE,
    ast.LtE: ast.Lt,
    ast.Gt: ast.GtE,
    ast.GtE: ast.Gt,
    ast.Eq: ast.NotEq,
    ast.NotEq: ast.Eq,
    ast.In: ast.NotIn,
    ast.NotIn: ast.In,
    ast.Is: ast.IsNot,
    ast.IsNot: ast.Is,
}
_CALCULATED = {
    ast.Add: ast.Sub,
    ast.Sub: ast.Add,
    ast.Mult: ast.Div,
    ast.Div: ast.Mult,
    ast.FloorDiv: ast.Mult,
    ast.BitOr: ast.BitAnd,
    ast.BitAnd: ast.BitOr,
}


class CodeMutant(NamedTuple):
    """A change of a file.

    Attributes:
        file: The file, relative to the exporter's folder.
        line: The number of the line where it is.
        code: That line, without its comment.
        change: What is changed into what.
        text: The whole changed file.
    """

    file: str
    line: int
    code: str
    change: str
    text: str

    @property
    def key(self) -> tuple[str, str, str]:
        """Return the change without the line's number, so that a reason stays with its code."""
        return self.file, self.code, self.change

    def __str__(self) -> str:
        """Return it as code_mutants.yaml would."""
        return f"{self.file}:{self.line}: {self.code}: {self.change}"


def survivors_with_a_reason() -> dict[tuple[str, str, str], str]:
    """Return the reason why nobody can notice a change, by its key."""
    listed = yaml.safe_load(SURVIVORS.read_text("utf-8"))
    return {
        (each["file"], each["code"], change): each["reason"]
        for each in listed
        for change in each["changes"]
    }


def code_files(names: Sequence[str] = CODE) -> list[Path]:
    """Return the exporter's files and those of its folders with these names, in order."""
    return sorted(
        path
        for name in names
        for path in ([EXPORTER / name] if name.endswith(".py") else (EXPORTER / name).rglob("*.py"))
    )


def code_mutants(file: str, text: str) -> Iterator[CodeMutant]:
    """Yield every change of a file."""
    tree = ast.parse(text)
    offsets = [0]
    for line in text.encode().splitlines(keepends=True):
        offsets.append(offsets[-1] + len(line))
    for node in _runtime_nodes(tree):
        for place, after in _changes(node):
            start = offsets[place.lineno - 1] + place.col_offset
            end = offsets[(place.end_lineno or place.lineno) - 1] + (place.end_col_offset or 0)
            encoded = text.encode()
            whole = encoded[:start] + after.encode() + encoded[end:]
            change = f"{encoded[start:end].decode()} -> {after}"
            code = text.splitlines()[place.lineno - 1].partition("  #")[0].strip()
            yield CodeMutant(file, place.lineno, code, " ".join(change.split()), whole.decode())


def _runtime_nodes(tree: ast.AST) -> Iterator[ast.expr | ast.stmt]:
    """Yield the nodes that do something at run time: no annotation, no import for types alone."""
    for field, value in ast.iter_fields(tree):
        if field in {"annotation", "returns", "decorator_list", "type_params"}:
            continue
        for child in value if isinstance(value, list) else [value]:
            if isinstance(child, ast.If) and ast.unparse(child.test) == "TYPE_CHECKING":
                continue
            if isinstance(child, ast.expr | ast.stmt):
                yield child
            if isinstance(child, ast.AST) and not isinstance(child, ast.JoinedStr):
                yield from _runtime_nodes(child)


def _changes(node: ast.expr | ast.stmt) -> Iterator[tuple[ast.expr | ast.stmt, str]]:
    """Yield the code to replace, and what replaces it."""
    match node:
        case ast.If(test=test) | ast.While(test=test) | ast.IfExp(test=test) if not (
            _turned_by_its_operator(test)
        ):
            yield test, f"({ast.unparse(ast.UnaryOp(ast.Not(), test))})"
    yield from ((node, f"({ast.unparse(changed)})") for changed in _expression_changes(node))
    yield from ((node, changed) for changed in _statement_changes(node))


def _turned_by_its_operator(test: ast.expr) -> bool:
    """Return whether another change already turns a condition into its opposite."""
    match test:
        case ast.Compare(ops=[ast.Eq() | ast.NotEq() | ast.In() | ast.NotIn()]):
            return True
        case ast.Compare(ops=[ast.Is() | ast.IsNot()]) | ast.UnaryOp(op=ast.Not()):
            return True
    return False


def _expression_changes(node: ast.AST) -> Iterator[ast.AST]:
    """Yield what an expression may be changed into."""
    match node:
        case ast.Compare():
            for index, operator in enumerate(node.ops):
                changed = copy.deepcopy(node)
                changed.ops[index] = _COMPARED[type(operator)]()
                yield changed
        case ast.BoolOp():
            changed_operator = ast.Or() if isinstance(node.op, ast.And) else ast.And()
            yield ast.BoolOp(changed_operator, node.values)
        case ast.UnaryOp(op=ast.Not()):
            yield node.operand
        case ast.BinOp() if type(node.op) in _CALCULATED:
            yield ast.BinOp(node.left, _CALCULATED[type(node.op)](), node.right)
        case ast.Constant(value=bool()):
            yield ast.Constant(not node.value)
        case ast.Constant(value=int() | float() as number):
            yield ast.Constant(number + 1)


def _statement_changes(node: ast.AST) -> Iterator[str]:
    """Yield what a statement may be changed into."""
    match node:
        case ast.Return(value=ast.expr() as value) if not _is_none(value):
            yield "return None"
        case ast.Expr(value=ast.Call()) | ast.Raise():
            yield "pass"
        case ast.Break():
            yield "continue"
        case ast.Continue():
            yield "break"


def _is_none(value: ast.expr) -> bool:
    return isinstance(value, ast.Constant) and value.value is None


class Tests(NamedTuple):
    """What the tests of the unchanged code reach, and how long they take.

    Attributes:
        by_line: The tests that reach a line of a file.
        by_file: The tests that reach any line of a file.
        seconds: Each test's duration.
    """

    by_line: dict[tuple[str, int], set[str]]
    by_file: dict[str, set[str]]
    seconds: dict[str, float]

    def of(self, mutant: CodeMutant) -> list[str]:
        """Return the tests to run for a change, in order.

        After those that reach it come the others of its folder: what runs while a module is
        imported has no test of its own, and not every process that a test starts is measured.
        """
        reached = self.by_line.get((mutant.file, mutant.line)) or self.by_file[mutant.file]
        folder = f"tests/exporter/{mutant.file.partition('/')[0].removesuffix('.py')}/"
        same_folder = {test for test in self.seconds if test.startswith(folder)}
        others = _SECONDS_OF_TESTS if same_folder else _MOST_SECONDS / 2
        chosen = self._quickest(reached & same_folder, _SECONDS_OF_TESTS)
        chosen += self._quickest(reached - same_folder, others)
        return list(dict.fromkeys([*chosen, *sorted(same_folder, key=self.seconds.__getitem__)]))

    def _quickest(self, tests: set[str], seconds: float) -> list[str]:
        """Return the tests that fit into so many seconds, the quickest first."""
        ordered = sorted(tests, key=lambda test: (self.seconds[test], test))
        ends = accumulate(self.seconds[test] for test in ordered)
        return [test for test, end in zip(ordered, ends, strict=True) if end <= seconds]


def main(arguments: list[str] | None = None) -> int:
    """Try the changes and print the survivors; return 1 where one has no reason."""
    parser = argparse.ArgumentParser(prog="python -m tools.code_mutants", description=__doc__)
    parser.add_argument("--only", action="append", metavar="PATH", help="only files below it")
    parser.add_argument("--sample", type=int, metavar="N", help="only N changes, drawn by the seed")
    parser.add_argument("--seed", type=int, default=1, help="seed of the sample (default: 1)")
    parser.add_argument("--workers", type=int, default=2, help="tests at a time (default: 2)")
    args = parser.parse_args(arguments)
    every = [
        mutant
        for path in code_files(args.only or CODE)
        for mutant in code_mutants(str(path.relative_to(EXPORTER)), path.read_text("utf-8"))
    ]
    if not every:
        parser.error(f"no code of exporter/ is below {', '.join(args.only)}")
    if args.sample is not None:
        drawn = random.Random(args.seed)  # noqa: S311 - the same changes each time
        every = drawn.sample(every, min(args.sample, len(every)))
    reasons = survivors_with_a_reason()
    # After Ctrl-C, tests may write for a moment while their folder is removed.
    with tempfile.TemporaryDirectory(prefix="mutants-", ignore_cleanup_errors=True) as folder:
        trees = [_copied(Path(folder, str(number))) for number in range(args.workers)]
        print("Learning which tests reach each line ...", file=sys.stderr)
        tests = _learned(*trees[0], Path(folder))
        free: SimpleQueue[tuple[Path, str]] = SimpleQueue()
        for copied in trees:
            free.put(copied)

        def survives(mutant: CodeMutant) -> bool:
            copied = free.get()
            try:
                return _survives(mutant, *copied, tests)
            finally:
                free.put(copied)

        survivors = []
        with ThreadPoolExecutor(args.workers) as pool, show_progress(sys.stderr) as progress:
            tried = zip(every, pool.map(survives, every), strict=True)
            for mutant, alive in progress.track("changes", tried, len(every)):
                if alive:
                    survivors.append(mutant)
                    with progress.pause():
                        print(f"{mutant}: {reasons.get(mutant.key, 'NO REASON')}", flush=True)
    if not args.only and args.sample is None:
        record(every, survivors, reasons)
    unexplained = [mutant for mutant in survivors if mutant.key not in reasons]
    killed = len(every) - len(survivors)
    print(
        f"{plural(len(every), 'change')}: {killed} noticed ({killed / len(every):.1%}), "
        f"{len(survivors) - len(unexplained)} with a reason, {len(unexplained)} without."
    )
    return 1 if unexplained else 0


def record(
    every: Sequence[CodeMutant],
    survivors: Sequence[CodeMutant],
    reasons: Container[tuple[str, str, str]],
) -> None:
    """Write the result of all changes to docs/code-mutants.json, by folder or file."""
    rows: dict[str, Counter[str]] = {}
    for mutant in every:
        row = rows.setdefault(mutant.file.partition("/")[0], Counter(changes=0, noticed=0))
        row.update(changes=1, noticed=mutant not in survivors)
        row.update(explained=mutant in survivors and mutant.key in reasons)
    text = json.dumps({name: dict(row) for name, row in rows.items()}, indent=2)
    RESULT.write_text(f"{text}\n", "utf-8")


def result() -> str:
    """Return the recorded table."""
    rows = json.loads(RESULT.read_text("utf-8"))
    total: Counter[str] = sum(map(Counter, rows.values()), Counter())
    headings = ("code", "changes", "noticed by a test", "explained")
    columns = ("changes", "noticed", "explained")
    return table(
        headings,
        [
            (
                f"`exporter/{name}`" if row is not total else "all",
                *(f"{row[key]}" for key in columns),
            )
            for name, row in [*rows.items(), ("", total)]
        ],
    )


def _copied(tree: Path) -> tuple[Path, str]:
    """Copy what git tracks, as it is now; return the folder and its Python."""
    listed = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    ).stdout
    for name in filter(None, listed.split("\0")):
        target = tree / name
        target.parent.mkdir(parents=True, exist_ok=True)
        if (ROOT / name).exists():
            shutil.copy2(ROOT / name, target)
    return tree, _python(tree)


def _python(tree: Path) -> str:
    """Return the Python of a tree: as this one, but every process imports the tree's exporter."""
    packages = Path(sysconfig.get_path("purelib"))
    environment = tree / ".venv"
    copied = environment / packages.relative_to(sys.prefix)
    copied.mkdir(parents=True)
    for package in packages.iterdir():
        if package.suffix == ".pth":
            text = package.read_text("utf-8").replace(str(ROOT), str(tree))
            (copied / package.name).write_text(text, "utf-8")
        else:
            (copied / package.name).symlink_to(package)
    shutil.copy2(Path(sys.prefix, "pyvenv.cfg"), environment)
    python = environment / "bin" / "python"
    python.parent.mkdir()
    python.symlink_to(Path(sys.executable).resolve())
    return str(python)


def _learned(tree: Path, python: str, folder: Path) -> Tests:
    """Run the tests of the unchanged code."""
    settings, durations = folder / "coveragerc", folder / "seconds.json"
    settings.write_text(_COVERAGE.format(folder=folder), "utf-8")
    command = ("-m", "coverage", "run", f"--rcfile={settings}", *_PYTEST, "-n", "2")
    ran = subprocess.run(
        [python, *command, "-p", "tools.reached_lines", "tests/exporter"],
        cwd=tree,
        check=False,
        stdout=sys.stderr,
        env=os.environ | {SECONDS: str(durations)},
    )
    if ran.returncode:
        sys.exit("Tests of the unchanged code fail: make them pass, and run this again.")
    tests = Tests({}, {}, json.loads(durations.read_text("utf-8")))
    for part in folder.glob(".coverage.*"):
        data = CoverageData(str(part))
        data.read()
        for file in data.measured_files():
            name = str(Path(file).relative_to(tree / "exporter"))
            for line, contexts in data.contexts_by_lineno(file).items():
                reaching = tests.seconds.keys() & contexts
                tests.by_line.setdefault((name, line), set()).update(reaching)
                tests.by_file.setdefault(name, set()).update(reaching)
    return tests


def _survives(mutant: CodeMutant, tree: Path, python: str, tests: Tests) -> bool:
    """Return whether all tests that reach a change pass."""
    file = tree / "exporter" / mutant.file
    original = file.read_text("utf-8")
    chosen = tests.of(mutant)
    file.write_text(mutant.text, "utf-8")
    try:
        ran = subprocess.run(
            [python, *_PYTEST, "-x", *chosen],
            cwd=tree,
            capture_output=True,
            timeout=_MOST_SECONDS,
            check=False,
        )
    except subprocess.TimeoutExpired:
        return False
    finally:
        file.write_text(original, "utf-8")
    return ran.returncode == 0


if __name__ == "__main__":
    try:
        sys.exit(main())
    except KeyboardInterrupt:
        sys.exit("Interrupted: nothing is recorded.")
