"""Files of losses as people have them: every loss is read, or a line is named. A loss that is lost makes a bound wrong."""

from __future__ import annotations

import io
import json

import numpy as np
import pytest

import hr_weights as hrw
from hr_weights.__main__ import main

FOUR = [2.9, 2.0, 0.1, 0.7]
IMAGES = "img1.png,2.9\nimg2.png,2.0\nimg3.png,0.1\nimg4.png,0.7\n"
OTHER_FOUR = [0.3, 2.0, 0.1, 0.7]


def bound(losses):
    """At alpha 0, delta 0.05 and worst loss 3: the least value of the dual on a grid. Here it is at its end."""
    n, depths = len(losses), 3 - np.array(losses)
    r = (np.log(1 / 0.05) + np.log(2 * np.sqrt(n + 1))) / n
    return min(3 + u - np.exp(np.log(u + depths).mean() - r) for u in [0.0, *np.geomspace(1e-4, 1e2, 1000)])


BOUND_OF_FOUR, BOUND_OF_OTHER_FOUR = bound(FOUR), bound(OTHER_FOUR)


def test_the_bounds_of_these_four():
    assert BOUND_OF_FOUR == pytest.approx(2.706137, abs=1e-6)
    assert BOUND_OF_OTHER_FOUR == pytest.approx(2.33014, abs=1e-5)


@pytest.fixture
def certify(capsys, tmp_path, monkeypatch):
    """Writes a file, certifies it, and returns the report, or what stands on the standard error."""
    monkeypatch.chdir(tmp_path)

    def run(content, *options, name="losses.csv"):
        (tmp_path / name).write_bytes(content if isinstance(content, bytes) else content.encode())
        code = main(["certify", name, "--worst=3", "--json", *options])
        captured = capsys.readouterr()
        assert (captured.err == "") == (code == 0), captured.err
        return json.loads(captured.out) if code == 0 else captured.err

    return run


@pytest.mark.parametrize(
    "content, options",
    [
        (IMAGES, ["--column=2"]),
        (IMAGES, ["--column=2", "--no-header"]),
        ("image,loss\n" + IMAGES, ["--column=loss"]),
        ("image,loss\n" + IMAGES, ["--column=2"]),
        ("image,%\n" + IMAGES, ["--column=%"]),
        ("image,0\n" + IMAGES, ["--column=2", "--header"]),
        (IMAGES.replace(",", ";"), ["--column=2"]),
        (IMAGES.replace(",", "\t"), ["--column=2"]),
        (IMAGES.replace(",", "|"), ["--column=2"]),
        (IMAGES.replace("img", '"a, b; ""c""\n').replace(".png", '"'), ["--column=2"]),
        (IMAGES.replace("\n", "\r\n"), ["--column=2"]),
        (IMAGES.replace("\n", "\r"), ["--column=2"]),
        (IMAGES.rstrip("\n"), ["--column=2"]),
        (IMAGES + "\n\n", ["--column=2"]),
        ("a,b;c,2.9\na,b;c,2.0\na,b;d,0.1\na,b;e,0.7\n", ["--column=3", "--separator=comma"]),
        ("0\n2.9\n2.0\n0.1\n0.7\n", ["--header"]),
        ("loss\n2.9\n2.0\n0.1\n0.7", []),
        ("Loss (nats), l2 #1\n2.9\n2.0\n0.1\n0.7".replace(",", ""), []),
        ("N\n2.9\n2.0\n0.1\n0.7", ["--column=N"]),
        ("# loss\n2.9\n2.0\n0.1\n0.7", []),
        ('"loss"\n"2.9"\n"2.0"\n"0.1"\n"0.7"', []),
        ("2.9\n+2.\n.1\n7E-1\n", []),
        ("loss,\n2.9,\n2.0,\n0.1,\n0.7,\n", ["--column=loss"]),
        # As pandas writes columns without names, with an index and without.
        (",0\n0,2.9\n1,2.0\n2,0.1\n3,0.7\n", ["--column=2", "--header"]),
        ("0,1\na,2.9\nb,2.0\nc,0.1\nd,0.7\n", ["--column=2", "--header"]),
        ("image 1,2.9\nimage 2,2.0\nimage 3,0.1\nimage 4,0.7\n", ["--column=2"]),
    ],
)
def test_tables_that_are_read_whole(certify, content, options):
    for mark in (b"", b"\xef\xbb\xbf"):
        report = certify(mark + content.encode(), *options)
        assert report["n"] == 4 and report["bound"] == pytest.approx(BOUND_OF_FOUR, abs=1e-6)
    first = content.splitlines()[0]
    assert (report["header"] is None) == (first.startswith(("img", '"a', "a,b", "2.9", "image 1")))


