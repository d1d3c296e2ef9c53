import assert from 'node:assert/strict';
import fc from 'fast-check';
import { Decoder, type JsonValue } from '../../src/core/index.ts';
import { decodeDocument } from '../../src/policy/decode-document.ts';
import { assertValid } from '../helpers/schemas.ts';

const VALID = {
  version: 1,
  principals: {
    lead: { key: 'lead.pub', scheme: 'ed25519' },
    old: { key: 'old.pub', 'not-after': '2026-12-31' },
    kms: { kms: 'arn:aws-us-gov:kms:us-gov-west-1:123456789012:key/mrk-0a', scheme: 'ed25519', 'not-after': '2026-12-31T23:00:00Z' },
    actions: { identity: 'https://a/b@c', issuer: 'https://i', claims: { repository: 'a/b', ref: 'c', workflow: 'd' } },
    people: { 'identity-pattern': '[a-z]+@example[.]com', issuer: 'http://i:1/x' },
    ci: [{ ca: ['root.pem'], subject: 'CN=ci', 'alternative-name': 'email:a@b', scheme: 'rsa-pss-sha256' }, { key: ['a', 'b'] }],
  },
  roles: { release: ['lead', 'ci'] },
  revocations: { 'signed-by': 'lead', store: true },
  rules: [
    {
      model: '**',
      'signed-by': ['2 of [lead, ci]', 'release'],
      'released-by': '1 of [lead, ci]',
      channels: { production: { 'signed-by': 'release', stateless: false }, 'a.b-C_9': { stateless: true } },
      lineage: {
        model: { 'signed-by': ['lead', '1 of [ci]'], builders: ['https://ci/x'], required: false },
        'base-model': { 'signed-by': 'release', from: ['s3://a/**', '**'], required: true, minimum: 2 },
        code: { from: ['git+https://a/*'] },
      },
      'attested-endpoints': ['https://minio.example:9000', 'http://10.0.0.1'],
      revocations: { 'signed-by': '1 of [lead, ci]', file: 'a', name: 'acme' },
      vsa: { 'signed-by': 'lead', verifier: 'https://a/gate', 'max-age': '12h', policy: 'a'.repeat(64), resource: 's3://a/b@*' },
      require: { timestamps: 2, logs: 1 },
      formats: { allow: ['json', 'safetensors'], 'allow-code': ['pytorch'], imports: ['collections.OrderedDict', 'torch._utils.*'] },
      'ignore-paths': ['a/b', '.c'],
      'unsigned-paths': [],
      'allow-symlinks': true,
      'allow-legacy': false,
      'ignore-unsigned-files': true,
    },
    { model: 'x', 'signed-by': 'lead', 'ignore-paths': 'signed', formats: 'any' },
  ],
};

const WORDS = [
  'any',
  'pickle',
  'pickel',
  'os.system',
  'os.*',
  'os.path.*',
  'my.*',
  'my.module.name',
  '*',
  '',
  'lead',
  'signed',
  '1 of [lead]',
  '2 of [a,b]',
  '1 of [ a , b ]',
  '0 of [a]',
  '01 of [a]',
  '1 of []',
  '1 of [a,]',
  'all of [a]',
  '9a',
  'a b',
  'a.b',
];
const PATHS = [
  'a',
  'a/b',
  '/a',
  'a/',
  'a//b',
  './a',
  'a/.',
  '..',
  'a/../b',
  '...',
  '.a',
  'C:/a',
  'C:a',
  'a\\b',
  'a*',
  'a?',
  '[a',
  'a]',
  'a\nb',
  'a\u0085',
  'é',
];
const IDENTITIES = [
  '[',
  '(?<a>',
  'a)|(b',
  'https://a',
  'https://a b',
  'http://',
  'ftp://a',
  'https://a?b',
  '2026-02-30',
  '2026-02-28',
  '2026-02-28T25:00:00Z',
  '2026-02-28T23:59:60Z',
  '2026-02-28T23:59:59+01:00',
  '2026-2-3',
  'arn:aws:kms:eu-west-1:123456789012:alias/x',
  'arn:aws:kms:eu-west-1:123456789012:key/x',
];
const URIS = ['**', '**/a', 'a:**', 's3:**/**', 's3://a/**/b', 's3://a/**/**', 's3://a/b**', 'a:', 'a:b', 'a: b', 'a:\u0085', '***', 'a:é'];
const FIELDS = [
  'key',
  'ca',
  'kms',
  'identity',
  'identity-pattern',
  'issuer',
  'claims',
  'commit',
  'not-after',
  'require',
  'logs',
  'scheme',
  'subject',
  'alternative-name',
  'model',
  'signed-by',
  'released-by',
  'channels',
  'stateless',
  'lineage',
  'dataset',
  'required',
  'minimum',
  'builders',
  'from',
  'attested-endpoints',
  'revocations',
  'file',
  'store',
  'name',
  'version',
  'roles',
  'x',
  '__proto__',
];

