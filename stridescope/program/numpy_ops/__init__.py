"""numpy's ops as rows: layouts by `stridescope.layout.numpy_rules`, values as for torch."""
