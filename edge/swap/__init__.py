"""A running agent takes another model without losing a reading: admitted, shown the past, watched."""
