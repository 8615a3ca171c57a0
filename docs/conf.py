"""How the site is made of the pages that tools/make_site.py lays out. Nothing in it asks the network."""

import re

from latex2mathml.converter import convert

project = "DALL·E in lessons"
html_title = project
language = "en"
extensions = ["myst_nb", "sphinx.ext.autodoc"]
nb_execution_mode = "off"  # the lessons are shown as they were run
nb_code_prompt_show, nb_code_prompt_hide = "Show an answer", "Hide it"  # the only cells that are folded
nb_ipywidgets_js = {}  # steppers are shown as pictures: no script from elsewhere
myst_enable_extensions = ["dollarmath", "attrs_inline"]
myst_heading_anchors = 3
suppress_warnings = ["myst.header"]  # a cell may begin with a heading of the third level
autodoc_typehints = "none"
autodoc_member_order = "bysource"

html_theme = "sphinx_book_theme"
html_static_path = ["_static"]
html_css_files = ["course.css"]
html_show_sourcelink = False
html_copy_source = False
html_show_copyright = False
html_last_updated_fmt = None
# Colors of code that are easy to read on white and on black (the theme's own are too pale for small text).
html_theme_options = {
    "use_download_button": False,
    "use_fullscreen_button": False,
    "navigation_with_keys": True,
    "navbar_persistent": [],  # the sidebar has the search field already
    "pygments_light_style": "a11y-high-contrast-light",
    "pygments_dark_style": "a11y-high-contrast-dark",
}


def mathml(node, display: str) -> str:
    """A formula as MathML, which browsers draw themselves: no script, and readable for screen readers."""
    # A Greek or other letter that stands there as itself is taken as it is.
    return convert(re.sub(r"\s+", " ", node.astext()), display=display)


def inline(translator, node):
    from docutils import nodes

    translator.body.append(mathml(node, "inline"))
    raise nodes.SkipNode


def block(translator, node):
    from docutils import nodes

    translator.body.append(f'<div class="math">{mathml(node, "block")}</div>')
    raise nodes.SkipNode


def setup(app):
    app.add_html_math_renderer("mathml", inline_renderers=(inline, None), block_renderers=(block, None))
    app.config.html_math_renderer = "mathml"
