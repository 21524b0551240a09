"""The Modules screen: a model as a tree, what `children()` and `modules()` give, every tensor's layout.

reading    the model read, counted and compared with the reading before; in a thread where it is large
browser    where the reader stands: what is open, marked, searched
rows       the widgets that draw lines: tree and details
heads      the line of the model, and the line of its views
finding    the line that is searched with
actions    what the keys do
screen     all of it together
"""
