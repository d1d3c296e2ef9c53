import { type MlsignError, usage } from '../core/index.ts';
import { isDigestValue, isUri, type Material, type MaterialRole, materialOf } from '../formats/index.ts';

const COMMIT = /^(.+)@([0-9a-f]{40}|[0-9a-f]{64})$/;
/** `registry:5000/path/name:tag`, as OCI names images. */
const IMAGE = /^((?:[a-z0-9.-]+(?::\d{1,5})?\/)?[a-z0-9._/-]{1,255}(?::[\w][\w.-]{0,127})?)@sha256:([0-9a-f]{64})$/i;
const DIGESTED = /^(.+)=([A-Za-z0-9_]+):([0-9A-Za-z]+)$/;
/** Names of query parameters that carry a right and not a place: presigned URLs have several. */
const SECRET_PARAMETER = /token|secret|passw|signature|credential|api[-_]?key|access[-_]?key|^(sig|key|auth)$/i;

/**
 * Code at one commit: `git+https://host/path@<commit>`.
 *
 * @throws MlsignError `code-malformed`, `secret-in-url`
 */
export function parseCode(text: string): Material {
  const [, uri = '', commit = ''] = COMMIT.exec(text) ?? [];
  refuseSecrets(uri === '' ? text : uri);
  if (!/^git\+(https?|ssh|git|file):\/\/[^\s]+$/.test(uri)) {
    throw usage('code-malformed', 'code is named by its repository and a whole commit, as a branch or a tag can move', {
      got: text,
      expected: 'git+https://host/path@ with the 40 or 64 hex digits of a commit',
      suggestions: ['git rev-parse HEAD prints it'],
    });
  }
  return bound({ gitCommit: commit }, { role: 'code', uri });
}

/**
 * A container by the digest of its manifest: `registry/name@sha256:<digest>`.
 *
 * @throws MlsignError `container-malformed`
 */
export function parseContainer(text: string): Material {
  const [, image, digest] = IMAGE.exec(text) ?? [];
  if (image === undefined || digest === undefined) {
    throw usage('container-malformed', 'a container is named with its digest, as a tag can move', {
      got: withoutSecrets(text),
      expected: 'IMAGE@sha256: with 64 hex digits',
    });
  }
  return bound({ sha256: digest.toLowerCase() }, { role: 'container', uri: `oci://${image}` });
}

/**
 * Something elsewhere, bound by a digest: `<uri>=sha256:<digest>`, or another algorithm. Undefined where the text is no such thing.
 *
 * @throws MlsignError `digest-malformed`, `secret-in-url`
 */
export function parseDigested(text: string, role: MaterialRole): Material | undefined {
  const [, uri, algorithm, value] = DIGESTED.exec(text) ?? [];
  if (uri === undefined || algorithm === undefined || value === undefined || !isUri(uri)) return undefined;
  refuseSecrets(uri);
  const material = isDigestValue(algorithm, value) ? materialOf({ [algorithm]: value }, { role, uri }) : undefined;
  if (material !== undefined) return material;
  throw usage('digest-malformed', 'this is no digest that mlsign knows', {
    subject: uri,
    expected: 'sha256: with 64 lower-case hex digits; also sha512, blake3, mlsignModel, gitCommit and others of in-toto',
    got: `${algorithm}:${value}`,
  });
}

/**
 * Refuses a URL that carries a password or token: what is signed is for everybody to read, for ever.
 *
 * @throws MlsignError `secret-in-url`, which does not repeat it
 */
export function refuseSecrets(text: string): void {
  const clean = withoutSecrets(text);
  if (clean === text) return;
  throw secretInUrl(clean);
}

/** A URL without user, password, and query parameters that carry a right. A user without a password stays where SSH asks for one. */
export function withoutSecrets(text: string): string {
  const [, scheme = '', rest] = /^([A-Za-z][A-Za-z0-9+.-]*:\/\/)(.*)$/s.exec(text) ?? [];
  if (rest === undefined) return text;
  const end = rest.search(/[/?#]/);
  const authority = end === -1 ? rest : rest.slice(0, end);
  const path = end === -1 ? '' : rest.slice(end);
  const at = authority.lastIndexOf('@');
  const user = authority.slice(0, Math.max(at, 0));
  // An S3 location has its reference after "@", and no user.
  const isPlain = at === -1 || scheme === 's3://' || (/ssh:\/\/$/.test(scheme) && !user.includes(':'));
  return `${scheme}${isPlain ? authority : authority.slice(at + 1)}${withoutSecretQuery(path)}`;
}

const SECRET_NAME =
  /passw|passphrase|secret|api[-_]?key|private[-_]?key|access[-_]?key|(access|auth|bearer|hf|github|gitlab)[-_]?token|^token$|credential/i;
/** Of GitHub, GitLab, Hugging Face, AWS, OpenAI and others; private keys. */
const SECRET_VALUE =
  /\b(gh[pousr]_[A-Za-z0-9]{20,}|github_pat_\w{20,}|glpat-[\w-]{16,}|hf_[A-Za-z0-9]{20,}|(AKIA|ASIA)[A-Z0-9]{16}|sk-[\w-]{20,})|-----BEGIN [A-Z ]*PRIVATE KEY/;

/** Whether a parameter is most likely a password or a token, by its name or what it looks like. */
export function looksSecret(name: string, value: string): boolean {
  return (SECRET_NAME.test(name) && value !== '') || SECRET_VALUE.test(value) || withoutSecrets(value) !== value;
}

function withoutSecretQuery(path: string): string {
  const [, before = path, query, fragment = ''] = /^([^?#]*)\?([^#]*)(#.*)?$/s.exec(path) ?? [];
  if (query === undefined) return path;
  const kept = query.split('&').filter((part) => !SECRET_PARAMETER.test(part.split('=')[0] ?? ''));
  return `${before}${kept.length === 0 ? '' : `?${kept.join('&')}`}${fragment}`;
}

function secretInUrl(clean: string): MlsignError {
  return usage('secret-in-url', 'the address holds a user, a password or a token, and what is signed is for everybody to read', {
    subject: clean,
    suggestions: ['give the address without it', 'have the token replaced, as it has been on a command line'],
  });
}

function bound(digests: Readonly<Record<string, string>>, rest: { readonly role: MaterialRole; readonly uri: string }): Material {
  const material = materialOf(digests, rest);
  if (material === undefined) throw new TypeError('a digest that mlsign knows binds a material');
  return material;
}
