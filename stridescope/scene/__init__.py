"""What is where on a drawing: pure arithmetic over (step, time, viewport)."""