@pytest.mark.parametrize(
    "content, options",
    [
        ("0.3\n2.0\n0.1\n0.7", []),
        ("0.3 2.0\t0.1  0.7\n", []),
        ("# losses, of four\n0.3 # the first\n2.0\n0.1\n0.7\n# end\n", []),
        ("a 0.3\nb 2.0\nc 0.1\nd 0.7\n", ["--separator=space", "--column=2"]),
        ('"a b" 9 0.3\nc 8 2.0\n"d ""e" \t7  0.1 # last\n"f"\t6\t0.7', ["--separator=space", "--column=3"]),
        ("x,0.3\nx,2.0\nx,0.1\nx,0.7\n", ["--column=2"]),
        ("x\t0.3\nx\t2.0\nx\t0.1\nx\t0.7\n", ["--column=2", "--separator=tab"]),
    ],
)
@pytest.mark.parametrize("name", ["losses.txt", "losses.dat"])
def test_other_text_that_is_read_whole(certify, content, options, name):
    for mark in (b"", b"\xef\xbb\xbf"):
        report = certify(mark + content.encode(), *options, name=name)
        assert report["n"] == 4 and report["bound"] == pytest.approx(BOUND_OF_OTHER_FOUR, abs=1e-6)
        assert report["comments"] == (2 if content.startswith("#") else 0)


