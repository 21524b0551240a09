"""What is where on a drawing, and what its words say: pure arithmetic over (history, position, view).

Nothing here draws, and nothing here is imported to draw: a picture is rows of `Piece`s, text with what it means, and
`render/` and `tui/` give that looks. Nothing costs more for a tensor of 10**12 elements than for one of 12.

    window              which positions of a long row are shown
    text sentences      numbers as short text; what a layout means
"""
