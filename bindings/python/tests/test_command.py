"""The command line: what it prints, what it writes, and its exit codes."""

from __future__ import annotations

import io
import json
import os
import subprocess
import sys
from decimal import Decimal
from importlib import metadata
from pathlib import Path

import numpy as np
import pytest

import hr_weights as hrw
from hr_weights.__main__ import main

PAGE = Path(__file__).parents[3] / "docs" / "certificates.md"
ERRORS = (np.random.default_rng(0).random(1000) < 0.1).astype(float)
LOSSES = np.random.default_rng(1).exponential(size=50)


@pytest.fixture(autouse=True)
def files(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    np.save("errors.npy", ERRORS.astype(bool))
    np.savetxt("losses.txt", LOSSES, header="fifty losses")
    np.savetxt("one.csv", LOSSES, header="loss", comments="")
    rows = [f"{i},{loss!r},{i % 2}" for i, loss in enumerate(LOSSES.tolist())]
    (tmp_path / "table.csv").write_text("\n".join(["sample,loss,kept", *rows]) + "\n\n", encoding="utf-8")


def run(capsys, *arguments):
    code = main(arguments)
    captured = capsys.readouterr()
    assert (captured.err == "") == (code == 0)
    return code, captured.out if code == 0 else captured.err


def test_as_a_program():
    command = [sys.executable, "-m", "hr_weights"]
    arguments = ["certify", "errors.npy", "--alpha", ".05", "--delta", ".05", "--worst", "1"]
    result = subprocess.run([*command, *arguments], capture_output=True, text=True)
    assert result.returncode == 0 and result.stderr == ""
    assert "except with probability 0.05" in result.stdout and "at most 50 of the 1000 samples" in result.stdout
    assert subprocess.run([*command, "certify", "nothing.npy", "--worst", "1"], capture_output=True).returncode == 1
    assert subprocess.run([*command, "certify"], capture_output=True).returncode == 2
    assert subprocess.run([*command, "--version"], capture_output=True, text=True).stdout.strip() == hrw.__version__


def test_a_name_in_letters_that_the_output_has_not(tmp_path):
    (tmp_path / "table.csv").write_text("損失\n0.3\n", encoding="utf-8")
    result = subprocess.run(
        [sys.executable, "-m", "hr_weights", "certify", tmp_path / "table.csv", "--worst=1"],
        capture_output=True,
        text=True,
        env={**os.environ, "PYTHONIOENCODING": "ascii"},
    )
    assert result.returncode == 0 and "n = 1, header skipped: \\u640d\\u5931" in result.stdout, result.stderr


@pytest.mark.skipif(not PAGE.exists(), reason="the page is in the repository, not in the source distribution")
def test_the_page_shows_what_is_printed(capsys):
    text = run(capsys, "certify", "errors.npy", "--alpha", ".05", "--delta", ".05", "--worst", "1")[1]
    assert "".join(f"    {line}\n" for line in text.splitlines()) in PAGE.read_text(encoding="utf-8")


def test_certify(capsys):
    bound, r = hrw.certify(ERRORS, 0.05, 0.01, worst_loss=1)
    code, text = run(capsys, "certify", "errors.npy", "--alpha=.05", "--delta=.01", "--worst=1", "--json")
    want = {"bound": bound, "mean_loss": ERRORS.mean(), "n": 1000, "alpha": 0.05, "delta": 0.01, "worst_loss": 1}
    assert code == 0 and json.loads(text) == {**want, "r": r}
    assert run(capsys, "certify", "errors.npy", "--worst=1")[1].endswith("\nn = 1000, no header\n")
    code, text = run(capsys, "certify", "errors.npy", "--alpha=.05", "--delta=.01", "--worst=1")
    printed = float(text.split("at most ")[1].split(",")[0])
    # Rounded, but never below the bound.
    assert bound <= printed <= bound * (1 + 2e-5)


@pytest.mark.parametrize(
    "bound", [0.1, 1.0, 0.123456789, 99999.95, 1e-12, -0.123456789, 0.0, 1 - 1e-9, 100.0, 1.5e300, -1.5e300, 2e-308]
)
def test_a_bound_is_rounded_up(bound):
    from hr_weights.__main__ import _rounded_up

    assert bound <= float(_rounded_up(bound)) <= bound + 2e-5 * abs(bound)


def test_bounds_of_any_size_are_rounded_up():
    """At the ends of the range a double has less than six digits, or cannot be rounded up: the text has them all."""
    from hr_weights.__main__ import _rounded_up

    for bound in (5e-324, 1e-318, 1.7976931348623157e308, -1.7976931348623157e308):
        text = _rounded_up(bound)
        assert Decimal(bound) <= Decimal(text) <= Decimal(bound) + Decimal("2e-5") * abs(Decimal(bound))
    assert [_rounded_up(bound) for bound in (1.0, 100.0, 0.5, 0.0)] == ["1", "100", "0.5", "0"]


def test_losses_at_the_ends_of_the_range(capsys, tmp_path):
    (tmp_path / "small.txt").write_text("1e-318\n1e-318\n")
    (tmp_path / "large.txt").write_text("1e308\n1.5e308\n")
    report = json.loads(run(capsys, "certify", "small.txt", "--worst=1e-318", "--json")[1])
    assert report["bound"] == report["mean_loss"] == 1e-318
    text = run(capsys, "certify", "small.txt", "--worst=1e-318")[1]
    assert Decimal(1e-318) <= Decimal(text.split("at most ")[1].split(",")[0]) <= Decimal(1.1e-318)
    report = json.loads(run(capsys, "certify", "large.txt", "--worst=1.7e308", "--json")[1])
    assert report["mean_loss"] == pytest.approx(1.25e308) and 1.25e308 < report["bound"] < 1.7e308


def test_the_installed_program():
    (script,) = [entry for entry in metadata.distribution("hr-weights").entry_points if entry.name == "hr-weights"]
    assert script.group == "console_scripts" and script.load() is main


def test_an_array_is_written_where_it_was_asked_for(capsys, tmp_path):
    assert run(capsys, "weights", "losses.txt", "--output=W.NPY")[0] == 0
    assert np.load("W.NPY").shape == (50,) and not (tmp_path / "W.NPY.npy").exists()


@pytest.mark.parametrize(
    "file", [["losses.txt"], ["one.csv"], ["table.csv", "--column", "loss"], ["table.csv", "--column=2"], ["-"]]
)
def test_weights_of_every_kind_of_file(capsys, monkeypatch, file):
    monkeypatch.setattr("sys.stdin", io.StringIO(" ".join(map(repr, LOSSES.tolist())) + " # losses\n"))
    code, text = run(capsys, "weights", *file, "--alpha=.05", "--r=.1", "--ordering=HR", "--worst=9")
    assert code == 0
    want = hrw.weights(LOSSES, 0.05, 0.1, ordering="HR", worst_loss=9)
    # The first line says how many there are, in a comment.
    header = "" if file[0] in ("losses.txt", "-") else "header skipped: "
    assert text.startswith(f"# n = 50, {header or 'no header'}")
    np.testing.assert_allclose(np.loadtxt(io.StringIO(text)), want, rtol=1e-12)


@pytest.mark.parametrize("name", ["weights.npy", "weights.csv", "weights.txt"])
def test_weights_to_a_file(capsys, name):
    np.save("base.npy", np.arange(50))
    code, text = run(capsys, "weights", "losses.txt", "--r=.1", "--base=base.npy", "--output", name)
    assert code == 0 and "effective samples" in text and "n = 50, no header, comments skipped: 1; base: no header" in text
    read = np.load(name) if name.endswith(".npy") else np.loadtxt(name, skiprows=int(name.endswith(".csv")))
    np.testing.assert_allclose(read, hrw.weights(LOSSES, 0, 0.1, base=np.arange(50)), rtol=1e-12)


def test_weights_as_json(capsys):
    report = json.loads(run(capsys, "weights", "losses.txt", "--r=.1", "--json")[1])
    assert sum(report["weights"]) == pytest.approx(1) and report["n"] == 50
    assert report["robust_loss"] == pytest.approx(hrw.solve(LOSSES, 0, 0.1).robust_loss)
    # Everything on the worst loss: no weight, so the effective sample size is infinite, which JSON has no word for.
    code, text = run(capsys, "weights", "losses.txt", "--r=inf", "--worst=99", "--json", "--output=w.npy")
    report = json.loads(text)
    assert code == 0 and report["effective_samples"] is None and report["r"] is None and "weights" not in report


@pytest.mark.parametrize(
    "message, arguments",
    [
        ("nothing.npy", ["weights", "nothing.npy"]),
        ("table.csv: there are 3 columns; choose one with --column: sample, loss, kept", ["weights", "table.csv"]),
        ("table.csv: there is no column gain", ["weights", "table.csv", "--column=gain"]),
        ("losses.txt: only a .csv has columns", ["weights", "losses.txt", "--column=1"]),
        ("bad.txt:2: 'x' is not a number", ["weights", "bad.txt"]),
        ("bad.csv:3: there is no column 2: the row has 1 cells, but line 1 has 2", ["weights", "bad.csv", "--column=2"]),
        ("bad.npy", ["weights", "bad.npy"]),
        ("two.npy: one number per sample is needed, but the shape is (2, 2)", ["weights", "two.npy"]),
        ("empty.txt: losses is empty", ["weights", "empty.txt"]),
        ("empty.npy: ", ["weights", "empty.npy"]),
        ("nan.txt:1: losses[1] is nan", ["weights", "nan.txt"]),
        ("losses[0] is nan", ["certify", "nan.npy", "--worst=1"]),
        ("base[0] is -1.0", ["weights", "losses.txt", "--base=negative.npy"]),
        ("losses must be real numbers", ["weights", "words.npy"]),
        ("worst_loss = 0.5, the largest loss is", ["certify", "losses.txt", "--worst=.5"]),
        ("base has shape (2,)", ["weights", "losses.txt", "--base=nan.txt"]),
    ],
)
def test_what_is_wrong_with_the_data_is_said(capsys, tmp_path, message, arguments):
    (tmp_path / "bad.txt").write_text("1\n2 x\n")
    (tmp_path / "bad.csv").write_text("1,2\n3,4\n5\n")
    (tmp_path / "bad.npy").write_text("no array")
    (tmp_path / "empty.txt").write_text("# nothing\n")
    (tmp_path / "nan.txt").write_text("1 nan")
    np.save("two.npy", np.ones((2, 2)))
    np.save("nan.npy", np.full(2, np.nan, np.float32))
    np.save("negative.npy", np.full(50, -1.0))
    np.save("words.npy", np.array(["a", "b"]))
    (tmp_path / "empty.npy").write_bytes(b"")
    code, text = run(capsys, *arguments)
    assert code == 1 and text.startswith("hr_weights: ") and text.count("\n") == 1
    assert message in text


@pytest.mark.parametrize(
    "arguments",
    [
        [],
        ["certify", "errors.npy"],
        ["certify", "errors.npy", "--worst=1", "--delta=0"],
        ["certify", "errors.npy", "--worst=inf"],
        ["certify", "errors.npy", "--worst=nan"],
        ["weights", "losses.txt", "--alpha=1.5"],
        ["weights", "losses.txt", "--r=-1"],
        ["weights", "losses.txt", "--r=x"],
        ["weights", "losses.txt", "--ordering=hd"],
    ],
)
def test_what_is_wrong_with_the_command_line_is_said(capsys, arguments):
    with pytest.raises(SystemExit) as caught:
        main(arguments)
    assert caught.value.code == 2
    assert "usage" in capsys.readouterr().err
