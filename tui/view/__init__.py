"""What the screen says, as pure functions: a picture, a width and a moment in, lines of styled text out.

Nothing in here knows Textual: a line is a tuple of (text, style name), so everything an operator reads can be
tested as plain text. Every string from outside passes `display.safe` in `view.line.lit` before it becomes text.
"""
