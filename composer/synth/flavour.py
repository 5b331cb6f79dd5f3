"""A patch as one song has it: the same instrument, made, set up and played by somebody else."""

from composer.style import Flavour
from composer.synth.chain import Chain
from composer.synth.patch import Bars, Layer, Patch
from composer.synth.voices import Analogue, Fm, Plucked

_MOST_DRIVE = 22.0  # beyond, a chord is noise
_MOST_DETUNE = 24.0  # cents: beyond, a unison is a chord


def flavoured(patch: Patch, flavour: Flavour | None) -> Patch:
    """The patch with a flavour; itself where there is none. Pitch never changes."""
    if flavour is None:
        return patch
    return patch._replace(
        layers=tuple(_layer(layer, flavour) for layer in patch.layers), chain=_chain(patch.chain, flavour)
    )


def _layer(layer: Layer, taste: Flavour) -> Layer:
    open_, slow, long, ring = (2.0**octaves for octaves in (taste.bright, taste.attack, taste.decay, taste.release))
    if isinstance(layer, Analogue):
        return layer._replace(
            cutoff=layer.cutoff * open_,
            env=layer.env * (1 + 0.25 * taste.decay),
            attack=layer.attack * slow if layer.attack > 0.004 else layer.attack,
            decay=layer.decay * long,
            env_decay=layer.env_decay * long,
            release=layer.release * ring,
            detune=min(_MOST_DETUNE, layer.detune * 2**taste.detune),
            resonance=min(0.9, layer.resonance * (1 + 0.4 * taste.body * 8)),
            noise=layer.noise * 2 ** (1.5 * taste.attack),
            vibrato=layer.vibrato * (1 - 0.4 * taste.attack),
            width=min(0.5, max(0.1, layer.width * (1 + 0.25 * taste.detune))),
        )
    if isinstance(layer, Fm):
        return layer._replace(
            depth=layer.depth * 2 ** (0.8 * taste.bright),
            depth_decay=layer.depth_decay * long,
            strike_level=layer.strike_level * 2 ** (taste.bright - taste.attack),
            decay=layer.decay * long,
            release=layer.release * ring,
            detune=layer.detune * 2**taste.detune,
            tremolo=layer.tremolo * 2 ** (2 * taste.attack),
        )
    if isinstance(layer, Bars):
        partials = tuple(
            (ratio, level * max(1.0, ratio) ** (0.7 * taste.bright), seconds * long, soft)
            for ratio, level, seconds, soft in layer.partials
        )
        voice = layer.voice._replace(
            release=layer.voice.release * ring,
            strike=layer.voice.strike * 2 ** (taste.bright - taste.attack),
            tremolo=layer.voice.tremolo * 2 ** (2 * taste.attack),
        )
        return Bars(voice, partials)
    if isinstance(layer, Plucked):
        return layer._replace(
            bright=layer.bright * open_,
            seconds=layer.seconds * long,
            position=min(0.45, layer.position * 2 ** (3 * taste.body)),
            click=layer.click * 2 ** (taste.bright - taste.attack),
            release=layer.release * ring,
            detune=layer.detune * 2**taste.detune,
        )
    return layer._replace(hertz=layer.hertz * open_, crackles=layer.crackles * 2**taste.decay)


def _chain(chain: Chain, taste: Flavour) -> Chain:
    drive = min(_MOST_DRIVE, chain.drive * 2**taste.drive) if chain.drive else max(0.0, 1.6 * (taste.drive - 0.5))
    return chain._replace(
        body=tuple((hertz * 2**taste.body, q, level * 2 ** (1.5 * taste.body)) for hertz, q, level in chain.body),
        drive=drive,
        high_cut=chain.high_cut * 2 ** (0.5 * taste.bright),
        chorus=min(1.0, chain.chorus * 2 ** (0.5 * taste.detune) + taste.chorus)
        if chain.chorus or taste.chorus > 0.2
        else 0.0,
        chorus_rate=chain.chorus_rate * 2 ** (0.6 * taste.attack),
    )
