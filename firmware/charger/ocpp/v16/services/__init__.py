"""Services: the state and behaviour of the charge point, one module per feature; actions/ only translates messages."""
