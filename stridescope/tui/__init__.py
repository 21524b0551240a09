"""The terminal app: screens and widgets over `scene/`, with Textual.

Nothing here computes a layout or a picture: a widget holds a position and a view, asks `scene/` for a frame, and draws
it. Nothing below this package imports Textual, and nothing here is imported before the app is asked for.

    opening          what the app opens on; `ss.explore`
    app              the app: its screens, what holds everywhere; `run_app`
    home examples    things to try, and a line to type one's own
    stage/           a program, step by step, in motion
    modules/         a model: its tree, what children() and modules() give, every tensor's layout
    storages/        storages by the bytes they retain, and what lies where in one
    trace/           the steps of a run, those that copied, lines by bytes
    prompt/          the line that programs are typed on
    keys             every key, its action and its words: the one table
    key_line help palette_commands   that table as a footer, a sheet, a palette
    looks themes     what a piece of a picture looks like here
    lines            a widget that draws rows of pieces
    checks           the same program on real torch, in the background
    terminal small   what is said where the app cannot be shown
"""
