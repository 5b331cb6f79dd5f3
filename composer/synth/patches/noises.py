"""Noises without pitch, one long note each."""

from composer.synth.patch import Patch
from composer.synth.textures import Texture

NOISES: dict[str, Patch] = {
    "texture_vinyl": Patch((Texture(hiss=0.05, hertz=3200, q=0.3, crackles=9, crackle=1.0, ring=0.0006, rumble=0.05,
                                    sway=0.25, sway_rate=0.55),)),
    "texture_rain": Patch((Texture(hiss=0.4, hertz=2600, q=0.4, crackles=160, crackle=0.35, ring=0.0022,
                                   crackle_hertz=2600, sway=0.3, sway_rate=0.13),)),
    "texture_wind": Patch((Texture(hiss=1.0, hertz=420, q=1.4, wander=1.3, wander_rate=0.14, sway=0.6,
                                   sway_rate=0.09),)),
    "texture_tape": Patch((Texture(hiss=0.3, hertz=4500, q=0.35, rumble=0.12, hum=0.02, sway=0.1, sway_rate=1.1),)),
}  # fmt: skip
