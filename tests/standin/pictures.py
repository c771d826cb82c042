# SPDX-License-Identifier: Apache-2.0
"""What the stand-in's avatars look like: one picture per kind and id, the same every time.

A test that wants to know which picture came through compares bytes with picture() here.
"""

import colorsys
import functools
import gzip
import html
import io
import random
import zlib

from PIL import Image, ImageDraw, ImageFont

PIXELS = {"xsmall": 16, "small": 24, "medium": 32, "large": 48, "xlarge": 64, "xxlarge": 96,
          "xxxlarge": 128, "xxlarge@2x": 192, "xxxlarge@2x": 256}

TYPES = {"png": "image/png;charset=utf-8", "svg": "image/svg+xml;charset=UTF-8",
         "gif": "image/gif", "jpeg": "image/jpeg", "webp": "image/webp"}

# Uploaded avatars that are not what uploads usually become.
ODD = {"20001": "gif", "20002": "jpeg", "20003": "webp", "20004": "webp-lossless",
       "20005": "gif-moving", "20007": "png-large", "20008": "png-too-large"}

_OVERSAMPLING = 4


@functools.lru_cache(4096)
def picture(kind, name, px=48, form="png"):
    """The bytes of the avatar `name` (an id, an icon's name) of a kind: project, issuetype, ..."""
    name = str(name)
    if form == "svg":
        return _svg(kind, name, px)
    odd = ODD.get(name, form)
    if odd.startswith("png-"):
        return _noise(580 if odd == "png-large" else 900)
    return _encode(_draw(kind, name, px), odd)


@functools.lru_cache(64)
def default_picture(px=48):
    """The avatar that Jira hands out, without a word, in place of one it will not show."""
    side = px * _OVERSAMPLING
    image = Image.new("RGBA", (side, side), (193, 199, 208, 255))
    draw = ImageDraw.Draw(image)
    white = (255, 255, 255, 255)
    draw.ellipse((side * .32, side * .12, side * .68, side * .48), fill=white)
    draw.pieslice((side * .15, side * .52, side * .85, side * 1.3), 180, 360, fill=white)
    _label(draw, side, "default", side * .86, (94, 108, 132, 255))
    return _encode(image.resize((px, px), Image.LANCZOS), "png")


def content_type(name, form):
    return TYPES[ODD.get(str(name), form).split("-")[0]]


def svgz(kind, name, px=48):
    return gzip.compress(_svg(kind, str(name), px), mtime=0)


def _colours(kind, name):
    seed = zlib.crc32(f"{kind}/{name}".encode())
    hue = (seed % 360) / 360
    pair = []
    for lightness in (.52, .38):
        rgb = colorsys.hls_to_rgb(hue, lightness, .62)
        pair.append(tuple(round(255 * part) for part in rgb))
    return pair


def _draw(kind, name, px):
    side = px * _OVERSAMPLING
    top, bottom = _colours(kind, name)
    shade = Image.linear_gradient("L").resize((side, side))
    fill = Image.composite(Image.new("RGB", (side, side), bottom),
                           Image.new("RGB", (side, side), top), shade)
    mask = Image.new("L", (side, side), 0)
    shape = ImageDraw.Draw(mask)
    if kind == "user":
        shape.ellipse((0, 0, side - 1, side - 1), fill=255)
    else:
        shape.rounded_rectangle((0, 0, side - 1, side - 1), side * .16, fill=255)
    image = Image.new("RGBA", (side, side), (0, 0, 0, 0))
    image.paste(fill, (0, 0), mask)
    _label(ImageDraw.Draw(image), side, name, side / 2, (255, 255, 255, 255))
    return image.resize((px, px), Image.LANCZOS)


def _label(draw, side, text, middle, colour):
    size = min(side * .42, side * 1.45 / max(len(text), 2))
    draw.text((side / 2, middle), text, fill=colour, **_font(round(size)))


@functools.lru_cache(64)
def _font(size):
    try:
        return {"font": ImageFont.truetype("DejaVuSans-Bold.ttf", size), "anchor": "mm"}
    except OSError:
        return {"font": ImageFont.load_default()}


def _encode(image, form):
    form, _, variant = form.partition("-")
    out = io.BytesIO()
    options = {"lossless": True} if variant == "lossless" else {}
    if variant == "moving":
        options = {"save_all": True, "append_images": [image.rotate(90), image.rotate(180)],
                   "duration": 300, "loop": 0}
    if form == "jpeg":
        image = image.convert("RGB")
    image.save(out, form.upper(), **options)
    return out.getvalue()


def _noise(side):
    image = Image.frombytes("RGB", (side, side), random.Random(side).randbytes(side * side * 3))
    return _encode(image, "png")


def _svg(kind, name, px):
    top, bottom = ("#%02x%02x%02x" % colour for colour in _colours(kind, name))
    size = min(20, 62 / max(len(name), 2))
    return (f'<svg xmlns="http://www.w3.org/2000/svg" width="{px}" height="{px}" '
            f'viewBox="0 0 48 48"><rect width="48" height="48" rx="24" fill="{bottom}"/>'
            f'<circle cx="24" cy="24" r="21" fill="{top}"/>'
            f'<text x="24" y="{24 + size * .36:.1f}" font-family="sans-serif" font-weight="bold" '
            f'font-size="{size:.1f}" text-anchor="middle" fill="#fff">{html.escape(name)}</text>'
            f'</svg>\n').encode()
