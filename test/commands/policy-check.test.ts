import assert from 'node:assert/strict';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { mlsign } from '../helpers/cli.ts';
import { keyFile } from '../helpers/keys.ts';
import { PolicyFolder } from '../helpers/policies.ts';
import { assertValid } from '../helpers/schemas.ts';

const NARROW = `version: 1
principals:
  lead: { key: keys/ec-p256.pub }
  security: { key: keys/ed25519.pub }
revocations: { signed-by: security, file: revocations.json }
rules:
  - model: models/*
    signed-by: "2 of [lead, security]"
    released-by: lead
    channels: { production: { signed-by: security, stateless: false } }
    require: { timestamps: 2, logs: 1, max-age: 90d }
    lineage:
      model: { builders: [https://ci/x] }
      base-model: { signed-by: security, from: ["s3://base/**"], minimum: 2 }
    attestations:
      - { type: approval, role: security, signed-by: security, max-age: 1d }
      - { type: evaluation, signed-by: lead, metrics: { accuracy: ">= 0.9" } }
    vsa: { signed-by: security, verifier: "https://gate.example", max-age: 7d }
    formats: { allow: [safetensors, pytorch], allow-code: [pytorch], imports: [collections.OrderedDict] }
    ignore-paths: [.cache]
    allow-symlinks: true
    attested-endpoints: [https://minio.example:9000]
`;

