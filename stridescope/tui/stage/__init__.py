"""The Stage: a program's picture over time, with the keys and the mouse that move it.

What moves is a function of a clock, what is seen a function of that and of where the reader stands; the widgets ask for
both when a frame is due.

    player        the clock: position and walk as functions of it
    state         where the reader stands, and what each key makes of that
    canvas        the picture, one widget
    timeline_bar title    the lines around it
    actions saving        what keys do
    screen        all of it together
"""
