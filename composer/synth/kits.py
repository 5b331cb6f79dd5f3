"""Drum kits, as data."""

from typing import NamedTuple


class Kit(NamedTuple):
    """A kit's tuning and taste. Frequencies in hertz, decays in seconds to 1/e."""

    kick_hertz: float = 50.0
    kick_sweep: float = 1.8  # how far above its pitch the kick starts, as a factor
    kick_decay: float = 0.16
    kick_click: float = 0.5
    kick_drive: float = 1.6
    snare_hertz: float = 195.0
    snare_body: float = 0.07
    snare_wires: float = 0.11
    snare_noise: float = 1.0
    snare_low: float = 1100.0
    snare_high: float = 8000.0
    brushes: bool = False
    clap_decay: float = 0.09
    hat_decay: float = 0.028
    hat_open: float = 0.19
    hat_low: float = 5200.0
    hat_high: float = 11_000.0
    crash_decay: float = 0.9
    metal_high: float = 10_500.0
    tom_tune: float = 1.0
    tom_decay: float = 0.2
    tom_modes: tuple[float, ...] = (1.0, 1.59)
    room: float = 0.12  # level of the room in the hit
    room_seconds: float = 0.45
    dust: float = 0.0  # saturation and lost highs of an old sampler, 0-1
    gate: float = 0.0  # seconds after which the room of a snare is cut off, as producers did in the eighties
    chip: bool = False  # the noise and the square wave of a game console


