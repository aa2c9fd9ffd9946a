# An object with the attributes that a test gives it.


class Thing:
    """An object with these attributes."""

    def __init__(self, **attributes):
        for name, value in attributes.items():
            setattr(self, name, value)
