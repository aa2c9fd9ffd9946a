"""The local page's API: JSON over HTTPS, for the owner, a user and the installer at the unit."""
