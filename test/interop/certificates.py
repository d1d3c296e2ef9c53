"""Test certificates of every shape seen in the field, made with pyca/cryptography: a maker independent of mlsign.

Each set is a folder: `key.pem` (test only), `leaf.pem`, `chain.pem` (its issuers below the root; empty where there are none), `root.pem`.
"""

import datetime
import pathlib

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

START = datetime.datetime(2024, 1, 1, tzinfo=datetime.timezone.utc)
END = datetime.datetime(2124, 1, 1, tzinfo=datetime.timezone.utc)
EC = {"p256": ec.SECP256R1(), "p384": ec.SECP384R1(), "p521": ec.SECP521R1()}
HASHES = {256: hashes.SHA256(), 384: hashes.SHA384(), 521: hashes.SHA512()}
USAGES = ["digital_signature", "content_commitment", "key_encipherment", "data_encipherment", "key_agreement", "key_cert_sign", "crl_sign"]


class Party:
    """A key, its certificate, and how to issue others with it."""

    def __init__(self, key, certificate):
        self.key = key
        self.certificate = certificate

    def pem(self):
        return self.certificate.public_bytes(serialization.Encoding.PEM)


def new_key(kind):
    return rsa.generate_private_key(65537, int(kind[3:])) if kind.startswith("rsa") else ec.generate_private_key(EC[kind])


def issue(subject, issuer=None, key="p256", ca=None, path_length=None, usage=None, extended=None, start=START, end=END, identifiers=True):
    """Makes a certificate. `issuer` None is self-signed, `ca` None leaves basic constraints out, `usage` None leaves key usage out."""
    private = new_key(key)
    name = x509.Name([x509.NameAttribute(NameOID.ORGANIZATION_NAME, "mlsign test only"), x509.NameAttribute(NameOID.COMMON_NAME, subject)])
    signer = private if issuer is None else issuer.key
    builder = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name if issuer is None else issuer.certificate.subject)
        .public_key(private.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(start)
        .not_valid_after(end)
    )
    if ca is not None:
        builder = builder.add_extension(x509.BasicConstraints(ca, path_length), critical=True)
    if usage is not None:
        flags = {flag: flag in usage for flag in USAGES}
        builder = builder.add_extension(x509.KeyUsage(**flags, encipher_only=False, decipher_only=False), critical=True)
    if extended is not None:
        builder = builder.add_extension(x509.ExtendedKeyUsage(extended), critical=False)
    if identifiers:
        builder = builder.add_extension(x509.SubjectKeyIdentifier.from_public_key(private.public_key()), critical=False)
        builder = builder.add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(signer.public_key()), critical=False)
    digest = hashes.SHA256() if isinstance(signer, rsa.RSAPrivateKey) else HASHES[signer.curve.key_size]
    return Party(private, builder.sign(signer, digest))


CA = {"ca": True, "usage": ["key_cert_sign", "crl_sign"]}
LEAF = {"ca": False, "usage": ["digital_signature"], "extended": [ExtendedKeyUsageOID.CODE_SIGNING]}


def without(options, *names):
    return {name: value for name, value in options.items() if name not in names}


