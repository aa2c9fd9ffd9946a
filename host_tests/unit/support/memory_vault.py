"""A vault in memory: secrets of a test, kept by nothing."""


class MemoryVault:
    """get(), put() and delete() of charger.credentials.vault.Vault."""

    ready = True
    broken = ""

    def __init__(self):
        self.kept = {}

    def get(self, name):
        return self.kept.get(name)

    def put(self, name, secret):
        self.kept[name] = secret

    def delete(self, name):
        self.kept.pop(name, None)
