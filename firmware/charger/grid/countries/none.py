"""No national rules: laboratory units and countries without a table. Local time is UTC."""

NAME = "none"
ZONE = "UTC0"
PEAK = ""
HOURS = None
DELAY_S = 0
DELAY_MOST_S = 1800
REDUCTION_W = None