KITS: dict[str, Kit] = {
    "lofi": Kit(kick_hertz=52, kick_sweep=1.1, kick_decay=0.13, kick_click=0.3, kick_drive=2.2, snare_hertz=182,
                snare_wires=0.09, snare_high=6000, hat_decay=0.024, hat_open=0.14, hat_low=4300, hat_high=8200,
                crash_decay=0.7, metal_high=7200, room=0.14, room_seconds=0.35, dust=0.8),
    "house": Kit(kick_hertz=50, kick_sweep=2.4, kick_decay=0.17, kick_click=0.55, kick_drive=2.0, snare_hertz=205,
                 snare_wires=0.1, hat_decay=0.026, hat_open=0.17, hat_low=5600, hat_high=10_500, room=0.08),
    "techno": Kit(kick_hertz=47, kick_sweep=3.2, kick_decay=0.19, kick_click=0.7, kick_drive=3.2, snare_hertz=215,
                  snare_body=0.05, snare_wires=0.13, clap_decay=0.07, hat_decay=0.022, hat_open=0.15, hat_low=6000,
                  hat_high=10_500, room=0.14, room_seconds=0.8),
    "trap": Kit(kick_hertz=50, kick_sweep=2.6, kick_decay=0.14, kick_click=0.75, kick_drive=2.6, snare_hertz=220,
                snare_body=0.05, snare_wires=0.13, snare_noise=1.2, clap_decay=0.12, hat_decay=0.018, hat_open=0.24,
                hat_low=6200, room=0.1, room_seconds=0.6),
    "orchestral": Kit(kick_hertz=42, kick_sweep=0.7, kick_decay=0.42, kick_click=0.3, kick_drive=1.1,
                      snare_hertz=170, snare_body=0.09, snare_wires=0.16, snare_noise=0.8, hat_low=4600,
                      hat_decay=0.05, crash_decay=1.7, metal_high=9500, tom_tune=0.8, tom_decay=0.55,
                      tom_modes=(1.0, 1.5, 1.98, 2.44), room=0.4, room_seconds=1.8),
    "ambient": Kit(kick_hertz=46, kick_sweep=0.8, kick_decay=0.26, kick_click=0.2, kick_drive=1.2, snare_hertz=178,
                   snare_wires=0.16, snare_noise=0.6, snare_high=6500, hat_low=4600, hat_high=8800, hat_decay=0.03,
                   crash_decay=1.5, metal_high=8000, room=0.4, room_seconds=1.6),
    "rock": Kit(kick_hertz=58, kick_sweep=0.9, kick_decay=0.15, kick_click=1.1, kick_drive=1.5, snare_hertz=188,
                snare_body=0.1, snare_wires=0.15, snare_noise=1.1, snare_low=800, hat_low=3600, hat_decay=0.034,
                hat_open=0.3, crash_decay=1.2, tom_decay=0.3, tom_modes=(1.0, 1.59, 2.14), room=0.3,
                room_seconds=0.7),
    "jazz": Kit(kick_hertz=64, kick_sweep=0.5, kick_decay=0.13, kick_click=0.35, kick_drive=1.1, snare_hertz=205,
                snare_body=0.06, snare_wires=0.12, snare_noise=0.85, snare_low=900, snare_high=6500, brushes=True,
                hat_low=3800, hat_high=9500, hat_decay=0.04, hat_open=0.3, crash_decay=1.1, metal_high=9500,
                tom_tune=1.25, tom_decay=0.24, room=0.2, room_seconds=0.55),
    "boombap": Kit(kick_hertz=56, kick_sweep=1.0, kick_decay=0.14, kick_click=0.6, kick_drive=2.6, snare_hertz=200,
                   snare_body=0.09, snare_wires=0.1, snare_noise=1.1, snare_low=900, snare_high=7000, hat_decay=0.03,
                   hat_open=0.16, hat_low=4400, hat_high=8800, crash_decay=0.8, metal_high=8000, room=0.18,
                   room_seconds=0.4, dust=0.55),
    "drill": Kit(kick_hertz=48, kick_sweep=2.8, kick_decay=0.12, kick_click=0.8, kick_drive=3.0, snare_hertz=235,
                 snare_body=0.04, snare_wires=0.1, snare_noise=1.2, snare_low=1300, clap_decay=0.08, hat_decay=0.015,
                 hat_open=0.2, hat_low=6600, room=0.12, room_seconds=0.7),
    "dnb": Kit(kick_hertz=58, kick_sweep=1.6, kick_decay=0.1, kick_click=0.9, kick_drive=2.4, snare_hertz=210,
               snare_body=0.07, snare_wires=0.11, snare_noise=1.1, snare_low=900, snare_high=8500, hat_decay=0.024,
               hat_open=0.18, hat_low=5000, hat_high=10_500, crash_decay=0.8, tom_tune=1.15, room=0.16,
               room_seconds=0.5, dust=0.2),
    "dubstep": Kit(kick_hertz=49, kick_sweep=2.6, kick_decay=0.16, kick_click=0.9, kick_drive=3.6, snare_hertz=196,
                   snare_body=0.12, snare_wires=0.2, snare_noise=1.2, snare_low=800, clap_decay=0.14, hat_decay=0.02,
                   hat_open=0.2, hat_low=6000, room=0.24, room_seconds=0.9),
    "synthwave": Kit(kick_hertz=54, kick_sweep=1.9, kick_decay=0.15, kick_click=0.7, kick_drive=2.0, snare_hertz=186,
                     snare_body=0.08, snare_wires=0.09, snare_noise=1.1, snare_low=800, clap_decay=0.1,
                     hat_decay=0.026, hat_open=0.2, hat_low=5600, hat_high=10_500, tom_tune=0.9, tom_decay=0.32,
                     room=0.5, room_seconds=1.6, gate=0.24),
    "chip": Kit(kick_hertz=56, kick_sweep=1.3, kick_decay=0.09, snare_hertz=205, snare_wires=0.07, hat_decay=0.018,
                hat_open=0.12, crash_decay=0.5, tom_decay=0.14, room=0.0, chip=True),
    "funk": Kit(kick_hertz=62, kick_sweep=0.7, kick_decay=0.1, kick_click=0.8, kick_drive=1.4, snare_hertz=222,
                snare_body=0.06, snare_wires=0.1, snare_noise=1.0, snare_low=1000, hat_low=4200, hat_high=10_000,
                hat_decay=0.03, hat_open=0.22, crash_decay=0.9, tom_decay=0.2, room=0.14, room_seconds=0.35),
    "soul": Kit(kick_hertz=60, kick_sweep=0.6, kick_decay=0.12, kick_click=0.5, kick_drive=1.3, snare_hertz=192,
                snare_body=0.08, snare_wires=0.11, snare_noise=0.9, snare_low=900, snare_high=6800, hat_low=4000,
                hat_high=9000, hat_decay=0.034, hat_open=0.24, crash_decay=1.0, metal_high=9000, room=0.18,
                room_seconds=0.5, dust=0.15),
    "metal": Kit(kick_hertz=58, kick_sweep=1.2, kick_decay=0.09, kick_click=1.9, kick_drive=2.2, snare_hertz=205,
                 snare_body=0.09, snare_wires=0.16, snare_noise=1.2, snare_low=900, snare_high=9000, hat_low=3800,
                 hat_decay=0.03, hat_open=0.32, crash_decay=1.3, tom_tune=0.92, tom_decay=0.32,
                 tom_modes=(1.0, 1.59, 2.14), room=0.26, room_seconds=0.6),
    "punk": Kit(kick_hertz=64, kick_sweep=0.8, kick_decay=0.12, kick_click=1.2, kick_drive=1.8, snare_hertz=230,
                snare_body=0.08, snare_wires=0.15, snare_noise=1.2, snare_low=850, snare_high=8500, hat_low=3400,
                hat_decay=0.04, hat_open=0.34, crash_decay=1.3, tom_decay=0.26, room=0.34, room_seconds=0.5),
    "pop": Kit(kick_hertz=55, kick_sweep=1.4, kick_decay=0.14, kick_click=0.8, kick_drive=1.8, snare_hertz=198,
               snare_body=0.09, snare_wires=0.14, snare_noise=1.1, snare_low=900, hat_low=4600, hat_decay=0.028,
               hat_open=0.22, crash_decay=1.1, tom_decay=0.26, room=0.2, room_seconds=0.6),
    "country": Kit(kick_hertz=60, kick_sweep=0.7, kick_decay=0.13, kick_click=0.7, kick_drive=1.3, snare_hertz=196,
                   snare_body=0.08, snare_wires=0.12, snare_noise=0.9, snare_low=900, snare_high=7200, hat_low=4000,
                   hat_decay=0.03, hat_open=0.24, crash_decay=1.0, tom_decay=0.26, room=0.16, room_seconds=0.5),
    "latin": Kit(kick_hertz=60, kick_sweep=0.8, kick_decay=0.13, kick_click=0.6, kick_drive=1.4, snare_hertz=228,
                 snare_body=0.06, snare_wires=0.1, snare_noise=0.9, hat_low=4600, hat_decay=0.028, hat_open=0.22,
                 crash_decay=0.9, tom_tune=1.2, tom_decay=0.2, room=0.14, room_seconds=0.5),
    "reggae": Kit(kick_hertz=56, kick_sweep=0.6, kick_decay=0.13, kick_click=0.45, kick_drive=1.4, snare_hertz=240,
                  snare_body=0.05, snare_wires=0.09, snare_noise=0.8, snare_low=1100, snare_high=7000, hat_low=4400,
                  hat_high=9000, hat_decay=0.028, hat_open=0.2, crash_decay=0.9, tom_tune=1.35, tom_decay=0.18,
                  room=0.22, room_seconds=0.8, dust=0.15),
    "afrobeat": Kit(kick_hertz=62, kick_sweep=0.6, kick_decay=0.12, kick_click=0.6, kick_drive=1.3, snare_hertz=216,
                    snare_body=0.06, snare_wires=0.1, snare_noise=0.85, snare_low=950, hat_low=4200, hat_high=9500,
                    hat_decay=0.032, hat_open=0.26, crash_decay=1.0, tom_tune=1.1, tom_decay=0.2, room=0.16,
                    room_seconds=0.45, dust=0.1),
    "celtic": Kit(kick_hertz=60, kick_sweep=0.5, kick_decay=0.2, kick_click=0.3, kick_drive=1.1, snare_hertz=186,
                  snare_body=0.07, snare_wires=0.1, snare_noise=0.7, snare_high=6500, hat_low=4600, hat_high=9000,
                  hat_decay=0.03, crash_decay=1.2, tom_tune=1.0, tom_decay=0.3, room=0.26, room_seconds=0.9),
    "epic": Kit(kick_hertz=44, kick_sweep=0.9, kick_decay=0.4, kick_click=0.5, kick_drive=1.5, snare_hertz=172,
                snare_body=0.11, snare_wires=0.2, snare_noise=0.9, snare_low=800, hat_low=4600, hat_decay=0.045,
                crash_decay=1.8, metal_high=9800, tom_tune=0.72, tom_decay=0.6, tom_modes=(1.0, 1.5, 1.98, 2.44),
                room=0.46, room_seconds=2.2),
    "brushes": Kit(kick_hertz=62, kick_sweep=0.5, kick_decay=0.14, kick_click=0.25, kick_drive=1.0, snare_hertz=198,
                   snare_body=0.05, snare_wires=0.14, snare_noise=0.8, snare_low=900, snare_high=5800, brushes=True,
                   hat_low=3900, hat_high=8800, hat_decay=0.036, hat_open=0.26, crash_decay=1.2, metal_high=8500,
                   tom_tune=1.2, tom_decay=0.26, room=0.24, room_seconds=0.7),
}  # fmt: skip
