"""The models in memory: leased, measured, forecast, and dropped when another needs their room."""
