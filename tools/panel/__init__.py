"""The panel: a local web page that shows and drives simulated chargers and the back end they talk to."""
