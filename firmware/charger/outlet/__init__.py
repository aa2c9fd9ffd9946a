"""The charger itself: IEC 61851 states, limits, guards and the use of a connector. No network, no `machine`."""
