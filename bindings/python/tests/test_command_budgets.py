"""The commands calibrate, path and top, and what all commands have in common: tables from the standard input, --output."""

from __future__ import annotations

import csv
import io
import json
import os
import subprocess
import sys

import numpy as np
import pytest

import hr_weights as hrw
from hr_weights.__main__ import main

LOSSES = np.random.default_rng(1).exponential(size=50)
TABLE = "".join(f"image {i},{loss!r}\n" for i, loss in enumerate(LOSSES.tolist()))
COMMANDS = {
    "weights": ["--alpha=.05", "--r=.1"],
    "certify": ["--worst=99"],
    "calibrate": ["--effective-samples=20"],
    "path": ["--alpha=0,.05", "--r=0,.1,inf"],
    "top": ["--alpha=.05", "--r=.1", "-k3"],
}


@pytest.fixture(autouse=True)
def files(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "table.csv").write_text("name,loss\n" + TABLE, encoding="utf-8")
    np.save("losses.npy", LOSSES)


def run(capsys, *arguments):
    code = main(arguments)
    captured = capsys.readouterr()
    assert code == 0, captured.err
    assert captured.err == ""
    return captured.out


def rows(text, mark=","):
    return list(csv.DictReader((line for line in text.splitlines() if not line.startswith("#")), delimiter=mark))


@pytest.mark.parametrize("command", COMMANDS)
@pytest.mark.parametrize("mark", [",", "\t", ";"])
def test_tables_from_the_standard_input(capsys, monkeypatch, command, mark):
    want = run(capsys, command, "table.csv", "--column=loss", *COMMANDS[command])
    text = (f"name{mark}loss\n" + TABLE.replace(",", mark)).encode()
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(text), encoding="ascii"))
    assert run(capsys, command, "-", "--column=loss", *COMMANDS[command]) == want
    assert "n = 50, header skipped: name, loss" in want


def test_tabs_make_a_table_only_where_all_lines_have_them(capsys, tmp_path):
    """What was one vector, or refused, is so still."""
    for text in ("0.5\t1.5\t2.5\n", "0.5\t# a comment\n1.5\t# another\n2.5\n", "0.5\t\n1.5\n2.5\n"):
        (tmp_path / "losses.txt").write_text(text)
        assert json.loads(run(capsys, "weights", "losses.txt", "--json"))["n"] == 3
    (tmp_path / "losses.txt").write_text("0.5\t1.5\n2.5\t3.5\n")
    assert main(["weights", "losses.txt"]) == 1
    assert "choose one with --column: 1 to 2" in capsys.readouterr().err
    assert json.loads(run(capsys, "weights", "losses.txt", "--column=2", "--json"))["worst_loss"] == 3.5


@pytest.mark.parametrize("command", COMMANDS)
@pytest.mark.parametrize("json_too", [[], ["--json"]])
def test_a_line_is_the_standard_output(capsys, tmp_path, command, json_too):
    arguments = [command, "losses.npy", *COMMANDS[command], *json_too]
    want = run(capsys, *arguments)
    assert run(capsys, *arguments, "--output", "-") == want
    assert [path.name for path in tmp_path.iterdir() if path.name == "-"] == []
    if json_too:
        assert json.loads(want)["n"] == 50
    elif command != "calibrate":
        assert "n = 50, no header" in want


@pytest.mark.parametrize("command", ["certify", "calibrate"])
def test_an_answer_in_a_file(capsys, tmp_path, command):
    want = run(capsys, command, "losses.npy", *COMMANDS[command], "--json")
    said = run(capsys, command, "losses.npy", *COMMANDS[command], "--json", "--output=answer.json")
    assert (tmp_path / "answer.json").read_text() == want
    assert "answer.json" in said and "n = 50" in said


@pytest.mark.parametrize("wanted", ["effective_samples", "largest_weight", "robust_loss"])
@pytest.mark.parametrize("find", ["r", "alpha"])
def test_calibrate(capsys, wanted, find):
    value = {"effective_samples": 20, "largest_weight": 0.2, "robust_loss": 1.5}[wanted]
    option = f"--{wanted.replace('_', '-')}={value}"
    report = json.loads(run(capsys, "calibrate", "losses.npy", option, f"--find={find}", "--ordering=HR", "--json"))
    assert report[find] == getattr(hrw, f"{find}_for_{wanted}")(LOSSES, value, ordering="HR")
    assert report[wanted] == pytest.approx(value, rel=1e-9)
    # What was found gives it, when the weights are asked for.
    budgets = {"alpha": report["alpha"], "r": report["r"]}
    weights = hrw.weights(LOSSES, **budgets, ordering="HR")
    assert report["largest_weight"] == weights.max()
    assert report["effective_samples"] == pytest.approx(1 / (weights**2).sum())
    text = run(capsys, "calibrate", "losses.npy", option, f"--find={find}", "--ordering=HR")
    assert text.startswith(f"{find} = {report[find]!r} (with ")


