"""The Storages screen: storages by the bytes they retain, and what lies where in the one that is marked.

subject    what the storages are of: a map, a model, the step on stage
state      where the reader stands
widgets    the lines that draw it
screen     all of it together, and what the keys do
"""
