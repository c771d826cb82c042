# SPDX-License-Identifier: Apache-2.0
"""The bench's own arithmetic, and that its scripts can be compiled."""

import pathlib
import sys

import pytest

HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE))

import plot  # noqa: E402
import stats  # noqa: E402


@pytest.mark.parametrize(
    "values, share, expected",
    [
        ([3], 0.5, 3),
        ([1, 2], 0.5, 1.5),
        ([5, 1, 3], 0.5, 3),
        ([5, 1, 3], 0, 1),
        ([5, 1, 3], 1, 5),
        (range(101), 0.99, 99),
        ([0, 10], 0.25, 2.5),
    ],
)
def test_quantile(values, share, expected):
    assert stats.quantile(values, share) == expected


@pytest.mark.parametrize("values, share", [([], 0.5), ([1], 1.1), ([1], -0.1)])
def test_quantile_refuses(values, share):
    with pytest.raises(ValueError):
        stats.quantile(values, share)


def test_median_does_not_care_about_order_or_outliers():
    assert stats.median([1000, 1, 2, 3, 0]) == 2
    assert stats.spread([2, 9, 4]) == (2, 9)


@pytest.mark.parametrize(
    "ours, theirs, expected",
    [([2, 4], [1, 2], 2), ([1, 1, 9], [1, 2, 3], 1), ([1, 4], [0, 2], 2), ([1], [0], None)],
)
def test_ratio_is_taken_within_a_round(ours, theirs, expected):
    assert stats.ratio(ours, theirs) == expected


def test_share():
    assert stats.share(0, 0) == 0
    assert stats.share(1, 4) == 0.25


@pytest.mark.parametrize(
    "value, expected",
    [
        (None, "–"), (0, "0"), (1, "1"), (1.234, "1.23"), (12.34, "12.3"), (99.96, "100"),
        (123.4, "123"), (2000, "2 000"), (23100, "23.1 k"), (0.996, "1.00"),
    ],
)
def test_text(value, expected):
    assert stats.text(value) == expected


def test_cell():
    assert stats.cell([1, 2, 9]) == "2 (1–9)"
    assert stats.cell([2, 2]) == "2"
    assert stats.cell([None, 3]) == "3"
    assert stats.cell([]) == "–"


def test_scripts_compile():
    for path in HERE.glob("*.py"):
        compile(path.read_text(), str(path), "exec")


def test_a_plot_has_a_bar_for_each_value():
    panels = [("CPU <µs>", [("a & b", 2.0, True), ("c", 4.0, False), ("none", None, False)])]
    svg = plot.draw(panels)
    assert svg.startswith("<svg") and svg.count('class="bar') == 2
    assert "a &amp; b" in svg and "&lt;µs&gt;" in svg
