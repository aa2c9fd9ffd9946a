"""The status of idTags as the unit knows it: the local list and the cache (OCPP-50, 51, 55)."""

from charger.ocpp.v16 import answers


class IdTags:
    """`status` is the StatusNotification; unreadable(field, reason) reports a dropped field of an answer."""

    def __init__(self, config: Configuration, files: Files, status: StatusNotification, unreadable: Callable) -> None:
        self._config = config
        self._files = files
        self._status = status
        self._unreadable = unreadable
        self._list: LocalList | None = None
        self._cache: AuthorisationCache | None = None

    def local_list(self) -> LocalList:
        """Return the local list, created if necessary."""
        if self._list is None:
            from charger.ocpp.v16.services.local_list import LocalList  # 1,100 frozen bytes, for units with a local list

            self._list = LocalList(self._config, self._files)
        return self._list

    def cache(self) -> AuthorisationCache:
        """Return the cache, created if necessary."""
        if self._cache is None:
            # 600 frozen bytes, for units with a cache
            from charger.ocpp.v16.services.authorisation_cache import AuthorisationCache

            self._cache = AuthorisationCache(self._files)
        return self._cache

    def local(self, tag: str) -> tuple | None:
        """Return (status, parent) from the list or else the cache, None when both do not have the idTag (OCPP-50)."""
        known = self._listed(tag)
        if known is None and self._config.get_bool("AuthorizationCacheEnabled"):
            known = self.cache().find(tag)
        return known

    def learn(self, tag: str, info: Any) -> tuple | None:
        """Store an IdTagInfo of the back end (OCPP-51, 55); return (status, parent), None when it is invalid."""
        info = answers.id_tag_info(info, self._unreadable)
        if info is None:
            return None
        status, parent = info["status"], info.get("parentIdTag")
        listed = self._listed(tag)
        if status == "ConcurrentTx":  # of this moment only
            pass
        elif listed is not None:
            if listed[0] != status:
                self._status.conflict((tag.lower(), self.local_list().version))
        elif self._config.get_bool("AuthorizationCacheEnabled"):
            self.cache().learn(tag, info)
        return status, parent

    def _listed(self, tag: str) -> tuple | None:
        return self.local_list().find(tag) if self._config.get_bool("LocalAuthListEnabled") else None
