"""Who calls: consumers and their credentials, issuers of tokens, and what a route demands of a caller."""

from typing import Annotated, Literal

from msgspec import Meta, Struct, field

from gateway.spec.secret import Secret
from gateway.spec.units import Count, FilePath, HeaderName, Kind, Name, PositiveSeconds, Seconds, Share, Text

Sha256 = Annotated[
    str,
    Meta(
        pattern="^[0-9a-f]{64}$",
        description="the SHA-256 of a key, 64 hexadecimal digits (`casino key new`)",
        extra={"kind": Kind.HASH},
    ),
]
Moment = Annotated[
    str,
    Meta(
        pattern=r"^\d{4}-\d{2}-\d{2}(T\d{2}:\d{2}(:\d{2})?Z)?$",
        description="a day or a moment in UTC such as `2027-01-31` or `2027-01-31T12:00Z`",
    ),
]
Argon2 = Annotated[
    str,
    Meta(
        pattern=r"^\$argon2id\$v=19\$[A-Za-z0-9+/=,$]{20,300}$",
        description="an Argon2id hash (`casino key password`)",
        extra={"kind": Kind.HASH},
    ),
]
UserName = Annotated[str, Meta(pattern=r"^[^:\x00-\x1f\x7f]{1,100}$", description="a user name without a colon")]
ClaimName = Annotated[str, Meta(min_length=1, max_length=100, description="the name of a claim, such as `sub`")]
Scope = Annotated[
    str, Meta(pattern=r"^[\x21\x23-\x5b\x5d-\x7e]{1,100}$", description="a scope such as `dice:roll` (RFC 6749)")
]
Algorithm = Literal[
    "HS256", "HS384", "HS512", "RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512", "EdDSA"
]
Means = Literal["key", "jwt", "basic", "certificate"]


class ApiKey(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One key of a consumer; several let a key be replaced without a moment when none works."""

    sha256: Sha256
    """Its hash: the key itself stands nowhere."""
    expires: Moment | None = None
    """From then on it is refused. Absent: it never expires."""


class Password(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One user of HTTP Basic."""

    user: UserName
    """The name they give."""
    argon2: Argon2
    """The hash of their password."""


class Subject(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Tokens that are of a consumer: of this issuer, with this claim."""

    issuer: Name
    """An issuer of the spec."""
    claim: ClaimName = "sub"
    """The claim that says so."""
    value: Text
    """What it says."""


class Consumer(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Somebody who calls, by whatever credential."""

    keys: tuple[ApiKey, ...] = ()
    """API keys."""
    passwords: tuple[Password, ...] = ()
    """Users of HTTP Basic."""
    tokens: tuple[Subject, ...] = ()
    """Which tokens are theirs."""
    certificates: tuple[Text, ...] = ()
    """Client certificates: a subject alternative name (`DNS:shop.internal`, `URI:spiffe://…`) or `CN:name`."""
    groups: tuple[Name, ...] = ()
    """What routes may ask for instead of each name."""


def without_case(name: str) -> str:
    """Give a certificate's name as it is compared: DNS knows no case (RFC 9525 section 6.3), other names do."""
    return name.lower() if name[:4].upper() == "DNS:" else name


JwksUrl = Annotated[
    str,
    Meta(
        pattern=r"^https?://[^\s@/?#]{1,300}([/?#]\S{0,1000})?$",
        description="the URL of a JSON Web Key Set, without a password",
        extra={"kind": Kind.REFERENCE},
    ),
]


class Issuer(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Who signs tokens. Exactly one of `url`, `file` and `secret` is given."""

    issuer: Text
    """What `iss` must say."""
    audiences: Annotated[tuple[Text, ...], Meta(min_length=1)]
    """`aud` must name one of these."""
    algorithms: Annotated[tuple[Algorithm, ...], Meta(min_length=1)]
    """Algorithms accepted; what a token's head says is never believed beyond these."""
    url: JwksUrl | None = None
    """Where its keys are, as a JSON Web Key Set (RFC 7517)."""
    file: FilePath | None = None
    """The same as a file."""
    secret: Secret | None = None
    """The shared secret of the HS algorithms, at least as long as the hash."""
    refresh_seconds: PositiveSeconds = field(default=300, name="refresh")
    """How often keys are fetched again; an unknown key id asks earlier, at most every 10 s."""
    leeway_seconds: Seconds = field(default=30, name="leeway")
    """How far the clocks may differ."""


class Demand(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What a route demands of its callers."""

    by: Annotated[tuple[Means, ...], Meta(min_length=1)]
    """Credentials accepted, tried in this order: `key`, `jwt`, `basic`, `certificate`."""
    optional: bool = False
    """Let through who shows no credential at all; a bad one is still refused."""
    issuers: tuple[Name, ...] = ()
    """Whose tokens; none: every issuer's."""
    consumers: tuple[Name, ...] = ()
    """Who may call; with `groups`, either is enough. Neither: everybody who is known."""
    groups: tuple[Name, ...] = ()
    """Whose members may call."""
    scopes: tuple[Scope, ...] = ()
    """Scopes a token must have, all of them (claims `scope` and `scp`)."""
    claims: dict[ClaimName, tuple[Text, ...]] = {}
    """Claims a token must have, each with one of these values (a list claim must hold one)."""
    headers: dict[HeaderName, ClaimName] = {}
    """Headers for the upstream, from claims; a client's own are always removed first."""


class Identity(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How credentials come in and how the caller is named to services; for the whole gateway."""

    key_header: HeaderName = "X-API-Key"
    """Where API keys are shown."""
    consumer_header: HeaderName = "X-Consumer"
    """Tells services who calls; whatever a client sends under this name, in any spelling, is removed on every route."""
    subject_header: HeaderName = "X-Consumer-Subject"
    """Tells services the token's subject, the certificate's name or the user; removed from clients in the same way."""
    verify_ratio: Share = field(default=0.2, name="verify")
    """The greatest share of a worker's time that verifying unknown tokens may take; beyond it they get 429.

    A signature that is wrong counts four times, with 0.3 ms more at most.
    """
    verifications_per_second: Count = field(default=50, name="verifications")
    """Unknown tokens verified a second for one client address."""
