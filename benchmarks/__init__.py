"""What stridescope promises about speed, measured: `python -m benchmarks`.

Every row measures ours beside a floor (the least that could be done) and, where there is one, a peer, in
one run, in turns. Seconds differ from machine to machine; the promises are ratios.
"""
