"""How sending a file can fail, for those who ask for it without knowing how it is done."""

BAD_LOCATION = "bad location"
NOT_SUPPORTED = "not supported"
NOT_ALLOWED = "not allowed"
FAILED = "failed"


class UploadError(Exception):
    """`cause` is one of the four above; `final` says that another attempt can only end in the same way."""

    def __init__(self, cause: str, text: str):
        super().__init__(text)
        self.cause = cause
        self.final = cause in (BAD_LOCATION, NOT_SUPPORTED)