REFUSED = [
    ("losses.csv:2: the row has 3 cells, but line 1 has 2", "a,2.9\nb,2.0,1\n", ["--column=2"]),
    ("losses.csv:3: there is no column 2: the row has 1 cells", "a,2.9\nb,2.0\nc\n", ["--column=2"]),
    ("losses.csv:2: the row has 3 cells, but line 1 has 2", "image,loss\n0,a,2.9\n1,b,2.0\n", ["--column=loss"]),
    ("losses.csv:2: the line is blank", "2.9\n\n2.0\n", []),
    ("losses.csv:1: the line is blank", "\n2.9\n2.0\n", []),
    ("losses.csv:2: the cell is empty", '2.9\n""\n2.0\n', []),
    ("losses.csv:3: the cell is empty", '2.9\n2.0\n""\n', []),
    ("losses.csv:2: the cell is empty", "a,2.9\nb,\n", ["--column=2"]),
    ("losses.csv:1: '' is not a number; if the line is a header, say --header", ",\na,2.9\n", ["--column=2"]),
    ("losses.csv:1: '2,9' is not a number; if the line is a header", '"2,9"\n2.0\n', []),
    ("losses.csv:2: '2,9' is not a number: write a point", '2.0\n"2,9"\n', []),
    ("losses.csv:2: '1,234.5' is not a number", '2.0\n"1,234.5"\n', []),
    ("losses.csv:2: the row has 2 cells, but line 1 has 1", "2.0\n2,9\n", []),
    ("losses.csv:1: '2.9x' is not a number; if the line is a header", "2.9x\n2.0\n", []),
    ("losses.csv:1: 'O.9' is not a number; if the line is a header", "O.9\n2.0\n", []),
    ("losses.csv:1: 'NA' is not a number; if the line is a header", "NA\n2.0\n", []),
    ("losses.csv:1: 'N.A.' is not a number; if the line is a header", "N.A.\n2.0\n", []),
    ("losses.csv:1: '#N/A' is not a number; if the line is a header", "#N/A\n2.0\n", []),
    ("losses.csv:1: '#DIV/0!' is not a number; if the line is a header", "#DIV/0!\n2.0\n", []),
    ("losses.csv:1: 'NaT' is not a number; if the line is a header", "NaT\n2.0\n", []),
    ("losses.csv:1: 'nan(ind)' is not a number; if the line is a header", "nan(ind)\n2.0\n", []),
    ("losses.csv:1: 'O' is not a number; if the line is a header", "O\n2.0\n", []),
    ("losses.csv:1: 'e-5' is not a number; if the line is a header", "e-5\n2.0\n", []),
    ("losses.csv:1: 'loss: 2' is not a number; if the line is a header", "loss: 2\n2.0\n", []),
    ("losses.csv:1: 'np.float32(2)' is not a number; if the line is a header", "np.float32(2)\n2.0\n", []),
    ("losses.csv:2: 'NA' is not a number", "loss\nNA\n2.0\n", []),
    ("losses.csv:1: 'True' is not a number", "True\nFalse\n", []),
    ("losses.csv:2: '1_000' is not a number", "2.0\n1_000\n", []),
    ("losses.csv:2: '٣' is not a number", "2.0\n٣\n", []),
    ("losses.csv:2: '0x10' is not a number", "2.0\n0x10\n", []),
    ("losses.csv:2: '5%' is not a number", "2.0\n5%\n", []),
    ("losses.csv:2: losses[1] is nan", "2.0\nNaN\n", []),
    ("losses.csv:3: losses[1] is inf", "loss\n2.0\n1e999\n", []),
    ("losses.csv: the columns may be separated by comma or semicolon", "x;2,9\ny;2,0\n", ["--column=2"]),
    ("losses.csv:2: '2,9' is not a number", "x;2,0 \nx;2,9\n", ["--column=2", "--separator=semicolon", "--header"]),
    ("losses.csv:1: column a may be any of 2", "a,a\n1,2\n", ["--column=a"]),
    ("losses.csv:1: column 2 may be any of 2", "2,1\n1,2\n", ["--column=2", "--header"]),
    # A header over the losses that looks like one of them.
    ("losses.csv:1: '0' may be a loss or the name", "0\n2.9\n2.0\n0.1\n0.7\n", []),
    ("losses.csv:1: '0' may be a loss or the name", ",0\n0,2.9\n1,2.0\n", ["--column=2"]),
    ("losses.csv:1: '1' may be a loss or the name", "0,1\n0,2.9\n1,2.0\n", ["--column=2"]),
    ("losses.csv:1: '0' may be a loss or the name", ",0\na.png,2\nb.png,3\n", ["--column=2"]),
    ("losses.csv:1: '1' may be a loss or the name", "0,1\na.png,2\nb.png,3\n", ["--column=2"]),
    ("losses.csv:1: '1' may be a loss or the name", "0,1\n0.5,2\n1.5,3\n", ["--column=2"]),
    ("losses.csv:1: '12' may be a loss or the name", "sample,12\n0,2.9\n1,2.0\n", ["--column=2"]),
    ("losses.txt:1: '0' may be a loss or the name", "0\n2.9\n2.0\n", []),
    # A decimal comma between spaces.
    ("losses.txt: the columns may be separated by comma or space", "a 2,9\nb 2,0\n", ["--column=2"]),
    ("losses.csv: the columns may be separated by comma or space", "2,9 2,0 0,1 0,7\n", ["--column=1"]),
    ("losses.csv:1: '2,9' is not a number", "a 2,9\nb 2,0\n", ["--column=2", "--separator=space"]),
    ("losses.csv: there is no column a", "a,b\n1,2\n", ["--column=a", "--no-header"]),
    ("losses.csv: there is no column 3", "1,2\n", ["--column=3"]),
    ("losses.csv: there is no column 0", "1,2\n", ["--column=0"]),
    ("losses.csv: there are 2 columns; choose one with --column: 1 to 2", "1,2\n", []),
    ("losses.csv: losses is empty: there is no number in the file; header skipped: loss", "loss\n", []),
    ("losses.csv: losses is empty", "", []),
    ("losses.csv:2: unexpected end of data", '"2.9\n2.0\n', []),
    ("losses.csv:2: ',' expected after '\"'", '2.0\n"2.9"1\n', []),
    ("losses.csv:2: the text is not UTF-8", b"loss\n2.9 \xe9\n", []),
    ("losses.csv:1: the text is not UTF-8", "2.9\n2.0\n".encode("utf-16"), []),
    ("losses.csv:1: there is a NUL, as in UTF-16", "2.9\n2.0\n".encode("utf-16-le"), []),
    ("losses.csv: it is an archive or a workbook", b"PK\x03\x04 and so on", []),
    ("losses.txt:1: there are 2 words in the line", "img1 2.9\nimg2 2.0\n", []),
    ("losses.txt:1: there are 2 words in the line", "1 234\n2 000\n", []),
    ("losses.txt:1: '1\\xa0234' is not a number", "1\N{NO-BREAK SPACE}234\n2\n", []),
    ("losses.txt:1: '−2' is not a number", "−2\n", []),
    ("losses.txt:2: the line is blank", "1\n\n2\n", []),
    ("losses.txt:2: ' ' expected after '\"'", 'a 0.3\n"b"c 2.0\n', ["--separator=space", "--column=2"]),
    ("losses.txt:1: unexpected end of data", '"a 0.3\nb" 2.0\n', ["--separator=space", "--column=2"]),
    ("losses.txt: only a .csv has columns; if they are between spaces, say --separator space", "1 2", ["--column=2"]),
    ("losses.npz: it is an archive", b"PK\x03\x04", []),
]


