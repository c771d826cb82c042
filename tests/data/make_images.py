#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Makes tests/data/images/ again, and the corpus of the image proof from it: small pictures of
every format as real encoders write them, and what is left of them when something goes wrong."""

import gzip
import io
import pathlib
import struct

from PIL import Image, ImageDraw

IMAGES = pathlib.Path(__file__).parent / "images"
CORPUS = pathlib.Path(__file__).parent.parent / "fuzz" / "corpus" / "image"

NAMESPACE = 'xmlns="http://www.w3.org/2000/svg"'
CIRCLE = '<circle cx="12" cy="12" r="9" fill="#2684ff"/>'
DTD = '"-//W3C//DTD SVG 1.1//EN" "http://www.w3.org/Graphics/SVG/1.1/DTD/svg11.dtd"'
SVGS = {
    "plain.svg": f'<svg {NAMESPACE} width="24" height="24">{CIRCLE}</svg>\n',
    "drawn.svg": f"""<?xml version="1.0" encoding="UTF-8" standalone='no'?>
<!-- Generator: a drawing program -->
<?xml-stylesheet href="icons.css"?>
<!DOCTYPE svg PUBLIC {DTD}>
<svg {NAMESPACE} viewBox="0 0 24 24"><title>Größe &gt; 1</title><defs>
<style><![CDATA[ circle > svg {{ fill: #ff5630 }} ]]></style></defs>
<!-- <svg> --><svg x="1"><g>{CIRCLE}</g></svg>
</svg>
<!-- end -->
""",
    "prefixed.svg": f'\ufeff<s:svg {NAMESPACE.replace("=", ":s=", 1)}><s:g/></s:svg>',
    "script.svg": f'<svg {NAMESPACE} onload="alert(1)"><script>alert(2)</script></svg>',
}
BAD_SVGS = {
    "entity.svg": '<!DOCTYPE svg [<!ENTITY x SYSTEM "file:///etc/passwd">]>'
    f"<svg {NAMESPACE}><text>&x;</text></svg>",
    "utf7.svg": '<?xml version="1.0" encoding="UTF-7"?><svg>+ADw-script+AD4-</svg>',
    "inline.html": f"<!DOCTYPE html><html><body><svg {NAMESPACE}>{CIRCLE}</svg></body></html>",
    "login.html": "<html><head><title>Log in - Jira</title></head><body><form><input "
    'name="os_username"></form></body></html>',
    "error.json": '{"errorMessages":["You do not have permission to view the avatar."],'
    '"errors":{}}',
}


def picture(mode="RGB", size=(24, 16), colour="#2684ff"):
    image = Image.new(mode, size)
    ImageDraw.Draw(image).ellipse((2, 2, size[0] - 3, size[1] - 3), fill=colour)
    return image


def encoded(image, kind, **options):
    out = io.BytesIO()
    image.save(out, kind, **options)
    return out.getvalue()


def frames(mode="RGB"):
    return {"save_all": True, "append_images": [picture(mode, colour="#ff5630")], "duration": 100}


def webp_extended(simple):
    """A VP8X picture of one frame, out of a VP8 one: with an ICC profile, as exports have it."""
    icc = b"ICCP" + struct.pack("<I", 3) + b"icc\0"
    canvas = b"VP8X" + struct.pack("<I", 10) + b"\x20\0\0\0" + b"\x17\0\0" + b"\x0f\0\0"
    chunks = b"WEBP" + canvas + icc + simple[12:]
    return b"RIFF" + struct.pack("<I", len(chunks)) + chunks


def good():
    paletted = picture().convert("P", palette=Image.Palette.ADAPTIVE, colors=8)
    gif = encoded(paletted, "GIF")
    lossy = encoded(picture(), "WEBP", quality=50)
    return {
        "rgb.png": encoded(picture(), "PNG"),
        "palette.png": encoded(paletted, "PNG"),
        "grey16.png": encoded(picture("L", colour=200).convert("I;16"), "PNG"),
        "baseline.jpg": encoded(picture(), "JPEG", quality=40),
        "progressive.jpg": encoded(picture(), "JPEG", quality=40, progressive=True),
        "exif.jpg": encoded(picture(), "JPEG", quality=40, exif=Image.Exif(), comment=b"\xff\xd9"),
        "87a.gif": b"GIF87a" + gif[6:],
        "animated.gif": encoded(picture(), "GIF", loop=0, **frames()),
        "lossy.webp": lossy,
        "lossless.webp": encoded(picture("RGBA"), "WEBP", lossless=True),
        "extended.webp": webp_extended(lossy),
        "animated.webp": encoded(picture(), "WEBP", quality=50, **frames()),
        **{name: text.encode() for name, text in SVGS.items()},
    }


def bad(images):
    plain = images["plain.svg"]
    bomb = bytearray(images["rgb.png"])
    bomb[16:24] = struct.pack(">II", 65535, 65535)
    yield from {
        "bomb.png": bytes(bomb),
        "gzip.svgz": gzip.compress(plain, mtime=0),
        "utf16.svg": plain.decode().encode("utf-16"),
        "nul.svg": plain.replace(b" r=", b"\0r="),
    }.items()
    yield from ((name, text.encode()) for name, text in BAD_SVGS.items())
    for name, content in images.items():
        yield f"half-{name}", content[: len(content) // 2]


def main():
    images = good()
    for folder, files in (
        (IMAGES, images),
        (IMAGES / "broken", dict(bad(images))),
        (CORPUS, {**images, **dict(bad(images))}),
    ):
        folder.mkdir(exist_ok=True, parents=True)
        for name, content in files.items():
            (folder / name).write_bytes(content)


if __name__ == "__main__":
    main()