def test_path(capsys, tmp_path):
    table = rows(run(capsys, "path", "losses.npy", "--alpha=0,.05", "--r=0,.1,inf", "--worst=9"))
    assert [(float(row["alpha"]), float(row["r"])) for row in table] == [
        (alpha, r) for alpha in (0, 0.05) for r in (0, 0.1, np.inf)
    ]
    for row in table:
        solution = hrw.solve(LOSSES, float(row["alpha"]), float(row["r"]), worst_loss=9)
        for name in ("robust_loss", "dual_bound", "effective_samples"):
            assert float(row[name]) == pytest.approx(getattr(solution, name), rel=1e-9)
        assert int(row["trimmed"]) == solution.trimmed
    said = run(capsys, "path", "losses.npy", "--alpha=0,.05", "--r=0,.1,inf", "--worst=9", "--output=path.tsv")
    assert said == "6 rows in path.tsv\nn = 50, no header\n"
    assert rows((tmp_path / "path.tsv").read_text(), "\t") == table
    report = json.loads(run(capsys, "path", "losses.npy", "--r=inf", "--worst=9", "--json"))
    # JSON has no infinity.
    assert report["n"] == 50 and report["rows"][0]["r"] is None and report["rows"][0]["robust_loss"] == 9
    assert len(rows(run(capsys, "path", "losses.npy"))) > 3


def test_top(capsys):
    weights = hrw.weights(LOSSES, 0.05, 0.1, ordering="HR")
    order = np.argsort(-weights, kind="stable")[:4]
    text = run(capsys, "top", "table.csv", "--column=loss", "--alpha=.05", "--r=.1", "--ordering=HR", "-k=4")
    table = rows(text)
    assert [int(row["sample"]) for row in table] == order.tolist()
    # The header is line 1.
    assert [int(row["line"]) for row in table] == (order + 2).tolist()
    np.testing.assert_allclose([float(row["weight"]) for row in table], weights[order], rtol=1e-12)
    np.testing.assert_array_equal([float(row["loss"]) for row in table], LOSSES[order])
    assert f"4 samples have {weights[order].sum():.1%} of the weight" in text
    report = json.loads(run(capsys, "top", "losses.npy", "--r=.1", "--count=100", "--json"))
    assert len(report["rows"]) == 50 and report["share"] == pytest.approx(1) and "line" not in report["rows"][0]


@pytest.mark.parametrize(
    "message, arguments",
    [
        ("no r gives an effective sample size of 99.0", ["calibrate", "losses.npy", "--effective-samples=99"]),
        ("no alpha gives a robust loss of 0.0", ["calibrate", "losses.npy", "--robust-loss=0", "--find=alpha"]),
        ("table.csv: there are 2 columns; choose one", ["top", "table.csv"]),
        ("worst_loss = 0.5, the largest loss is", ["path", "losses.npy", "--worst=.5"]),
        ("fake.npy: ", ["top", "fake.npy"]),
        ("cut.npy: ", ["path", "cut.npy"]),
        ("header.npy: ", ["path", "header.npy"]),
        ("No such file or directory", ["path", "losses.npy", "--output=nowhere/path.csv"]),
        ("base has shape (2,)", ["top", "losses.npy", "--base=two.txt"]),
    ],
)
def test_bad_data_is_one_line(capsys, tmp_path, message, arguments):
    (tmp_path / "fake.npy").write_bytes(b"PK\x03\x04 and nothing of an archive")
    (tmp_path / "cut.npy").write_bytes((tmp_path / "losses.npy").read_bytes()[:150])
    (tmp_path / "header.npy").write_bytes(b"\x93NUMPY\x01\x00\x10\x00{'descr': (((((\n")
    (tmp_path / "two.txt").write_text("1 1")
    assert main(arguments) == 1
    captured = capsys.readouterr()
    assert captured.out == "" and captured.err.startswith("hr_weights: ") and captured.err.count("\n") == 1
    assert message in captured.err


@pytest.mark.parametrize(
    "message, arguments",
    [
        ("one of the arguments --effective-samples --largest-weight", ["calibrate", "losses.npy"]),
        ("not allowed with", ["calibrate", "losses.npy", "--robust-loss=1", "--effective-samples=9"]),
        ("2 is not a number in [0, 1]", ["path", "losses.npy", "--alpha=0,2"]),
        ("argument --r: '' is not a number", ["path", "losses.npy", "--r=0,,1"]),
        ("0 is not at least 1", ["top", "losses.npy", "-k=0"]),
        ("argument -k/--count", ["top", "losses.npy", "-k=1.5"]),
        ("invalid choice", ["bottom", "losses.npy"]),
    ],
)
def test_a_bad_command_line_is_one_line_below_the_usage(capsys, message, arguments):
    with pytest.raises(SystemExit) as caught:
        main(arguments)
    error = capsys.readouterr().err
    assert caught.value.code == 2 and error.startswith("usage: ") and message in error
    assert error.rstrip("\n").count("\n") <= 2


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="Linux has a device that is always full")
def test_streams_that_are_full_or_closed():
    command = [sys.executable, "-m", "hr_weights", "weights", "losses.npy"]
    with open("/dev/full", "w") as full:
        result = subprocess.run(command, stdout=full, stderr=subprocess.PIPE, text=True)
    assert result.returncode == 1 and result.stderr.count("\n") == 1 and "No space left" in result.stderr
    for closed, arguments in ((">&-", "weights losses.npy"), ("<&-", "weights -")):
        shell = f'"{sys.executable}" -m hr_weights {arguments} {closed}'
        result = subprocess.run(["sh", "-c", shell], stderr=subprocess.PIPE, text=True)
        assert result.returncode == 1 and result.stderr.count("\n") == 1, result.stderr
        assert "there is no standard" in result.stderr