@pytest.mark.parametrize("message, content, options", REFUSED, ids=range(len(REFUSED)))
def test_what_cannot_be_read_whole_is_refused(certify, message, content, options):
    error = certify(content, *options, name=message.partition(":")[0])
    assert message in error and error.count("\n") == 1


def test_lines_within_quotes_are_said(certify, capsys):
    """In the second table the quotes belong to the names, and a loss is within them."""
    for content, n in (('"a\nb",2.9\n"c",2.0\n', 2), ('"a,2.9\nb",2.0\nc,0.1\n', 2)):
        report = certify(content, "--column=2")
        assert report["n"] == n and report["quoted"] == 1
        assert main(["certify", "losses.csv", "--worst=3", "--column=2"]) == 0
        assert "n = 2, no header, ends of lines within quotes: 1" in capsys.readouterr().out
    assert certify("2.9\n2.0\n\n")["quoted"] == 0


@pytest.mark.parametrize(
    "content, n",
    [("0\n1\n0\n0\n", 4), ("0\n0.5\n0\n1.5\n", 4), ("0\n", 1), ("0.0\n2.9\n", 2), ("2\n2.9\n0.5\n", 3)],
)
def test_a_loss_of_zero_is_one(certify, content, n):
    report = certify(content)
    assert report["n"] == n and report["header"] is None


