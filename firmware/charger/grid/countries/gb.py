"""Great Britain: the Electric Vehicles (Smart Charge Points) Regulations 2021."""

NAME = "GB"
ZONE = "GMT0BST,M3.5.0/1,M10.5.0"
PEAK = "1-5 08:00-11:00;1-5 16:00-22:00"  # UK-5
HOURS = "1-5 00:00-08:00;1-5 22:00-24:00;6-7 00:00-24:00"  # UK-21
DELAY_S = 600  # UK-31
DELAY_MOST_S = 1800  # UK-30
REDUCTION_W = None
