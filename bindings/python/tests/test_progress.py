"""The line that says how far a long call is: on a terminal alone, after a second, and gone at the end."""

from __future__ import annotations

import io
from types import SimpleNamespace

import numpy as np
import pytest
from conftest import Terminal

import hr_weights as hrw
from hr_weights import _calibrate, _progress
from hr_weights.__main__ import main
from hr_weights._progress import Progress, each

LOSSES = np.random.default_rng(0).exponential(size=500)


def lines(screen):
    return [line for line in screen.getvalue().split("\r") if line.strip()]


def test_it_comes_after_a_second_and_leaves_nothing(terminal):
    with Progress("work", 10) as progress:
        shown = []
        for done in range(1, 11):
            progress.to(done)
            shown.append(len(lines(terminal)))
    # At 0.3, 0.6 and 0.9 seconds nothing, from 1.2 on a line at each step.
    assert shown == [0, 0, 0, 1, 2, 3, 4, 5, 6, 7]
    assert lines(terminal)[0] == "work [############..................]  40%, 1 s, about 2 s left"
    written = terminal.getvalue()
    assert "\n" not in written and written.endswith("\r")
    # What remains on the screen: every line is blanked out by spaces.
    assert written.split("\r")[-2].strip() == "" and len(written.split("\r")[-2]) >= max(map(len, lines(terminal)))


def test_it_is_gone_after_an_error(terminal):
    with pytest.raises(KeyError), Progress("work", None) as progress:
        for done in range(8):
            progress.to(done)
        raise KeyError
    assert lines(terminal)[0] == "work: 3, 1 s" and terminal.getvalue().endswith(" \r")


@pytest.mark.parametrize("screen, shown", [(io.StringIO, True), (Terminal, False), (lambda: None, True)])
def test_it_is_never_where_it_is_not_wanted(monkeypatch, screen, shown):
    """Without a terminal, if it is switched off, and in a program without a standard error."""
    screen, now = screen(), iter(range(10**6))
    monkeypatch.setattr(_progress, "sys", SimpleNamespace(stderr=screen))
    monkeypatch.setattr(_progress, "_clock", lambda: next(now))
    assert list(each(range(10_000), "work", 10_000, shown)) == list(range(10_000))
    assert screen is None or screen.getvalue() == ""


def test_a_terminal_that_is_closed_is_no_error(terminal):
    with Progress("work", 20) as progress:
        for done in range(20):
            if done == 10:
                terminal.close()
            progress.to(done)


def test_a_path_goes_alpha_by_alpha_if_it_takes_long(monkeypatch, terminal):
    alphas, rs = np.linspace(0, 0.5, 8), [0.0, 0.1, 1.0]
    at_once = hrw.path(LOSSES, alphas, rs)
    assert lines(terminal) == []
    monkeypatch.setattr(_calibrate, "_LONG", 0)
    in_parts = hrw.path(LOSSES, alphas, rs)
    assert lines(terminal)[-1].startswith("path [")
    for name in ("robust_loss", "effective_samples", "dual_bound"):
        np.testing.assert_allclose(getattr(in_parts, name), getattr(at_once, name), rtol=1e-12)
    terminal.truncate(0)
    hrw.path(LOSSES, alphas, rs, progress=False)
    assert terminal.getvalue() == ""
    for message, arguments in [("alphas[2] is 2.0", ([0, 1, 2], [0])), ("rs[1] is -1.0", ([0, 1], [0, -1]))]:
        with pytest.raises(ValueError) as caught:
            hrw.path(LOSSES, *arguments)
        assert message in str(caught.value)
    with pytest.raises(ValueError, match=r"losses\[3\] is nan"):
        hrw.path([1.0, 2.0, 3.0, np.nan], alphas, rs)


def test_the_command_reads_long_tables_with_it(terminal, capsys, tmp_path):
    file = tmp_path / "losses.txt"
    file.write_text("\n".join(map(repr, np.tile(LOSSES, 60).tolist())), encoding="utf-8")
    main(["top", str(file), "--no-progress"])
    assert terminal.getvalue() == ""
    main(["top", str(file)])
    assert any(line.startswith("reading [") for line in lines(terminal))


def test_plots_have_it(terminal):
    plot = pytest.importorskip("hr_weights.plot")
    pytest.importorskip("matplotlib")
    plot.certificate_against_n(LOSSES.clip(0, 3), (0.0, 0.1), worst_loss=3, ns=[10, 100, 500], progress=False)
    assert terminal.getvalue() == ""
    plot.certificate_against_n(LOSSES.clip(0, 3), (0.0, 0.1), worst_loss=3, ns=[10, 100, 500])
    assert lines(terminal)[-1].startswith("certificates [")
