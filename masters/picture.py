"""Pictures of a song: its cover, and what an engineer looks at. PNG out.

The mel scale is Slaney's; levels are in dB below the loudest band.
"""

import io
from itertools import pairwise

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from song.audio import Audio
from song.take import Facts

SIDE = 320  # of the cover, in pixels
WIDTH, WAVE, BANDS, SPECTRUM, MARGIN = 960, 120, 160, 96, 16  # of the picture
FOUNT, LINE = 26, 34  # of its words, which are read on a phone, too, at two fifths of the size
INK, PAPER = (0, 0, 0), (255, 255, 255)  # as in theme.py, in the light
_WINDOW = 2048
_FLOOR_DB = 80.0
_LOW_HZ = 30.0


def cover(audio: Audio) -> bytes:
    """The song's outline, ink on paper, SIDE pixels square."""
    heights = _outline(audio.samples, SIDE // 4)[1]
    pixels = np.full((SIDE, SIDE), 255, np.uint8)
    for place, height in enumerate(heights / max(1e-6, float(heights.max()))):
        half = max(1, round(float(height) * SIDE * 0.4))
        pixels[SIDE // 2 - half : SIDE // 2 + half, 4 * place : 4 * place + 3] = 0
    return _png(Image.fromarray(pixels))


def picture(audio: Audio, facts: Facts) -> bytes:
    """The facts in words, waveform, mel spectrogram and mean spectrum."""
    inner = WIDTH - 2 * MARGIN
    height = 3 * (MARGIN + LINE) + MARGIN + WAVE + BANDS + SPECTRUM
    page = Image.new("RGB", (WIDTH, height), PAPER)
    draw = ImageDraw.Draw(page)
    y = MARGIN
    draw.text((MARGIN, y - 4), words(facts), INK, _font(FOUNT))
    y += LINE
    low, high = _outline(audio.samples, inner, signed=True)
    for x in range(inner):
        top, bottom = (y + WAVE / 2 - WAVE / 2 * float(value[x]) for value in (high, low))
        draw.line([(MARGIN + x, top), (MARGIN + x, max(bottom, top + 1))], INK)
    y += WAVE + MARGIN
    power = _mel_power(audio, inner)
    db = 10 * np.log10(power + 1e-12)
    shade = np.clip((db - db.max()) / _FLOOR_DB + 1, 0, 1)
    bands = Image.fromarray((255 * (1 - shade[::-1])).astype(np.uint8))
    page.paste(bands.resize((inner, BANDS)), (MARGIN, y))
    draw.text((MARGIN, y + BANDS + 2), "Mel spectrogram, low to high, 80 dB", INK, _font(FOUNT))
    y += BANDS + LINE + MARGIN
    mean = 10 * np.log10(power.mean(axis=1) + 1e-12)
    levels = np.clip((mean - mean.max()) / _FLOOR_DB + 1, 0, 1)
    wide = inner / len(levels)
    for band, level in enumerate(levels):
        left = MARGIN + band * wide
        draw.rectangle([left, y + SPECTRUM * (1 - float(level)), left + wide - 2, y + SPECTRUM], INK)
    draw.text((MARGIN, y + SPECTRUM + 2), "Mean spectrum, 30 Hz to the top, 80 dB", INK, _font(FOUNT))
    return _png(page)


def words(facts: Facts) -> str:
    """The facts in one line; what an older take lacks is left out."""
    parts = [f"{facts.lufs:.1f} LUFS", f"true peak {facts.true_peak_dbtp:.1f} dBTP"]
    if facts.loudness_range_lu is not None and facts.crest_db is not None:
        parts += [f"range {facts.loudness_range_lu:.1f} LU", f"crest {facts.crest_db:.1f} dB"]
    return " / ".join(parts)


def _outline(samples: np.ndarray, columns: int, signed: bool = False) -> tuple[np.ndarray, np.ndarray]:
    """The lowest and the highest sample of every column, or nothing and root mean square."""
    edges = np.linspace(0, samples.shape[1], columns + 1).astype(int)
    parts = [samples[:, a : max(b, a + 1)] for a, b in pairwise(edges)]
    if signed:
        return np.array([part.min(initial=0) for part in parts]), np.array([part.max(initial=0) for part in parts])
    means = [float(np.sqrt(np.square(part).mean())) if part.size else 0.0 for part in parts]
    return np.zeros(columns), np.array(means)


def _mel_power(audio: Audio, columns: int, bands: int = 80) -> np.ndarray:
    """Power in mel bands around `columns` moments, (bands, columns)."""
    mono = np.pad(audio.samples.mean(axis=0), _WINDOW // 2)
    places = np.linspace(0, audio.frames, columns).astype(int)
    shape = np.hanning(_WINDOW).astype(np.float32)
    seen = [np.abs(np.fft.rfft(mono[at : at + _WINDOW] * shape)) ** 2 for at in places]
    return _mel_bands(audio.sample_rate, bands) @ np.array(seen).T


def _mel_bands(rate: int, bands: int) -> np.ndarray:
    """Triangles that add up each band, (bands, bins)."""
    edges = _hertz(np.linspace(_mel(_LOW_HZ), _mel(rate / 2), bands + 2))
    hertz = np.fft.rfftfreq(_WINDOW, 1 / rate)
    rising = (hertz - edges[:-2, None]) / np.maximum(edges[1:-1] - edges[:-2], 1)[:, None]
    falling = (edges[2:, None] - hertz) / np.maximum(edges[2:] - edges[1:-1], 1)[:, None]
    weights = np.clip(np.minimum(rising, falling), 0, None)
    nearest = np.abs(hertz - edges[1:-1, None]).argmin(axis=1)  # low bands are narrower than a bin
    weights[np.arange(bands), nearest] = np.maximum(weights[np.arange(bands), nearest], 1e-3)
    return weights / weights.sum(axis=1, keepdims=True)


def _mel(hertz: float) -> float:
    return hertz * 3 / 200 if hertz < 1000 else 15 + 27 * float(np.log(hertz / 1000) / np.log(6.4))


def _hertz(mels: np.ndarray) -> np.ndarray:
    return np.where(mels < 15, mels * 200 / 3, 1000 * np.exp(np.log(6.4) * (mels - 15) / 27))


def _font(size: int) -> ImageFont.ImageFont | ImageFont.FreeTypeFont:
    return ImageFont.load_default(size)


def _png(image: Image.Image) -> bytes:
    out = io.BytesIO()
    image.save(out, "PNG", optimize=True)
    return out.getvalue()
