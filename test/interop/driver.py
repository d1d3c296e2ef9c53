"""Drives one release of the reference implementation: one JSON request a line in, one JSON answer a line out.

It starts once and answers many requests, because importing the reference takes a second or two. Only public
Python interfaces are used, but for `as_specified` below, which says why.
"""

import contextlib
import importlib.metadata
import json
import os
import pathlib
import sys
from unittest import mock

# The reference prints warnings: answers go to the real standard output, everything else to standard error.
answers = os.fdopen(os.dup(1), "w", encoding="utf-8")
os.dup2(2, 1)
sys.path.insert(0, str(pathlib.Path(__file__).parent))

VERSION = importlib.metadata.version("model-signing")
ALGORITHMS = {"sha256": "sha256", "blake2b": "blake2", "blake3": "blake3"}


def hashing_config(method="files", algorithm="sha256", shard_size=None, allow_symlinks=False, ignore_paths=(), ignore_git_paths=True):
    from model_signing import hashing

    config = hashing.Config()
    options = {"hashing_algorithm": ALGORITHMS[algorithm], "allow_symlinks": allow_symlinks}
    if method == "shards":
        config.use_shard_serialization(shard_size=shard_size, **options)
    else:
        config.use_file_serialization(**options)
    if hasattr(config, "set_allow_symlinks"):  # since 1.1: the argument above is overruled by this
        config.set_allow_symlinks(allow_symlinks)
    return config.set_ignored_paths(paths=ignore_paths, ignore_git_paths=ignore_git_paths)


@contextlib.contextmanager
def as_specified(apply):
    """Names the digests of shards after `hash_type`, as OMS §6.3.2 says, where the reference says `sha256-sharded-1000`."""
    if not apply:
        yield
        return
    from model_signing._hashing import io

    name = property(lambda hasher: hasher._content_hasher.digest_name)
    with mock.patch.object(io.ShardedFileHasher, "digest_name", name):
        yield


def sign(model, signature, key, certificate=None, chain=(), specified=False, **hashing):
    if VERSION == "0.2.0":
        return sign_0_2_0(model, signature, key, certificate, chain)
    from model_signing import signing

    # Releases before 1.1 ask the network for Sigstore's trust root even when they sign with a key.
    with mock.patch.object(signing.Config, "use_sigstore_signer"):
        config = signing.Config()
    if certificate is None:
        config.use_elliptic_key_signer(private_key=key)
    else:
        config.use_certificate_signer(private_key=key, signing_certificate=certificate, certificate_chain=chain)
    with as_specified(specified):
        config.set_hashing_config(hashing_config(**hashing)).sign(pathlib.Path(model), pathlib.Path(signature))


def sign_0_2_0(model, signature, key, certificate, chain):
    from model_signing import api
    from model_signing.signature import key as ec_key, pki
    from model_signing.signing import in_toto, in_toto_signature

    signer = ec_key.ECKeySigner.from_path(key) if certificate is None else pki.PKISigner.from_path(key, certificate, chain)
    payload = in_toto.DigestsIntotoPayload.from_manifest(api.hash(model))
    in_toto_signature.IntotoSigner(signer).sign(payload).write(pathlib.Path(signature))


def verify(model, signature, key=None, roots=None, ignore_unsigned=False, guess=False, specified=False, **hashing):
    from model_signing import verifying

    config = verifying.Config()
    if key is None:
        config.use_certificate_verifier(certificate_chain=roots)
    else:
        config.use_elliptic_key_verifier(public_key=key)
    if not guess:
        config.set_hashing_config(hashing_config(**hashing))
    with as_specified(specified):
        config.set_ignore_unsigned_files(ignore_unsigned).verify(pathlib.Path(model), pathlib.Path(signature))


def certificates(folder):
    import certificates as recipes

    return recipes.make_all(pathlib.Path(folder))


def versions():
    names = ["model-signing", "pyOpenSSL", "cryptography", "sigstore"]
    return {"python": sys.version.split()[0], **{name: importlib.metadata.version(name) for name in names}}


OPERATIONS = {"sign": sign, "verify": verify, "certificates": certificates, "versions": versions}

for line in sys.stdin:
    request = json.loads(line)
    try:
        answer = {"ok": True, "result": OPERATIONS[request.pop("op")](**request)}
    except Exception as error:  # every refusal of the reference is an exception of some kind
        answer = {"ok": False, "error": f"{type(error).__name__}: {error}"}
    print(json.dumps(answer), file=answers, flush=True)