def test_an_array_that_is_one_of_several(certify, tmp_path):
    """As np.save appends them to an open file; np.load reads the first."""
    with open(tmp_path / "two.npy", "wb") as file:
        np.save(file, np.array([0.3, 2.0]))
        np.save(file, np.array([0.1, 0.7]))
    content = (tmp_path / "two.npy").read_bytes()
    assert "it goes on after its first array" in certify(content, name="losses.npy")
    assert certify(content[: len(content) // 2], name="losses.npy")["n"] == 2
    assert certify(content[: len(content) // 2 - 1], name="losses.npy").startswith("hr_weights: losses.npy: ")


@pytest.mark.parametrize("read", ["losses.csv", "base.csv"])
def test_what_is_read_is_not_written_over(capsys, tmp_path, monkeypatch, read):
    monkeypatch.chdir(tmp_path)
    for name in ("losses.csv", "base.csv"):
        (tmp_path / name).write_text("0.3\n2.0\n")
    (tmp_path / "link.csv").symlink_to(read)
    for output in (read, f"./{read}", "link.csv"):
        assert main(["weights", "losses.csv", "--base=base.csv", f"--output={output}"]) == 1
        assert f"--output would write over {output}, which is read" in capsys.readouterr().err
    assert (tmp_path / read).read_text() == "0.3\n2.0\n"


def test_arrays_have_no_columns(certify, tmp_path):
    np.save(tmp_path / "a.npy", np.ones(3))
    for option in ("--column=1", "--header", "--no-header", "--separator=tab"):
        assert "this is an array" in certify((tmp_path / "a.npy").read_bytes(), option, name="a.npy")
    np.savez(tmp_path / "several.npz", np.ones(3))
    assert "several arrays" in certify((tmp_path / "several.npz").read_bytes(), name="several.npy")


def test_what_was_skipped_is_said_in_every_output(capsys, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "a.csv").write_text("image,loss,kept\n" + IMAGES.replace("\n", ",1\n"))
    said = "n = 4, header skipped: image, loss, kept"
    for command in (
        ["certify", "a.csv", "--worst=3"],
        ["weights", "a.csv"],
        ["weights", "a.csv", "--output=w.txt"],
        ["weights", "a.csv", "--base=a.csv", "--base-column=kept"],
    ):
        assert main([*command, "--column=loss"]) == 0
        assert said in capsys.readouterr().out
        assert main([*command, "--column=loss", "--json"]) == 0
        report = json.loads(capsys.readouterr().out)
        assert report["n"] == 4 and report["header"] == ["image", "loss", "kept"]
    assert report["base_header"] == report["header"]


def test_base_weights_have_their_own_column(capsys, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "a.csv").write_text("loss,kept\n2.9,1\n2.0,1\n0.1,0\n0.7,2\nnan,0\n")

    def weights(*options):
        code = main(["weights", "a.csv", "--column=loss", "--r=.1", *options])
        captured = capsys.readouterr()
        return np.loadtxt(io.StringIO(captured.out)) if code == 0 else captured.err

    want = hrw.weights([*FOUR, np.nan], 0, 0.1, base=[1, 1, 0, 2, 0])
    np.testing.assert_allclose(weights("--base=a.csv", "--base-column=kept"), want, rtol=1e-12)
    np.testing.assert_allclose(weights("--base=a.csv", "--base-column=2"), want, rtol=1e-12)
    assert "choose one with --column: loss, kept" in weights("--base=a.csv")
    assert "a.csv:6: losses[4] is nan" in weights()
    assert "a.csv:6: base[4] is nan" in weights("--base=a.csv", "--base-column=loss")
    assert "--base-column is of the file" in weights("--base-column=kept")
    assert "--base-header is of the file" in weights("--no-base-header")
    # A header that has to be named in one of the files.
    (tmp_path / "c.csv").write_text("0\n1\n1\n0\n2\n0\n")
    np.testing.assert_allclose(weights("--base=c.csv", "--base-header"), want, rtol=1e-12)
    (tmp_path / "d.csv").write_text("1\n1\n0\n2\n0\n")
    np.testing.assert_allclose(weights("--base=d.csv", "--header", "--no-base-header"), want, rtol=1e-12)
    (tmp_path / "b.txt").write_text("1\n1\n0\n2\n")
    message = weights("--base=b.txt")
    assert "base has shape (4,) (b.txt, no header), but losses has shape (5,) (a.csv, header skipped: loss" in message


@pytest.mark.parametrize("text, options", [(IMAGES, ["--column=2"]), ("2.9\n2.0\n0.1\n0.7\n", []), ("2.9 2.0 .1 .7", [])])
@pytest.mark.parametrize("binary", [True, False])
def test_the_standard_input(capsys, monkeypatch, text, options, binary):
    data = b"\xef\xbb\xbf" + text.encode()
    stream = io.TextIOWrapper(io.BytesIO(data), "latin-1") if binary else io.StringIO(data.decode())
    monkeypatch.setattr("sys.stdin", stream)
    assert main(["certify", "-", "--worst=3", "--json", *options]) == 0
    report = json.loads(capsys.readouterr().out)
    assert report["n"] == 4 and report["bound"] == pytest.approx(BOUND_OF_FOUR, abs=1e-6)
    assert main(["weights", "-", "--base=-"]) == 1
    assert "cannot both be from the standard input" in capsys.readouterr().err