def make_all(folder: pathlib.Path):
    """Makes every set and returns their names."""
    root = issue("root", **CA)
    middle = issue("intermediate", root, **CA)
    rsa_root = issue("rsa root", key="rsa3072", **CA)
    rsa_middle = issue("rsa intermediate", rsa_root, key="rsa2048", **CA)
    past = datetime.datetime(2024, 6, 1, tzinfo=datetime.timezone.utc)
    future = datetime.datetime(2123, 1, 1, tzinfo=datetime.timezone.utc)
    alone = {"ca": False, "usage": ["digital_signature"], "extended": [ExtendedKeyUsageOID.CODE_SIGNING]}
    self_signed = issue("self-signed", **alone)
    self_signed_ca = issue("self-signed authority", ca=True, usage=["digital_signature", "key_cert_sign"])
    bare = issue("self-signed without extensions", identifiers=False)
    short = issue("authority with path length 0", root, path_length=0, **CA)
    below_short = issue("authority below path length 0", short, **CA)
    no_ca = issue("not an authority", root, **LEAF)
    old_middle = issue("expired intermediate", root, end=past, **CA)
    other_root = issue("another root", **CA)

    sets = {
        # name: (leaf, chain in the bundle, trusted root)
        "p256": (issue("p256", middle, **LEAF), [middle], root),
        "p384": (issue("p384", middle, key="p384", **LEAF), [middle], root),
        "p521": (issue("p521", middle, key="p521", **LEAF), [middle], root),
        "direct": (issue("direct", root, **LEAF), [], root),
        "root-in-chain": (issue("root in chain", middle, **LEAF), [middle, root], root),
        "rsa-issuers": (issue("rsa issuers", rsa_middle, key="p384", **LEAF), [rsa_middle], rsa_root),
        "p521-issuer": (issue("p521 issuer", r := issue("p521 root", key="p521", **CA), **LEAF), [], r),
        "leaf-is-ca": (issue("leaf is ca", middle, ca=True, usage=["digital_signature", "key_cert_sign"]), [middle], root),
        "leaf-without-constraints": (issue("no constraints", middle, **without(LEAF, "ca")), [middle], root),
        "leaf-named-as-issuer": (issue("intermediate", middle, **LEAF), [middle], root),
        "self-signed": (self_signed, [], self_signed),
        "self-signed-ca": (self_signed_ca, [], self_signed_ca),
        "self-signed-bare": (bare, [], bare),
        "no-key-usage": (issue("no key usage", middle, **without(LEAF, "usage")), [middle], root),
        "no-usage-at-all": (issue("no usage at all", middle, **without(LEAF, "usage", "extended")), [middle], root),
        "no-identifiers": (issue("no identifiers", n := issue("root without identifiers", identifiers=False, **CA), identifiers=False, **LEAF), [], n),
        "unneeded-certificate": (issue("unneeded", middle, **LEAF), [middle, rsa_middle, other_root], root),
        "chain-in-other-order": (issue("other order", m2 := issue("second intermediate", middle, **CA), **LEAF), [middle, m2], root),
        "expired-leaf": (issue("expired", middle, end=past, **LEAF), [middle], root),
        "expired-intermediate": (issue("below expired", old_middle, **LEAF), [old_middle], root),
        "not-yet-valid": (issue("from 2123", middle, start=future, **LEAF), [middle], root),
        "other-root": (issue("other root", middle, **LEAF), [middle], other_root),
        "root-only-in-bundle": (issue("own root", other_root, **LEAF), [other_root], root),
        "path-length": (issue("too deep", below_short, **LEAF), [below_short, short], root),
        "issuer-not-ca": (issue("below no authority", no_ca, **LEAF), [no_ca], root),
        "missing-intermediate": (issue("gap", middle, **LEAF), [root], root),
        "wrong-usage": (issue("wrong usage", middle, ca=False, usage=["key_encipherment"]), [middle], root),
        "server-certificate": (issue("server", middle, ca=False, usage=["digital_signature"], extended=[ExtendedKeyUsageOID.SERVER_AUTH]), [middle], root),
        "signing-by-extended-usage": (issue("extended only", middle, ca=False, usage=["key_encipherment"], extended=[ExtendedKeyUsageOID.CODE_SIGNING]), [middle], root),
    }
    for name, (leaf, chain, trusted) in sets.items():
        place = folder / name
        place.mkdir(parents=True, exist_ok=True)
        (place / "key.pem").write_bytes(
            leaf.key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
        )
        (place / "leaf.pem").write_bytes(leaf.pem())
        (place / "chain.pem").write_bytes(b"".join(party.pem() for party in chain))
        (place / "root.pem").write_bytes(trusted.pem())
    for name, curve in EC.items():
        key = ec.generate_private_key(curve)
        (folder / f"{name}.pem").write_bytes(
            key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
        )
        (folder / f"{name}.pub").write_bytes(
            key.public_key().public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)
        )
    return sorted(sets)
