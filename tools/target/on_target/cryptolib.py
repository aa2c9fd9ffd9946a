"""`cryptolib` of the bare-metal target, where AES is built in only together with TLS: AES in CBC mode (FIPS 197), in Python."""

_CBC = 2


def _double(value):
    value <<= 1
    return value ^ 0x11B if value & 0x100 else value


def _times(a, b):
    product = 0
    while b:
        if b & 1:
            product ^= a
        a = _double(a)
        b >>= 1
    return product


def _fill_boxes():
    """The S-box and its inverse, by the powers of 3 in GF(2^8)."""
    powers, logarithms, value = [0] * 256, [0] * 256, 1
    for n in range(255):
        powers[n], logarithms[value] = value, n
        value ^= _double(value)
    for n in range(256):
        turned = powers[(255 - logarithms[n]) % 255] if n else 0
        mixed = 0x63
        for shift in range(5):
            mixed ^= (turned << shift | turned >> 8 - shift) & 0xFF
        _BOX[n], _INVERSE[mixed] = mixed, n


_BOX = bytearray(256)  # filled with the first key: an import has to cost as little as the built-in module's
_INVERSE = bytearray(256)
_SHIFTED = [(n + 4 * (n % 4)) % 16 for n in range(16)]  # where byte n of a block comes from when rows are shifted


class aes:  # noqa: N801 - the name of the built-in class
    """A key of 16, 24 or 32 bytes, mode 2 (CBC), and an initial block."""

    def __init__(self, key, mode, iv=None):
        if mode != _CBC or iv is None:
            raise NotImplementedError("only CBC on the bare-metal target")
        if not _BOX[0]:
            _fill_boxes()
        self._last = bytes(iv)
        self._keys = self._round_keys(bytes(key))

    @staticmethod
    def _round_keys(key):
        step, words, factor = len(key) // 4, [key[n : n + 4] for n in range(0, len(key), 4)], 1
        while len(words) < 4 * (step + 7):
            word = words[-1]
            if len(words) % step == 0:
                word = bytes([_BOX[word[1]] ^ factor, _BOX[word[2]], _BOX[word[3]], _BOX[word[0]]])
                factor = _double(factor)
            elif step > 6 and len(words) % step == 4:
                word = bytes([_BOX[byte] for byte in word])
            words.append(bytes([a ^ b for a, b in zip(words[-step], word)]))
        return [b"".join(words[n : n + 4]) for n in range(0, len(words), 4)]

    def encrypt(self, data):
        """Whole blocks."""
        return b"".join([self._encrypted(data[n : n + 16]) for n in range(0, len(data), 16)])

    def decrypt(self, data):
        """Whole blocks."""
        return b"".join([self._decrypted(bytes(data[n : n + 16])) for n in range(0, len(data), 16)])

    def _encrypted(self, block):
        state = _added(_added(block, self._last), self._keys[0])
        for key in self._keys[1:-1]:
            state = _added(_mixed([_BOX[state[n]] for n in _SHIFTED], 2, 3, 1, 1), key)
        self._last = bytes(_added([_BOX[state[n]] for n in _SHIFTED], self._keys[-1]))
        return self._last

    def _decrypted(self, block):
        state = _unshifted(_added(block, self._keys[-1]))
        for key in reversed(self._keys[1:-1]):
            state = _unshifted(_mixed(_added(state, key), 14, 11, 13, 9))
        plain, self._last = bytes(_added(_added(state, self._keys[0]), self._last)), block
        return plain


def _added(a, b):
    return [x ^ y for x, y in zip(a, b)]


def _unshifted(state):
    plain = [0] * 16
    for n in range(16):
        plain[_SHIFTED[n]] = _INVERSE[state[n]]
    return plain


def _mixed(state, *factors):
    """Each column times the matrix whose first row is `factors`."""
    mixed = []
    for column in range(0, 16, 4):
        for row in range(4):
            value = 0
            for n in range(4):
                value ^= _times(state[column + n], factors[(n - row) % 4])
            mixed.append(value)
    return mixed
