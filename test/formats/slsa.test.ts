import assert from 'node:assert/strict';
import fc from 'fast-check';
import { MlsignError } from '../../src/core/index.ts';
import {
  isBinding,
  MATERIAL_ROLES,
  type Material,
  materialOf,
  type Provenance,
  parseProvenance,
  predicatePayload,
  provenancePayload,
  RELATIONS,
} from '../../src/formats/index.ts';
import { mlsignError } from '../helpers/keys.ts';
import { assertValid } from '../helpers/schemas.ts';
import { bytesOf, digestOf, type Loose } from './oms-vectors.ts';

const MODEL = digestOf('model');
const BASE = digestOf('base');
const COMMIT = digestOf('commit').slice(0, 40);

function material(digests: Readonly<Record<string, string>>, rest: Omit<Material, 'digest' | 'digests'>): Material {
  const made = materialOf(digests, rest);
  assert.ok(made);
  return made;
}

const PROVENANCE: Provenance = {
  subject: { name: 'model', modelId: MODEL, dirHash: digestOf('directory') },
  buildType: 'https://mlsign/build/v1',
  relation: 'finetune',
  materials: [
    material({ mlsignModel: BASE }, { role: 'base-model', name: 'llama@7', uri: 's3://models/llama@7', relation: 'finetune' }),
    material({ mlsignModel: digestOf('data'), sha256: digestOf('plain') }, { role: 'dataset', name: 'data.jsonl' }),
    material({ gitCommit: COMMIT }, { role: 'code', uri: 'git+https://example.com/a/b' }),
    material({ md5: '0'.repeat(32) }, { role: 'dataset', name: 'raw' }),
  ],
  parameters: { lr: '0.1' },
  metrics: { accuracy: 0.93 },
  builder: 'https://example.com/builder',
  invocation: 'run 7',
  started: new Date('2026-03-01T12:00:00.000Z'),
  finished: new Date('2026-03-01T13:00:00.500Z'),
};
const PAYLOAD = provenancePayload(PROVENANCE);

/** The vector, bent. */
function changed(change: (document: Loose) => void): Uint8Array {
  const document = JSON.parse(Buffer.from(PAYLOAD).toString());
  change(document);
  return bytesOf(document);
}

const build = (document: Loose) => document.predicate.buildDefinition;
const dependency = (document: Loose) => build(document).resolvedDependencies[0];

/** What is refused, and why. The flag says where the schema cannot know. */
const WRONG: readonly (readonly [string, (document: Loose) => void, RegExp, 'beyond the schema'?])[] = [
  ['two subjects', (d) => d.subject.push(d.subject[0]), /subject: expected exactly 1 entry/],
  ['no model id', (d) => (d.subject[0].digest = { sha256: BASE }), /subject\[0\]\.digest\.mlsignModel: expected 64 lower-case hex digits/],
  ['a model id in capitals', (d) => (d.subject[0].digest.mlsignModel = MODEL.toUpperCase()), /mlsignModel/],
  ['a wrong digest of the directory', (d) => (d.subject[0].digest.dirHash = 'h1:x'), /dirHash/],
  ['a name of control characters', (d) => (d.subject[0].name = 'a\u001b[2J'), /subject\[0\]\.name/],
  ['no predicate', (d) => (d.predicate = null), /predicate: expected an object/],
  ['no build', (d) => delete d.predicate.buildDefinition, /predicate\.buildDefinition: expected an object/],
  ['a build type that is no URI', (d) => (build(d).buildType = 'training'), /buildType: expected a URI/],
  ['another relation', (d) => (build(d).externalParameters.relation = 'copied'), /"finetune" or "adapter"/],
  ['an unknown external parameter', (d) => (build(d).externalParameters.more = 1), /externalParameters\.more: expected no such field/],
  ['a parameter that is no text', (d) => (build(d).externalParameters.parameters.lr = 0.1), /parameters\.lr: expected a string/],
  ['a metric that is no number', (d) => (build(d).externalParameters.metrics.accuracy = '0.9'), /metrics\.accuracy: expected a number/],
  ['no parameters', (d) => delete build(d).externalParameters.parameters, /externalParameters\.parameters: expected an object/],
  ['materials that are no list', (d) => (build(d).resolvedDependencies = {}), /resolvedDependencies: expected an array/],
  ['a material that is none', (d) => (build(d).resolvedDependencies[0] = 'llama'), /resolvedDependencies\[0\]: expected an object/],
  ['a material without a digest', (d) => delete dependency(d).digest, /\[0\]\.digest: expected at least one digest that mlsign knows/],
  ['a material with no digest in it', (d) => (dependency(d).digest = {}), /at least one digest/],
  ['only a digest that nobody knows', (d) => (dependency(d).digest = { crc: '7' }), /that mlsign knows/, 'beyond the schema'],
  ['a wrong model id of a base', (d) => (dependency(d).digest.mlsignModel = 'abc'), /digest\.mlsignModel/, 'beyond the schema'],
  ['a digest too short', (d) => (dependency(d).digest = { sha256: 'aa' }), /digest\.sha256/, 'beyond the schema'],
  ['a digest that is no text', (d) => (dependency(d).digest.sha256 = 7), /digest\.sha256/],
  ['no role', (d) => delete dependency(d).annotations, /annotations\.role: expected base-model or adapter/],
  ['an unknown role', (d) => (dependency(d).annotations.role = 'parent'), /annotations\.role/],
  ['an unknown relation of a material', (d) => (dependency(d).annotations.relation = 'x'), /annotations\.relation/],
  ['annotations that are no object', (d) => (dependency(d).annotations = []), /annotations: expected an object/],
  ['a place that is no URI', (d) => (dependency(d).uri = 'models/llama'), /\[0\]\.uri: expected a URI/],
  ['a place with a space', (d) => (dependency(d).uri = 's3://models/a b'), /\[0\]\.uri/],
  ['a name that is too long', (d) => (dependency(d).name = 'a'.repeat(1025)), /\[0\]\.name/],
  ['no builder', (d) => delete d.predicate.runDetails.builder, /runDetails\.builder: expected an object/],
  ['a builder that is no URI', (d) => (d.predicate.runDetails.builder.id = 'me'), /builder\.id: expected a URI/],
  ['an invocation of two lines', (d) => (d.predicate.runDetails.metadata.invocationId = 'a\nb'), /invocationId/],
  ['a time that is none', (d) => (d.predicate.runDetails.metadata.startedOn = 'today'), /startedOn: expected a moment/],
  ['a time that does not exist', (d) => (d.predicate.runDetails.metadata.startedOn = '2026-13-01T00:00:00Z'), /startedOn/],
];

