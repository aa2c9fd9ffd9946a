"""Germany: section 14a EnWG, power reduced to 4.2 kW by the grid operator's signal."""

NAME = "DE"
ZONE = "CET-1CEST,M3.5.0,M10.5.0/3"
PEAK = ""
HOURS = None
DELAY_S = 0
DELAY_MOST_S = 1800
REDUCTION_W = 4200
