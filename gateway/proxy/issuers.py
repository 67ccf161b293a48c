"""The issuers a worker trusts and their keys: sets that control publishes, shared secrets that the worker reads itself.

What is found here is a binding of one key to one algorithm. A binding lives as long as the issuer's rules and that key
stay what they are, whatever else changes; tokens verified by it are remembered no longer than it lives.
"""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Final

from gateway.core.keyset import NO_KEYS, SYMMETRIC, KeySet, PublicKey, shared_verifier
from gateway.core.token import BadToken, Flaw
from gateway.store.secrets import SecretError, Secrets

if TYPE_CHECKING:
    from collections.abc import Mapping

    from gateway.core.keyset import KeySets, Verify
    from gateway.spec.consumer import Issuer

_LOG: Final = logging.getLogger("casino.worker")


class Binding:
    """One key, ready for one algorithm."""

    __slots__ = ("alive", "key", "verify")

    def __init__(self, key: PublicKey | None, verify: Verify) -> None:
        self.key = key
        """None for a shared secret."""
        self.verify = verify
        self.alive = True
        """False once the issuer has taken the key back, or its rules have changed."""


class Trusted:
    """One issuer of the spec."""

    __slots__ = ("_bindings", "_by_id", "_keys", "_secret", "asked", "asked_at", "issuer", "name")

    def __init__(self, name: str, issuer: Issuer) -> None:
        self.name = name
        self.issuer = issuer
        self.asked = 0
        """How often control had asked for the set that is held."""
        self.asked_at = float("-inf")
        """When this worker last had control ask for it, in loop seconds."""
        self._keys: tuple[PublicKey, ...] = ()
        self._by_id: dict[str, list[PublicKey]] = {}
        self._secret = ""
        self._bindings: dict[tuple[str, str], Binding] = {}

    @property
    def source(self) -> str | None:
        """Where its key set comes from; None if it has a secret."""
        return self.issuer.url or self.issuer.file

    def binding(self, key_id: str, algorithm: str) -> Binding | None:
        """Find the key for a token that names it so; None if there is none of that name.

        Raises:
            BadToken: there is one, for other algorithms.

        """
        if self.issuer.secret is not None:
            return self._bindings.get(("", algorithm))
        bound = self._bindings.get((key_id, algorithm))
        return bound or self._bind(key_id, algorithm)

    def _bind(self, key_id: str, algorithm: str) -> Binding | None:
        named = self._by_id.get(key_id, []) if key_id else [key for keys in self._by_id.values() for key in keys]
        fitting = [key for key in named if algorithm in key.algorithms]
        if key_id and named and not fitting:
            raise BadToken(Flaw.ALGORITHM)
        if not fitting or (not key_id and len(fitting) > 1):
            return None
        bound = self._bindings[key_id, algorithm] = Binding(fitting[0], fitting[0].verifier(algorithm))
        return bound

    def take(self, keys: KeySet) -> None:
        """Hold this set from now on."""
        self.asked = keys.asked
        if keys.keys == self._keys:
            return
        self._keys = keys.keys
        self._by_id = {}
        for key in keys.keys:
            self._by_id.setdefault(key.key_id, []).append(key)
        kept = frozenset(name for name, bound in self._bindings.items() if name[0] and bound.key in keys.keys)
        self._drop_all_but(kept)

    def take_secret(self, secret: str) -> bool:
        """Hold this secret from now on; an algorithm for which it will not do has no key. False if it is the same."""
        if secret == self._secret:
            return False
        self._secret = secret
        self.retire()
        for algorithm in self.issuer.algorithms:
            verify = shared_verifier(secret.encode(), algorithm) if algorithm in SYMMETRIC else None
            if verify:
                self._bindings["", algorithm] = Binding(None, verify)
            else:
                _LOG.error("token_secret_unfit", extra={"fields": {"casino.issuer": self.name}})
        return True

    def retire(self) -> None:
        """Trust none of its tokens any more."""
        self._drop_all_but(frozenset())

    def _drop_all_but(self, kept: frozenset[tuple[str, str]]) -> None:
        for name in self._bindings.keys() - kept:
            self._bindings.pop(name).alive = False


class Issuers:
    """All issuers of one worker."""

    def __init__(self) -> None:
        self.algorithms: frozenset[str] = frozenset()
        """Those any issuer uses."""
        self._trusted: dict[str, Trusted] = {}
        self._by_iss: dict[str, Trusted] = {}
        self._sets: dict[tuple[str, str], KeySet] = {}
        self._secrets = Secrets()
        self._unreadable: set[str] = set()

    def configure(self, issuers: Mapping[str, Issuer]) -> None:
        """Trust these issuers; those whose rules stay keep their keys and what was verified with them."""
        before, self._trusted = self._trusted, {}
        for name, issuer in issuers.items():
            known = before.get(name)
            self._trusted[name] = known if known and known.issuer == issuer else Trusted(name, issuer)
        for name, trusted in before.items():
            if self._trusted.get(name) is not trusted:
                trusted.retire()
        self._by_iss = {trusted.issuer.issuer: trusted for trusted in self._trusted.values()}
        self.algorithms = frozenset(one for issuer in issuers.values() for one in issuer.algorithms)
        self._secrets = Secrets()
        self._hand_out()
        self.look()

    def follow(self, published: KeySets) -> None:
        """Take up what control published."""
        self._sets = published.sets
        self._hand_out()

    def look(self) -> bool:
        """Read shared secrets again, and say whether one changed; while one cannot be read, what it was holds on."""
        changed = False
        for name, trusted in self._trusted.items():
            secret = trusted.issuer.secret
            if secret is None:
                continue
            try:
                changed |= trusted.take_secret(self._secrets.get(secret))
                self._unreadable.discard(name)
            except SecretError as fault:
                if name not in self._unreadable:
                    self._unreadable.add(name)
                    fields = {"casino.issuer": name, "error.message": str(fault)}
                    _LOG.error("token_secret_unreadable", extra={"fields": fields})
        return changed

    def issuer(self, iss: object) -> Trusted | None:
        """Find who says so."""
        return self._by_iss.get(iss) if isinstance(iss, str) else None

    def _hand_out(self) -> None:
        for trusted in self._trusted.values():
            if trusted.source is not None:
                trusted.take(self._sets.get((trusted.name, trusted.source), NO_KEYS))
