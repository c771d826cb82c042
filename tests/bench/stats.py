# SPDX-License-Identifier: Apache-2.0
"""What is said of several rounds: a median, how far they spread, and a ratio."""

import math


def quantile(values, share):
    """The value below which `share` of the values lie, by linear interpolation."""
    ordered = sorted(values)
    if not ordered:
        raise ValueError("no values")
    if not 0 <= share <= 1:
        raise ValueError("share is not between 0 and 1")
    place = share * (len(ordered) - 1)
    low = math.floor(place)
    high = min(low + 1, len(ordered) - 1)
    return ordered[low] + (ordered[high] - ordered[low]) * (place - low)


def median(values):
    return quantile(values, 0.5)


def spread(values):
    """The smallest and the largest."""
    values = list(values)
    return min(values), max(values)


def ratio(ours, theirs):
    """The median of the ratios of each round, because rounds share the machine's mood. Rounds in
    which the other value is nothing say nothing; None if none is left."""
    pairs = [a / b for a, b in zip(ours, theirs) if b]
    return median(pairs) if pairs else None


def share(part, whole):
    """part of whole, 0 to 1; nothing of nothing is nothing."""
    return part / whole if whole else 0.0


def text(value):
    """Three significant digits, thousands as k, as a table wants it."""
    if value is None:
        return "–"
    if value == 0:
        return "0"
    size = abs(value)
    if size >= 9999.5:
        return f"{value / 1000:.1f} k"
    if size >= 99.95 or float(value).is_integer():
        return f"{value:,.0f}".replace(",", " ")
    return f"{value:.1f}" if size >= 9.995 else f"{value:.2f}"


def cell(values):
    """"median (smallest–largest)", or the one value there is."""
    values = [value for value in values if value is not None]
    if not values:
        return "–"
    low, high = (text(value) for value in spread(values))
    middle = text(median(values))
    return middle if low == high else f"{middle} ({low}–{high})"
