"""SVG as text: elements, and the colours that pages, picture files and the chat page share.

    tag("text", "4 + 5", x=10, y=20.0, class_="mark")     ->  <text x="10" y="20" class="mark">4 + 5</text>

Pictures take their colours from CSS variables, so that one picture suits light, dark and print. A picture file carries
its own style sheet (`standalone`).
"""

from __future__ import annotations

from html import escape
from importlib import resources

PALETTE = {
    "paper": ("#fbfbf9", "#14171b"),
    "card": ("#ffffff", "#1b1f25"),
    "ink": ("#1d2127", "#e8e9e6"),
    "soft": ("#5d6570", "#a0a8b2"),
    "line": ("#e4e5e1", "#2c323a"),
    "track": ("#ecedea", "#2a3038"),
    "ours": ("#2563eb", "#6b9bff"),
    "published": ("#c2410c", "#f0924a"),
    "understand": ("#2563eb", "#7ba4ff"),
    "plan": ("#7c3aed", "#b79bff"),
    "execute": ("#15803d", "#4fcf86"),
    "verify": ("#b45309", "#f0ab4e"),
    "answer": ("#50565f", "#b3bac3"),
    "wrong": ("#c81e1e", "#ff8078"),
}
"""Name of a CSS variable to its colour on a light and on a dark page."""


def tag(name: str, content: str | None = None, /, **attributes: str | float | None) -> str:
    """One element. `content` is escaped text. Attributes: `class_` becomes `class`, `font_size` becomes `font-size`."""
    written = "".join(
        f' {key.rstrip("_").replace("_", "-")}="{escape(_value(value))}"'
        for key, value in attributes.items()
        if value is not None
    )
    return f"<{name}{written}/>" if content is None else f"<{name}{written}>{escape(content)}</{name}>"


def svg(parts: list[str], *, width: float, height: float, label: str, class_: str) -> str:
    """A whole picture, as wide as its container."""
    box = f"0 0 {_value(width)} {_value(height)}"
    opening = tag("svg", "", class_=class_, role="img", aria_label=label, viewBox=box).removesuffix("</svg>")
    return "".join([opening, *parts, "</svg>"])


def variables(*, dark: bool = False) -> str:
    """The palette as CSS declarations."""
    return " ".join(f"--{name}: {colours[dark]};" for name, colours in PALETTE.items())


def style_sheet() -> str:
    """How the shapes of all pictures look, in the variables of the palette."""
    return resources.files("distill.report").joinpath("pictures.css").read_text(encoding="utf-8")


def standalone(picture: str) -> str:
    """A picture as a separate file with a light background and literal colours, for viewers without CSS variables."""
    style = style_sheet()
    for name, (light, _) in PALETTE.items():
        style = style.replace(f"var(--{name})", light)
    opening, _, rest = picture.partition(">")
    width, height = opening.partition('viewBox="0 0 ')[2].rstrip('"').split()
    size = tag("svg", xmlns="http://www.w3.org/2000/svg", width=width, height=height, color=PALETTE["ink"][0])
    ground = tag("rect", width="100%", height="100%", style="fill: #fff; fill-opacity: 1; stroke: none")
    return f"{size.removesuffix('/>')}{opening.removeprefix('<svg')}><style>{style}</style>{ground}{rest}"


def _value(value: str | float) -> str:
    return f"{value:.1f}".removesuffix(".0") if isinstance(value, float) else str(value)
