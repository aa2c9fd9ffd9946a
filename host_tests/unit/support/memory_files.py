# The files of a unit in memory, as far as configuration, plans and charging profiles use them.
import json


class MemoryFiles:
    """Stands in for store.files.Files where a test has no flash."""

    def __init__(self):
        self.files = {}

    def read_json(self, name, default=None, checked=True):
        return json.loads(self.files[name]) if name in self.files else default

    def write_json(self, name, value):
        self.files[name] = json.dumps(value)

    def write_pieces(self, name, pieces):
        text = ""
        for piece in pieces:
            text += piece
            yield
        self.files[name] = text

    def names(self, folder):
        return sorted(name[len(folder) + 1 :] for name in self.files if name.startswith(folder + "/"))

    def exists(self, name):
        return name in self.files

    def read(self, name):
        return self.files[name].encode() if name in self.files else None

    def write(self, name, data):
        self.files[name] = data.decode()

    def rename(self, name, new):
        self.files[new] = self.files.pop(name)
