"""How the studio looks: ink on paper, one typeface, straight lines. Tokens here, rules in theme.css."""

import inspect
from pathlib import Path

import gradio as gr
from gradio.themes.utils import colors, sizes

# token: (light, dark). Contrast on paper: soft 7:1 light and 8:1 dark, faint is for fills only.
TOKENS = {
    "ink": ("#000000", "#ffffff"),
    "paper": ("#ffffff", "#000000"),
    "soft": ("#595959", "#a6a6a6"),
    "faint": ("#ececec", "#222222"),
    "line": ("2px", "2px"),
}
# Named, not loaded: the page asks no other host for a font.
MONO = ("ui-monospace", "SFMono-Regular", "Menlo", "Consolas", "DejaVu Sans Mono", "monospace")
INK, PAPER, SOFT, FAINT, LINE = (f"var(--{name})" for name in TOKENS)


def css() -> str:
    """Tokens and rules as one style sheet; the login page wears it too."""
    light, dark = ("".join(f"--{name}:{pair[side]};" for name, pair in TOKENS.items()) for side in (0, 1))
    # Gradio marks dark pages with a class; a page without Gradio (login) asks the browser.
    system = f"@media (prefers-color-scheme: dark) {{ :root.plain {{{dark}}} }}"
    rules = (Path(__file__).parent / "theme.css").read_text("utf-8")
    return f":root {{{light}}}\n.dark {{{dark}}}\n{system}\n{rules}"


class Mono(gr.themes.Base):
    """Gradio's own names for things, told in our tokens."""

    def __init__(self) -> None:
        super().__init__(
            primary_hue=colors.neutral,
            secondary_hue=colors.neutral,
            neutral_hue=colors.neutral,
            spacing_size=sizes.spacing_md,
            radius_size=sizes.radius_none,
            text_size=sizes.text_md,
            font=MONO,
            font_mono=MONO,
        )
        self.name = "mono"
        known = inspect.signature(self.set).parameters
        # A variable is resolved where it is declared: without a dark twin it would keep the light value.
        twins = {f"{name}_dark": value for name, value in LOOK.items() if f"{name}_dark" in known}
        # The tick is a white picture.
        super().set(**LOOK, **twins | {"checkbox_background_color_selected_dark": PAPER})


LOOK = {
    "body_background_fill": PAPER,
    "body_text_color": INK,
    "body_text_color_subdued": SOFT,
    "background_fill_primary": PAPER,
    "background_fill_secondary": PAPER,
    "border_color_primary": INK,
    "border_color_accent": INK,
    "color_accent": INK,
    "color_accent_soft": FAINT,
    "link_text_color": INK,
    "link_text_color_active": INK,
    "link_text_color_hover": INK,
    "link_text_color_visited": INK,
    "block_background_fill": PAPER,
    "block_border_width": "0px",
    "block_border_color": INK,
    "block_shadow": "none",
    "block_padding": "0px",
    "block_label_background_fill": PAPER,
    "block_label_text_color": INK,
    "block_label_border_width": "0px",
    "block_label_text_weight": "700",
    "block_title_text_color": INK,
    "block_title_text_weight": "700",
    "block_info_text_color": SOFT,
    "form_gap_width": "0px",
    "layout_gap": "20px",
    "panel_background_fill": PAPER,
    "panel_border_color": INK,
    "accordion_text_color": INK,
    "input_background_fill": PAPER,
    "input_background_fill_focus": PAPER,
    "input_background_fill_hover": PAPER,
    "input_border_color": INK,
    "input_border_color_focus": INK,
    "input_border_color_hover": INK,
    "input_border_width": LINE,
    "input_shadow": "none",
    "input_shadow_focus": "none",
    "input_placeholder_color": SOFT,
    "input_padding": "10px 12px",
    "input_text_size": "16px",
    "checkbox_background_color": PAPER,
    "checkbox_background_color_focus": PAPER,
    "checkbox_background_color_hover": PAPER,
    "checkbox_background_color_selected": INK,
    "checkbox_border_color": INK,
    "checkbox_border_color_focus": INK,
    "checkbox_border_color_hover": INK,
    "checkbox_border_color_selected": INK,
    "checkbox_border_width": LINE,
    "checkbox_label_background_fill": PAPER,
    "checkbox_label_background_fill_hover": FAINT,
    "checkbox_label_background_fill_selected": INK,
    "checkbox_label_border_color": INK,
    "checkbox_label_border_width": LINE,
    "checkbox_label_text_color": INK,
    "checkbox_label_text_color_selected": PAPER,
    "slider_color": INK,
    "loader_color": INK,
    "stat_background_fill": INK,
    "table_border_color": INK,
    "table_even_background_fill": PAPER,
    "table_odd_background_fill": PAPER,
    "error_background_fill": PAPER,
    "error_border_color": INK,
    "error_text_color": INK,
    "error_icon_color": INK,
    "button_border_width": LINE,
    "button_transform_hover": "none",
    "button_transform_active": "none",
    "button_transition": "none",
    "button_large_text_weight": "700",
    "button_medium_text_weight": "700",
    "button_small_text_weight": "400",
    "button_primary_background_fill": INK,
    "button_primary_background_fill_hover": INK,
    "button_primary_text_color": PAPER,
    "button_primary_text_color_hover": PAPER,
    "button_primary_border_color": INK,
    "button_primary_border_color_hover": INK,
    "button_primary_shadow": "none",
    "button_secondary_background_fill": PAPER,
    "button_secondary_background_fill_hover": INK,
    "button_secondary_text_color": INK,
    "button_secondary_text_color_hover": PAPER,
    "button_secondary_border_color": INK,
    "button_secondary_border_color_hover": INK,
    "button_secondary_shadow": "none",
    "button_cancel_background_fill": PAPER,
    "button_cancel_background_fill_hover": INK,
    "button_cancel_text_color": INK,
    "button_cancel_text_color_hover": PAPER,
    "button_cancel_border_color": INK,
    "button_cancel_border_color_hover": INK,
}
