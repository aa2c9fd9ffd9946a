"""What a charger is: IEC 61851 states, limits, guards and the use of a connector. No network, no `machine`."""