describe('mlsign policy check', function () {
  this.timeout(60_000);
  let folder: PolicyFolder;
  let file: string;
  beforeEach(() => {
    folder = new PolicyFolder();
    mkdirSync(folder.path('models/llama'), { recursive: true });
    file = folder.policy(NARROW);
  });
  afterEach(() => folder.remove());

  async function check(...args: readonly string[]) {
    const { code, stdout } = await mlsign(['policy', 'check', file, ...args, '--json']);
    const document = JSON.parse(stdout);
    if (code !== 2) assertValid('policy-check', document);
    return { code, document, codes: (document.warnings ?? []).map(({ code: name }: { code: string }) => name) };
  }

  it('says what each rule asks for, in sentences', async () => {
    const { code, document } = await check('--strict');
    assert.deepEqual([code, document.warnings], [0, []]);
    assert.deepEqual(document.rules[0].asks, [
      'the model is signed by both lead and security',
      'each signature that counts is proven to be at most 90 days old',
      'each signature that counts has timestamps of 2 different trusted authorities',
      'each signature that counts is in a trusted transparency log',
      'a release is signed by lead',
      'channel production is moved by security, and followed only by clients that remember what they saw of it',
      `the revocation list that security signs (${folder.path('revocations.json')}) is there, has not expired and revokes nothing of the model`,
      'the provenance of the model is signed by those who may sign the model and names no builder but https://ci/x',
      'each ancestor in the role base-model is signed by security and comes from s3://base/**; the model itself names at least 2 in the role base-model',
      'exactly this model is attested (approval for security) by security, at most 1 day ago',
      'exactly this model is attested (evaluation) by lead, with accuracy >= 0.9',
      'by its content every file is safetensors or pytorch; no file can run code when it is loaded, except pytorch; pickles in these import only collections.OrderedDict',
      'every file of the model is signed, except .cache',
      'symbolic links are followed where the signer followed them',
      'the checksums that https://minio.example:9000 gives are believed, without reading the files',
      'a verification summary in the name of https://gate.example, signed by security and made under this policy at most 7 days ago, ' +
        'stands in for signers, their evidence, lineage and attestations, of a release for formats too, and for nothing else',
    ]);
    const { stdout } = await mlsign(['policy', 'check', file]);
    assert.match(stdout, /^valid {2}.* 2 principals, 1 rule, 0 warnings\n/);
    assert.match(stdout, /\nrule models\/\* {2}\/.*\n {2}- the model is signed by both lead and security\n/);
  });

  it('warns of what is seldom meant, and with --strict that is exit code 1', async () => {
    const soon = new Date(Date.now() + 5 * 86_400_000).toISOString().slice(0, 10);
    folder.policy(`version: 1
principals:
  lead: { key: keys/ec-p256.pub, not-after: ${soon} }
  security: { key: keys/ed25519.pub, not-after: 2020-01-01 }
  idle: { key: keys/ec-p384.pub }
roles:
  release: [lead, security]
  nobody: [idle]
rules:
  - { model: "**", signed-by: release, ignore-unsigned-files: true, formats: any }
  - { model: typo/*, signed-by: lead, revocations: { signed-by: security, store: true } }
`);
    const { code, document, codes } = await check('--strict');
    assert.equal(code, 1);
    assert.deepEqual(codes, [
      'policy-pattern-unmatched',
      'policy-name-unused',
      'policy-name-unused',
      'policy-key-expiring',
      'policy-key-expired',
      'policy-pattern-wide',
      'policy-threshold-low',
      'policy-revocations-missing',
      'policy-unsigned-allowed',
      'policy-formats-any',
    ]);
    const subjects = document.warnings.map(({ subject }: { subject: string }) => subject);
    assert.deepEqual(subjects.slice(0, 5), ['rule typo/*', 'principal idle', 'role nobody', 'principal lead', 'principal security']);
    assert.match(document.warnings[4].message, /ended on 2020-01-01: only signatures that are proven to be older count/);
    const loose = await mlsign(['policy', 'check', file]);
    assert.equal(loose.code, 0);
    assert.match(loose.stderr, /^warning: rule typo\/\*: the pattern matches nothing on this disk/);
  });

  it('says what a rule leaves open', async () => {
    folder.policy(`version: 1
principals:
  lead: { key: keys/ec-p256.pub }
  security: { key: keys/ed25519.pub }
  third: { key: keys/ec-p384.pub }
roles:
  release: [lead, security, third]
rules:
  - model: models/*
    signed-by: [release, "2 of [lead, security, third]"]
    require: { timestamps: 1, logs: 2 }
    lineage:
      model: { required: false }
      dataset: { required: false, signed-by: release, builders: [https://ci/x, https://ci/y] }
      code: { from: ["git+https://a/**", "git+https://b/**"] }
      config: { minimum: 1 }
    allow-legacy: true
    formats: { allow-code: [pytorch] }
    vsa:
      signed-by: security
      verifier: "https://gate.example"
      max-age: 12h
      policy: ${'ab'.repeat(32)}
      resource: "s3://models/llm@*"
`);
    const { document } = await check();
    assert.deepEqual(document.rules[0].asks, [
      'the model is signed by any one of lead, security and third (release)',
      'the model is signed by at least 2 of lead, security and third',
      'each signature that counts has a timestamp of a trusted authority',
      'each signature that counts is in 2 different trusted transparency logs',
      'a release is signed by lead, security or third',
      'any channel may be followed, and whoever may sign releases may move it',
      'no revocation list is asked: what is revoked still passes',
      'the provenance of the model is signed by those who may sign the model; it may be missing',
      'each ancestor in the role dataset is signed by any one of lead, security and third (release) and has provenance that names no builder but https://ci/x and https://ci/y; those that are not found are let pass',
      'each ancestor in the role code comes from git+https://a/** or git+https://b/**',
      'the model itself names at least 1 in the role config',
      'no file can run code when it is loaded, except pytorch; pickles in these import only what it takes to rebuild tensors and arrays',
      'every file of the model is signed, except whatever the signer left out',
      'signatures in the old v0.2.0 form count too, where they carry a certificate',
      `a verification summary in the name of https://gate.example, signed by security and made under the policy with SHA-256 ${'ab'.repeat(32)} of what lay at s3://models/llm@* at most 12 hours ago, ` +
        'stands in for signers, their evidence, lineage and attestations, of a release for formats too, and for nothing else',
    ]);
  });

  it('warns of attestations where the signer may leave out what they were given for', async () => {
    const narrow = (ignored: string) => folder.policy(NARROW.replace('    ignore-paths: [.cache]\n', ignored));
    narrow('');
    const { code, document, codes } = await check('--strict');
    assert.deepEqual([code, codes], [1, ['policy-attestations-partial']]);
    const [{ subject, message, suggestion }] = document.warnings;
    assert.deepEqual(
      [subject, message, suggestion],
      [
        'rule models/*',
        'attestations are about the signed files alone: whoever may sign the model can leave out further paths later, and they still count',
        'ignore-paths: [], or exactly the paths that may be left out',
      ],
    );
    narrow('    ignore-paths: signed\n');
    assert.deepEqual((await check()).codes, ['policy-attestations-partial']);
    narrow('    ignore-paths: []\n');
    assert.deepEqual((await check('--strict')).codes, []);
  });

  it('tells which rule is for a model, and for which there is none', async () => {
    folder.policy(
      `${NARROW}  - { model: s3://acme-models/prod/**, signed-by: lead }\n  - { model: s3://acme-models/dev/**, signed-by: lead }\n`,
    );
    const { document, codes } = await check('--against', 's3://acme-models/prod/llama@production', '--against', folder.path('elsewhere'));
    assert.deepEqual(document.against, [
      { location: 's3://acme-models/prod/llama', rule: 's3://acme-models/prod/**' },
      { location: folder.path('elsewhere') },
    ]);
    assert.deepEqual(codes, ['policy-no-rule', 'policy-pattern-unmatched']);
    assert.equal(document.warnings[1].subject, 'rule s3://acme-models/dev/**');
  });

  it('warns of key files that the signature of the policy does not cover', async () => {
    const signed = await mlsign(['sign', file, '--key', folder.path('keys/ec-p521.key')]);
    assert.equal(signed.code, 0, signed.stderr);
    const { document, codes } = await check('--policy-key', folder.path('keys/ec-p521.pub'));
    assert.deepEqual([document.policy.signature, codes], ['verified', ['policy-key-outside', 'policy-key-outside']]);
    assert.match(document.warnings[0].message, /does not cover keys\/ec-p256\.pub/);
    const inline = keyFile('ec-p256.pub').toString().trim().replaceAll('\n', '\n      ');
    writeFileSync(file, readFileSync(file, 'utf8').replace('{ key: keys/ec-p256.pub }', `\n    key: |\n      ${inline}`));
    assert.deepEqual((await check()).codes, ['policy-key-outside']);
  });

  it('exits 2 for a policy that is broken', async () => {
    folder.policy(NARROW.replace('signed-by: "2 of', 'signed-bye: "2 of'));
    const { code, document } = await check();
    assert.deepEqual([code, document.code], [2, 'policy-invalid']);
  });
});
