"""A screenshot as a PNG of at most 256 colours, which is what a page needs: a third of the bytes, the same to the eye."""

import base64
import struct
import zlib
from typing import Final

from playwright.sync_api import Browser

# The most frequent colours are kept, and those that are the least like them, such as a small dot's; each of the others, at
# the edges of letters, becomes the nearest of these.
_INDEXED: Final = """async png => {
  const image = await createImageBitmap(await (await fetch('data:image/png;base64,' + png)).blob())
  const canvas = new OffscreenCanvas(image.width, image.height).getContext('2d')
  canvas.drawImage(image, 0, 0)
  const pixels = new Uint32Array(canvas.getImageData(0, 0, image.width, image.height).data.buffer)
  const counts = new Map()
  for (const each of pixels) counts.set(each, (counts.get(each) || 0) + 1)
  const parts = each => [each & 255, each >> 8 & 255, each >> 16 & 255]
  const far = ([r, g, b], [red, green, blue]) => (red - r) ** 2 + (green - g) ** 2 + (blue - b) ** 2
  const sorted = [...counts].sort((one, other) => other[1] - one[1]).map(([each]) => parts(each))
  const palette = sorted.slice(0, 160)
  const rest = sorted.slice(160).map(each => [each, Math.min(...palette.map(kept => far(kept, each)))])
  while (palette.length < 256 && rest.length) {
    const next = rest.reduce((one, other) => other[1] > one[1] ? other : one)[0]
    palette.push(next)
    for (const each of rest) each[1] = Math.min(each[1], far(next, each[0]))
  }
  const nearest = new Map()
  for (const each of counts.keys()) {
    const colour = parts(each)
    let best = 0
    palette.forEach((kept, at) => { if (far(kept, colour) < far(palette[best], colour)) best = at })
    nearest.set(each, best)
  }
  let rows = ''
  for (let at = 0; at < pixels.length; at += 8192)
    rows += String.fromCharCode(...Array.from(pixels.subarray(at, at + 8192), each => nearest.get(each)))
  return [image.width, image.height, palette.flat(), btoa(rows)]
}"""


def smaller(browser: Browser, png: bytes) -> bytes:
    """The same picture by a palette (PNG, third edition, 11.2)."""
    page = browser.new_page()
    try:
        width, height, palette, rows = page.evaluate(_INDEXED, base64.b64encode(png).decode())
    finally:
        page.close()
    indices = base64.b64decode(rows)
    lines = b"".join(b"\0" + indices[at : at + width] for at in range(0, width * height, width))
    header = struct.pack(">IIBBBBB", width, height, 8, 3, 0, 0, 0)
    parts = ((b"IHDR", header), (b"PLTE", bytes(palette)), (b"IDAT", zlib.compress(lines, 9)), (b"IEND", b""))
    return b"\x89PNG\r\n\x1a\n" + b"".join(_chunk(kind, content) for kind, content in parts)


def _chunk(kind: bytes, content: bytes) -> bytes:
    return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))