function isValid(payload: Uint8Array): boolean {
  try {
    assertValid('provenance', JSON.parse(Buffer.from(payload).toString()));
    return true;
  } catch {
    return false;
  }
}

describe('provenance', () => {
  it('comes back as it was written, and is what SLSA and the schema say', () => {
    assert.deepEqual(parseProvenance(PAYLOAD, 'a.att'), PROVENANCE);
    assertValid('provenance', JSON.parse(Buffer.from(PAYLOAD).toString()));
    const { predicateType, predicate } = JSON.parse(Buffer.from(PAYLOAD).toString());
    assert.equal(predicateType, 'https://slsa.dev/provenance/v1');
    assert.deepEqual(predicate.buildDefinition.resolvedDependencies[0], {
      name: 'llama@7',
      uri: 's3://models/llama@7',
      digest: { mlsignModel: BASE },
      annotations: { role: 'base-model', relation: 'finetune' },
    });
  });

  it('names the model by its id, and never by the root digest, which does not bind names', () => {
    const { subject } = JSON.parse(Buffer.from(PAYLOAD).toString());
    assert.deepEqual(Object.keys(subject[0].digest), ['mlsignModel', 'dirHash']);
  });

  for (const [what, change, message, reach] of WRONG) {
    it(`is refused with ${what}`, () => {
      const payload = changed(change);
      assert.throws(() => parseProvenance(payload, 'a.att'), mlsignError('provenance-malformed', message, { subject: 'a.att' }));
      assert.equal(isValid(payload), reach !== undefined, 'the schema');
    });
  }

  it('is refused as another statement', () => {
    const payload = changed((d) => (d.predicateType = 'https://mlsign/release/v1'));
    assert.throws(
      () => parseProvenance(payload, 'a.att'),
      mlsignError('predicate-type-unknown', 'the signed statement is not provenance', {
        expected: 'https://slsa.dev/provenance/v1',
        got: 'https://mlsign/release/v1',
      }),
    );
  });

  it('is refused where it is cut off anywhere', () => {
    for (let length = 0; length < PAYLOAD.length; length++) {
      assert.throws(() => parseProvenance(PAYLOAD.subarray(0, length), 'a.att'), MlsignError, String(length));
    }
  });

  it('reads what other tools write of a model: their parameters stay unread, their further fields are left alone', () => {
    const parsed = parseProvenance(
      changed((d) => {
        build(d).buildType = 'https://actions.github.io/buildtypes/workflow/v1';
        build(d).externalParameters = { workflow: { ref: 'main' } };
        build(d).internalParameters = { github: {} };
        build(d).resolvedDependencies = [
          { uri: 'git+https://example.com/a@refs/heads/main', digest: { gitCommit: COMMIT, odd: 'x' }, mediaType: 'text/plain' },
          { digest: { sha256: BASE }, annotations: { role: 'toolchain', relation: 'uses' } },
        ];
        d.predicate.runDetails.byproducts = [];
        d.predicate.runDetails.builder.version = { runner: '2' };
      }),
      'a.att',
    );
    assert.deepEqual(
      [parsed.parameters, parsed.metrics, parsed.relation, parsed.buildType],
      [{}, {}, undefined, 'https://actions.github.io/buildtypes/workflow/v1'],
    );
    assert.deepEqual(
      parsed.materials.map(({ role, digest }) => [role, digest]),
      [
        ['other', { kind: 'gitCommit', value: COMMIT }],
        ['other', { kind: 'sha256', value: BASE }],
      ],
    );
  });

  it('binds a material by its model id first, and by the strongest digest otherwise; never by MD5, SHA-1 or what MLflow says', () => {
    const [, data, , raw] = PROVENANCE.materials;
    assert.deepEqual(data?.digest, { kind: 'model', id: digestOf('data') });
    assert.deepEqual(material({ md5: '0'.repeat(32), sha256: BASE }, { role: 'dataset' }).digest, { kind: 'sha256', value: BASE });
    assert.ok(raw !== undefined && !isBinding(raw.digest));
    assert.ok(!isBinding({ kind: 'sha1', value: COMMIT }));
    assert.ok(!isBinding({ kind: 'mlflowDigest', value: 'ab12cd34' }));
    assert.ok(isBinding({ kind: 'gitCommit', value: COMMIT }));
    assert.equal(materialOf({ odd: 'x' }, { role: 'dataset' }), undefined);
  });

  it('takes a hundred thousand materials, and not one more', () => {
    const entry = { digest: { sha256: BASE }, annotations: { role: 'dataset' } };
    const of = (count: number) => changed((d) => (build(d).resolvedDependencies = Array.from({ length: count }, () => entry)));
    assert.equal(parseProvenance(of(100_000), 'a.att').materials.length, 100_000);
    assert.throws(() => parseProvenance(of(100_001), 'a.att'), mlsignError('provenance-malformed', /0 to 100000 entries/));
  });

  it('stops at a hundred wrong materials, and takes no time over many digests or parameters', () => {
    const wrong = changed((d) => (build(d).resolvedDependencies = Array.from({ length: 90_000 }, () => ({ digest: 0 }))));
    assert.throws(() => parseProvenance(wrong, 'a.att'), mlsignError('provenance-malformed', /and \d{2} more$/));
    const digests = Object.fromEntries(Array.from({ length: 5000 }, (_, i) => [`d${i}`, 'x']));
    assert.throws(
      () =>
        parseProvenance(
          changed((d) => (dependency(d).digest = digests)),
          'a.att',
        ),
      mlsignError('provenance-malformed', /at most 64/),
    );
    const parameters = Object.fromEntries(Array.from({ length: 10_001 }, (_, i) => [`p${i}`, 'x']));
    const many = changed((d) => (build(d).externalParameters.parameters = parameters));
    assert.throws(() => parseProvenance(many, 'a.att'), mlsignError('provenance-malformed', /at most 10000 entries/));
  });

  it('comes back whatever is in it', () => {
    const name = fc
      .string({ unit: 'grapheme', minLength: 1, maxLength: 20 })
      .filter((text) => /^\P{Cc}{1,100}$/u.test(text) && text !== '__proto__');
    const hex = (digits: number) => fc.string({ unit: fc.constantFrom(...'0123456789abcdef'), minLength: digits, maxLength: digits });
    const anyMaterial = fc
      .record(
        { role: fc.constantFrom(...MATERIAL_ROLES), name, uri: fc.webUrl(), relation: fc.constantFrom(...RELATIONS) },
        { noNullPrototype: true, requiredKeys: ['role'] },
      )
      .chain((rest) =>
        fc
          .record({ sha256: hex(64), mlsignModel: hex(64) }, { noNullPrototype: true, requiredKeys: ['sha256'] })
          .map((digests) => material(digests, rest)),
      );
    const anyProvenance = fc.record(
      {
        subject: fc.record({ name, modelId: hex(64), dirHash: hex(64) }, { noNullPrototype: true, requiredKeys: ['name', 'modelId'] }),
        buildType: fc.constant('https://mlsign/build/v1'),
        relation: fc.constantFrom(...RELATIONS),
        materials: fc.array(anyMaterial, { maxLength: 5 }),
        parameters: fc.dictionary(name, fc.string({ unit: 'grapheme' }), { noNullPrototype: true }),
        metrics: fc.dictionary(
          name,
          fc.double({ noNaN: true, noDefaultInfinity: true }).map((value) => value + 0),
          { noNullPrototype: true },
        ),
        builder: fc.webUrl(),
        invocation: name,
        started: fc.date({ min: new Date(0), max: new Date(4e12), noInvalidDate: true }),
      },
      { noNullPrototype: true, requiredKeys: ['subject', 'buildType', 'materials', 'parameters', 'metrics', 'builder'] },
    );
    fc.assert(
      fc.property(anyProvenance, (provenance) => {
        const payload = provenancePayload(provenance);
        assert.deepEqual(parseProvenance(payload, 'a.att'), provenance);
        assertValid('provenance', JSON.parse(Buffer.from(payload).toString()));
      }),
      { numRuns: 200 },
    );
  });
});

describe('predicatePayload', () => {
  it('takes a predicate as it stands, so that no number in it is rounded', () => {
    const predicate = Buffer.from('{"n": 12345678901234567890, "x": 1.10}');
    const text = Buffer.from(predicatePayload({ name: 'model', modelId: MODEL }, 'https://example.com/scan/v1', predicate)).toString();
    assert.ok(text.endsWith('"predicate":{"n": 12345678901234567890, "x": 1.10}}'));
    assert.deepEqual(JSON.parse(text).subject, [{ name: 'model', digest: { mlsignModel: MODEL } }]);
  });
});
