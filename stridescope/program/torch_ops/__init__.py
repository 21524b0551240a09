"""torch's ops as rows: views, copies, creations, writes and element-wise ops, each family a module."""
