"""The local API: JSON over HTTPS, for owner, user and installer."""