const leaf = fc.oneof(
  fc.constantFrom(...WORDS, ...PATHS, ...IDENTITIES, ...URIS),
  fc.constantFrom(null, true, false, 0, 1, 1.5, 16, 17),
  fc.string({ maxLength: 3 }),
);
const value: fc.Arbitrary<JsonValue> = fc.oneof(
  leaf,
  fc.array(leaf, { maxLength: 3 }),
  fc.dictionary(fc.constantFrom(...FIELDS), leaf, { maxKeys: 3 }),
);

describe('policy schema', () => {
  it('accepts exactly the forms that the parser accepts', () => {
    const seen = { accepted: 0, refused: 0 };
    fc.assert(
      fc.property(fc.nat(), value, fc.constantFrom(...FIELDS), (at, replacement, field) => {
        const document = mutate(VALID, at, replacement, field);
        const decoder = new Decoder();
        decodeDocument(decoder, document);
        // What a schema cannot say: each name once within "2 of [a, a]", and the stricter grammar of Unicode expressions.
        const beyond = ['each entry once', 'a regular expression for the whole identity'];
        const problems = decoder.problems.filter(({ expected }) => !beyond.includes(expected));
        const accepted = problems.length === 0 && !(decoder.problems.length > 0 && !isValid(document));
        seen[accepted ? 'accepted' : 'refused']++;
        assert.equal(isValid(document), accepted, JSON.stringify(decoder.problems));
      }),
      { numRuns: 5000 },
    );
    assert.ok(seen.accepted > 100 && seen.refused > 100, JSON.stringify(seen));
  });
});

function isValid(document: JsonValue): boolean {
  try {
    assertValid('policy', document);
    return true;
  } catch {
    return false;
  }
}

/** Replaces, adds or removes one value somewhere. */
function mutate(document: JsonValue, at: number, replacement: JsonValue, field: string): JsonValue {
  const places: (() => JsonValue)[] = [];
  const visit = (node: JsonValue, rebuild: (node: JsonValue) => JsonValue) => {
    places.push(() => rebuild(replacement));
    if (Array.isArray(node)) {
      places.push(
        () => rebuild([...node, replacement]),
        () => rebuild(node.slice(1)),
      );
      for (const [index, item] of node.entries()) visit(item, (changed) => rebuild(node.with(index, changed)));
    } else if (typeof node === 'object' && node !== null) {
      places.push(() => rebuild({ ...node, [field]: replacement }));
      for (const [key, item] of Object.entries(node)) {
        places.push(() => rebuild(Object.fromEntries(Object.entries(node).filter(([name]) => name !== key))));
        visit(item, (changed) => rebuild({ ...node, [key]: changed }));
      }
    }
  };
  visit(document, (changed) => changed);
  return places[at % places.length]?.() ?? document;
}
