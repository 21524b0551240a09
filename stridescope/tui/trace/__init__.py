"""The Trace screen: the steps of a run, those that copied, and which source lines copied most.

state      where the reader stands
screen     the widgets, and what the keys do
"""
