import assert from 'node:assert/strict';
import { globSync, readFileSync } from 'node:fs';
import fc from 'fast-check';
import { compareCodePoints, MlsignError, sha256Hex } from '../../src/core/index.ts';
import { groupByFile, type Manifest, parseBundle, parseOmsStatement, rootDigest, statementPayload } from '../../src/formats/index.ts';
import { assertValid } from '../helpers/schemas.ts';
import { bytesOf, digestOf, filesManifest, type Loose, shardStatement, statement } from './oms-vectors.ts';

const FIXTURES = new URL('../../fixtures/interop/bundles/', import.meta.url);
const MODERN = { allowLegacy: false };

function refusal(payload: Uint8Array, allowLegacy = false): MlsignError {
  try {
    parseOmsStatement(payload, 'a.sig', { allowLegacy });
  } catch (error) {
    assert.ok(error instanceof MlsignError, `not a refusal: ${error}`);
    assert.equal(error.outcome, 'refused');
    assert.equal(error.subject, 'a.sig');
    return error;
  }
  assert.fail('was parsed');
}

function malformed(document: Loose, message: RegExp): void {
  const error = refusal(bytesOf(document));
  assert.equal(error.code, 'statement-malformed', error.message);
  assert.match(error.message, message);
}

/** A statement whose second resource has this name. */
function named(name: unknown): Loose {
  return statement(({ predicate }) => (predicate.resources[1].name = name));
}

describe('parseOmsStatement', () => {
  it('reads a statement about whole files', () => {
    const parsed = parseOmsStatement(bytesOf(statement()), 'a.sig', MODERN);
    assert.equal(parsed.form, 'v1.0');
    assert.equal(parsed.subjectName, 'model');
    assert.deepEqual(parsed.manifest.serialization, { method: 'files', hashType: 'sha256', allowSymlinks: false, ignorePaths: ['.git'] });
    assert.deepEqual(parsed.manifest.resources, [
      { name: 'config.json', digest: digestOf('config.json') },
      { name: 'sub/weights.bin', digest: digestOf('sub/weights.bin') },
    ]);
    assert.equal(parsed.rootDigest, rootDigest(parsed.manifest.resources));
  });

  it('reads a statement about shards, in any order, with colons in names', () => {
    const { manifest } = parseOmsStatement(bytesOf(shardStatement('a:1:2:10:15', 'b:0:3', 'a:1:2:0:10')), 'a.sig', MODERN);
    assert.equal(manifest.serialization.shardSize, 10);
    assert.deepEqual(
      [...groupByFile(manifest)],
      [
        ['a:1:2', { size: 15, digests: [digestOf('a:1:2:0:10'), digestOf('a:1:2:10:15')] }],
        ['b', { size: 3, digests: [digestOf('b:0:3')] }],
      ],
    );
  });

  it('reads what every release of the reference implementation signed', () => {
    const names = globSync('**/*.sig', { cwd: FIXTURES });
    assert.ok(names.length > 40);
    for (const name of names) {
      const { envelope } = parseBundle(readFileSync(new URL(name.replaceAll('\\', '/'), FIXTURES)), name);
      const { form, manifest } = parseOmsStatement(envelope.payload, name, { allowLegacy: true });
      assert.equal(form, name.startsWith('0.2.0') ? 'v0.2.0' : 'v1.0', name);
      // The reference implementation hashes with blake3 in whole files, whatever it is asked.
      assert.equal(manifest.serialization.method, /shards-(?!blake3)|-shards/.test(name) ? 'shards' : 'files', name);
      assert.equal(manifest.serialization.hashType, /blake2b|blake3/.exec(name)?.[0] ?? 'sha256', name);
      assert.equal(manifest.serialization.allowSymlinks, /(^|[\\/])links\.sig$|links-not-allowed/.test(name), name);
    }
  });

  it('reads the names that the reference implementation gives to the hash of shards, and no others', () => {
    const document = shardStatement('a:0:10', 'a:10:12');
    document.predicate.serialization.hash_type = 'sha256-sharded-10';
    for (const resource of document.predicate.resources) resource.algorithm = 'sha256-sharded-10';
    const { manifest } = parseOmsStatement(bytesOf(document), 'a.sig', MODERN);
    assert.equal(manifest.serialization.hashType, 'sha256');
    document.predicate.serialization.hash_type = 'sha256-sharded-11';
    malformed(document, /hash_type: expected "sha256" or "blake2b" or "blake3", got "sha256-sharded-11"/);
    const files = statement(({ predicate }) => (predicate.resources[0].algorithm = 'sha256-sharded-undefined'));
    malformed(files, /resources\[0\]\.algorithm: expected "sha256", the hash_type, got "sha256-sharded-undefined"/);
  });

  it('reads a shard size that is written as a float', () => {
    const text = JSON.stringify(shardStatement('a:0:5')).replace('"shard_size":10', '"shard_size":10.0');
    assert.equal(parseOmsStatement(Buffer.from(text), 'a.sig', MODERN).manifest.serialization.shardSize, 10);
  });

  it('ignores unknown fields of a resource, and further digests of the subject', () => {
    const document = statement((d) => {
      d.predicate.resources[0].media_type = 'text/plain';
      d.subject[0].digest.sha512 = 'ab';
    });
    assert.ok(parseOmsStatement(bytesOf(document), 'a.sig', MODERN));
  });

  it('refuses unknown fields anywhere else', () => {
    malformed(
      statement((d) => (d.extra = 1)),
      /extra: expected no such field/,
    );
    malformed(
      statement((d) => (d.predicate.extra = 1)),
      /predicate\.extra: expected no such field, got 1/,
    );
    malformed(
      statement((d) => (d.predicate.serialization.extra = 1)),
      /predicate\.serialization\.extra: expected no such field/,
    );
  });

  it('refuses another predicate type, and the old form unless it is asked for', () => {
    for (const type of [
      'https://model_signing/signature/v1.1',
      'https://slsa.dev/provenance/v1',
      'https://model_signing/DigestOfDigests/v0.1',
    ]) {
      const error = refusal(bytesOf(statement((d) => (d.predicateType = type))), true);
      assert.equal(error.code, 'predicate-type-unknown');
      assert.equal(error.message, 'the signed statement is not about the content of a model');
      assert.equal(error.got, type);
    }
    const error = refusal(readPayload('0.2.0/certificate-p256.sig'));
    assert.equal(error.code, 'legacy-not-allowed');
    assert.match(error.message, /v0\.2\.0 form/);
    assert.ok(error.suggestions.some((text) => text.includes('--allow-legacy')));
  });

  it('recomputes the root digest in the order in which resources are listed', () => {
    const swapped = statement((d) => d.predicate.resources.reverse());
    assert.deepEqual(
      parseOmsStatement(bytesOf(swapped), 'a.sig', MODERN).manifest.resources.map(({ name }) => name),
      ['sub/weights.bin', 'config.json'],
    );
    const error = refusal(bytesOf(statement((d) => d.predicate.resources.reverse(), true)));
    assert.equal(error.code, 'root-digest-wrong');
    assert.match(error.message, /do not add up to its root digest/);
    assert.equal(error.expected, statement(undefined, true).subject[0].digest.sha256);
    for (const digest of ['', 'x'.repeat(64), 'A'.repeat(64), 'a'.repeat(63)]) {
      malformed(
        statement((d) => (d.subject[0].digest.sha256 = digest || 1)),
        /subject\[0\]\.digest\.sha256: expected/,
      );
    }
    malformed(
      statement((d) => (d.subject[0].digest = { sha512: 'ab' })),
      /subject\[0\]\.digest\.sha256: expected 64 lower-case hex digits, got nothing/,
    );
  });

  it('refuses several subjects, and none', () => {
    malformed(
      statement((d) => d.subject.push({ name: 'b', digest: { sha256: '00' } })),
      /subject: expected exactly 1 entry, got 2/,
    );
    malformed(
      statement((d) => (d.subject = [])),
      /subject: expected at least 1 entries/,
    );
  });

  it('refuses no resources, and resources that are none', () => {
    malformed(
      statement((d) => (d.predicate.resources = [])),
      /predicate\.resources: expected at least 1 entries, got an array of 0/,
    );
    malformed(
      statement((d) => (d.predicate.resources = {})),
      /predicate\.resources: expected an array, got an object/,
    );
    malformed(
      statement((d) => (d.predicate.resources[0] = 'x')),
      /predicate\.resources\[0\]: expected an object, got "x"/,
    );
    malformed(
      statement((d) => (d.predicate.resources[0] = [])),
      /predicate\.resources\[0\]: expected an object, got an array of 0/,
    );
  });

  it('refuses a resource with another algorithm than the hash type', () => {
    for (const algorithm of ['blake3', 'SHA256', '', 1, undefined, 'sha256-sharded-10']) {
      malformed(
        statement(({ predicate }) => (predicate.resources[1].algorithm = algorithm)),
        /resources\[1\]\.algorithm: expected "sha256", the hash_type, got/,
      );
    }
  });

  it('refuses digests of the wrong length, in upper case, empty, or missing', () => {
    for (const digest of [
      '',
      'ab',
      'A'.repeat(64),
      'g'.repeat(64),
      'a'.repeat(63),
      'a'.repeat(65),
      'a'.repeat(128),
      `${'a'.repeat(64)}\n`,
      5,
      null,
      undefined,
    ]) {
      malformed(
        statement(({ predicate }) => (predicate.resources[0].digest = digest)),
        /resources\[0\]\.digest: expected 64 lower-case hex digits/,
      );
    }
    const blake2b = statement(({ predicate }) => {
      predicate.serialization.hash_type = 'blake2b';
      for (const resource of predicate.resources) resource.algorithm = 'blake2b';
    });
    malformed(blake2b, /resources\[0\]\.digest: expected 128 lower-case hex digits/);
    for (const resource of blake2b.predicate.resources) resource.digest = resource.digest.repeat(2);
    assert.equal(refusal(bytesOf(blake2b)).code, 'root-digest-wrong');
  });

  const names: readonly [name: unknown, reason: RegExp][] = [
    ['../x', /holds a "\.\." segment/],
    ['a/../../x', /holds a "\.\." segment/],
    ['..', /holds a "\.\." segment/],
    ['/etc/passwd', /is an absolute path/],
    ['C:/Windows/x', /is an absolute path/],
    ['', /is empty/],
    ['./a', /holds a "\." segment/],
    ['a/./b', /holds a "\." segment/],
    ['a//b', /holds "\/\/"/],
    ['a/', /ends in "\/"/],
    ['a\\b', /holds a backslash/],
    ['a\u0000b', /holds a control character/],
    ['a\nb', /holds a control character/],
    ['a\u001b[31m', /holds a control character/],
    ['a\u007f', /holds a control character/],
    ['a\u009b31m', /holds a control character/],
    [5, /expected a string, got 5/],
    [null, /expected a string, got null/],
    [undefined, /expected a string, got nothing/],
  ];
  for (const [name, reason] of names) {
    it(`refuses the name ${JSON.stringify(name)}`, () => malformed(named(name), new RegExp(`resources\\[1\\]\\.name: .*${reason.source}`)));
  }

  it('refuses names of shards whose file may not be named so', () => {
    malformed(shardStatement('../x:0:10'), /resources\[0\]\.name: .*holds a "\.\." segment/);
    malformed(shardStatement('/x:0:10'), /resources\[0\]\.name: .*is an absolute path/);
  });

  it('accepts unusual names that are honest', () => {
    for (const name of ['a b', '.hidden', '...', 'ünï/模型.bin', 'w:0:10', 'C:', 'quo\'te"', 'a/.git/x', '😀', '\u2028']) {
      assert.ok(parseOmsStatement(bytesOf(named(name)), 'a.sig', MODERN), name);
    }
  });

  it('refuses a name with an unpaired surrogate, and __proto__ as a key', () => {
    const text = JSON.stringify(named('lone')).replace('lone', '\\ud800');
    assert.equal(refusal(Buffer.from(text)).code, 'json-invalid');
    const proto = JSON.stringify(statement()).replace('"algorithm"', '"__proto__":{"digest":"x"},"algorithm"');
    assert.equal(refusal(Buffer.from(proto)).code, 'json-invalid');
  });

  it('refuses the same name twice', () => {
    malformed(named('config.json'), /resources\[1\]\.name: expected each name once, got "config\.json"/);
    malformed(shardStatement('a:0:10', 'a:0:10'), /resources\[1\]\.name: expected each name once, got "a:0:10"/);
  });

  it('accepts "." only for a model of one file', () => {
    const single = statement(({ predicate }) => (predicate.resources = [{ name: '.', algorithm: 'sha256', digest: digestOf('x') }]));
    assert.deepEqual(parseOmsStatement(bytesOf(single), 'a.sig', MODERN).manifest.resources, [{ name: '.', digest: digestOf('x') }]);
    assert.ok(parseOmsStatement(bytesOf(shardStatement('.:0:10', '.:10:11')), 'a.sig', MODERN));
    malformed(named('.'), /predicate\.resources: expected no "\." beside other files/);
    malformed(shardStatement('a:0:5', '.:0:10'), /predicate\.resources: expected no "\." beside other files/);
  });

  const tilings: readonly [what: string, shards: readonly string[], message: RegExp][] = [
    ['a hole', ['a:0:10', 'a:20:30'], /expected a shard that starts at 10 in shards of 10 bytes, got "a:20:30"/],
    ['a missing start', ['a:10:20'], /expected a shard that starts at 0 in shards of 10 bytes, got "a:10:20"/],
    ['an overlap', ['a:0:10', 'a:5:15'], /expected a shard that starts at 10 .*, got "a:5:15"/],
    ['an overlap with the same start', ['a:0:10', 'a:0:5'], /resources: expected/],
    ['a shard longer than the size', ['a:0:11'], /expected one that ends at 10 in shards of 10 bytes, got "a:0:11"/],
    ['a short shard that is not the last', ['a:0:5', 'a:5:10'], /expected one that ends at 10 .*, got "a:0:5"/],
    ['an empty shard', ['a:0:0'], /name: expected a shard named path:start:end, got "a:0:0"/],
    ['a shard that ends before it starts', ['a:10:0'], /name: expected a shard named path:start:end/],
    ['a negative offset', ['a:-10:0'], /name: expected a shard named path:start:end/],
    ['leading zeros', ['a:00:10'], /name: expected a shard named path:start:end/],
    ['leading zeros at the end', ['a:0:010'], /name: expected a shard named path:start:end/],
    ['an offset beyond 2⁵³−1', ['a:0:9007199254740992'], /name: expected a shard named path:start:end/],
    ['an exponent', ['a:0:1e1'], /name: expected a shard named path:start:end/],
    ['no range', ['a'], /name: expected a shard named path:start:end, got "a"/],
    ['no path', [':0:10'], /name: expected a shard named path:start:end/],
    ['digits of another script', ['a:0:١'], /name: expected a shard named path:start:end/],
  ];
  for (const [what, shards, message] of tilings) {
    it(`refuses shards with ${what}`, () => malformed(shardStatement(...shards), message));
  }

  it('refuses a wrong shard size, one without shards, and shards without one', () => {
    for (const size of [0, -1, 1.5, '10', null, 2 ** 53]) {
      malformed(
        statement(({ predicate }) => Object.assign(predicate.serialization, { method: 'shards', shard_size: size })),
        /serialization\.shard_size: expected an integer from 1 to 9007199254740991/,
      );
    }
    malformed(
      statement(({ predicate }) => (predicate.serialization.method = 'shards')),
      /serialization\.shard_size: expected an integer .*, got nothing/,
    );
    malformed(
      statement(({ predicate }) => (predicate.serialization.shard_size = 10)),
      /serialization\.shard_size: expected no such field, got 10/,
    );
  });

  it('refuses what it does not know in the serialization', () => {
    malformed(
      statement(({ predicate }) => delete predicate.serialization),
      /predicate\.serialization: expected an object, got nothing/,
    );
    malformed(
      statement(({ predicate }) => (predicate.serialization.method = 'tensors')),
      /method: expected "files" or "shards", got "tensors"/,
    );
    for (const type of ['md5', 'sha1', 'SHA256', 'blake2', '', 1]) {
      malformed(
        statement(({ predicate }) => (predicate.serialization.hash_type = type)),
        /hash_type: expected "sha256" or "blake2b" or "blake3"/,
      );
    }
    for (const value of ['false', 0, null]) {
      malformed(
        statement(({ predicate }) => (predicate.serialization.allow_symlinks = value)),
        /allow_symlinks: expected true or false/,
      );
    }
    malformed(
      statement(({ predicate }) => delete predicate.serialization.allow_symlinks),
      /allow_symlinks: expected true or false, got nothing/,
    );
  });

  it('refuses ignored paths that are patterns, absolute, or lead out of the model', () => {
    const paths: readonly [path: unknown, reason: RegExp][] = [
      ['*.tmp', /holds a glob character/],
      ['a?', /holds a glob character/],
      ['[a]', /holds a glob character/],
      ['/tmp', /is an absolute path/],
      ['../x', /holds a "\.\." segment/],
      ['..', /holds a "\.\." segment/],
      ['.', /holds a "\." segment/],
      ['a\\b', /holds a backslash/],
      ['a\nb', /holds a control character/],
      ['', /expected a non-empty string/],
      [1, /expected a non-empty string, got 1/],
    ];
    for (const [path, reason] of paths) {
      const document = statement(({ predicate }) => (predicate.serialization.ignore_paths = ['.git', path]));
      malformed(document, new RegExp(`ignore_paths\\[1\\]: .*${reason.source}`));
    }
    malformed(
      statement(({ predicate }) => (predicate.serialization.ignore_paths = '.git')),
      /ignore_paths: expected an array, got "\.git"/,
    );
  });

  it('takes no ignored paths where none are given', () => {
    const document = statement(({ predicate }) => delete predicate.serialization.ignore_paths);
    assert.deepEqual(parseOmsStatement(bytesOf(document), 'a.sig', MODERN).manifest.serialization.ignorePaths, []);
  });

  it('stops naming problems when a hostile statement has thousands', () => {
    const document = statement(
      ({ predicate }) => (predicate.resources = Array(50_000).fill({ name: '../x', algorithm: 'md5', digest: '' })),
    );
    const started = performance.now();
    malformed(document, /and \d{2} more$/);
    assert.ok(performance.now() - started < 20_000);
  });

  it('refuses a statement that is cut off at any byte', () => {
    const bytes = bytesOf(statement());
    for (let length = 0; length < bytes.length; length++) assert.equal(refusal(bytes.subarray(0, length)).code, 'json-invalid');
  });

  it('never passes a mutated statement off as the signed one, and never throws anything but a refusal', () => {
    const original = Buffer.from(bytesOf(shardStatement('a:0:10', 'a:10:12', 'b:0:1')));
    const real = parseOmsStatement(original, 'a.sig', MODERN);
    fc.assert(
      fc.property(fc.nat(original.length - 1), fc.nat(255), (at, value) => {
        const bytes = Buffer.from(original);
        bytes[at] = value;
        try {
          const parsed = parseOmsStatement(bytes, 'a.sig', { allowLegacy: true });
          // What still parses has the same bytes signed: only names, or what is for information, can be other.
          assert.equal(parsed.rootDigest, real.rootDigest);
        } catch (error) {
          assert.ok(error instanceof MlsignError && error.outcome === 'refused', `${error}`);
        }
      }),
      { numRuns: 2000 },
    );
  });

  it('never throws anything but a refusal, whatever the JSON', () => {
    const leaf = fc.oneof(fc.string(), fc.integer(), fc.constant(null), fc.constantFrom('files', 'shards', 'sha256', '.', 'a:0:1'));
    const value = fc.oneof(
      leaf,
      fc.array(leaf, { maxLength: 3 }),
      fc.dictionary(fc.constantFrom('name', 'digest', 'algorithm', 'method', 'sha256'), leaf),
    );
    const field = fc.constantFrom(
      '_type',
      'subject',
      'predicateType',
      'predicate',
      'resources',
      'serialization',
      'hash_type',
      'shard_size',
      'allow_symlinks',
      'ignore_paths',
      'name',
      'digest',
      'method',
    );
    fc.assert(
      fc.property(fc.array(fc.tuple(field, value), { minLength: 1, maxLength: 4 }), fc.boolean(), (changes, legacy) => {
        const document = statement((d) => {
          for (const [name, replacement] of changes) {
            for (const target of [d, d.subject?.[0], d.predicate, d.predicate?.serialization, d.predicate?.resources?.[0]]) {
              if (typeof target === 'object' && target !== null && name in target) target[name] = replacement;
            }
          }
          if (legacy) d.predicateType = 'https://model_signing/Digests/v0.1';
        }, true);
        try {
          parseOmsStatement(bytesOf(document), 'a.sig', { allowLegacy: true });
        } catch (error) {
          assert.ok(error instanceof MlsignError && error.outcome === 'refused', `${error}`);
        }
      }),
      { numRuns: 1000 },
    );
  });
});

function readPayload(name: string): Uint8Array {
  return parseBundle(readFileSync(new URL(name, FIXTURES)), name).envelope.payload;
}

describe('parseOmsStatement of version 0.2.0', () => {
  function legacy(change: (document: Loose) => void = () => {}): Loose {
    const document: Loose = {
      _type: 'https://in-toto.io/Statement/v1',
      subject: ['a', 'b/c'].map((name) => ({
        name,
        digest: { sha256: digestOf(name) },
        annotations: { actual_hash_algorithm: 'file-sha256' },
      })),
      predicateType: 'https://model_signing/Digests/v0.1',
      predicate: { unused: 'Unused, just passed due to API requirements' },
    };
    change(document);
    return document;
  }

  function refusedLegacy(change: (document: Loose) => void, message: RegExp): void {
    const error = refusal(bytesOf(legacy(change)), true);
    assert.equal(error.code, 'statement-malformed', error.message);
    assert.match(error.message, message);
  }

  it('reads the files from the subjects', () => {
    const parsed = parseOmsStatement(bytesOf(legacy()), 'a.sig', { allowLegacy: true });
    assert.equal(parsed.form, 'v0.2.0');
    assert.equal(parsed.subjectName, '');
    assert.deepEqual(parsed.manifest, {
      serialization: { method: 'files', hashType: 'sha256', allowSymlinks: false, ignorePaths: [] },
      resources: [
        { name: 'a', digest: digestOf('a') },
        { name: 'b/c', digest: digestOf('b/c') },
      ],
    });
    const single = legacy((d) => (d.subject = [{ ...d.subject[0], name: '.' }]));
    assert.ok(parseOmsStatement(bytesOf(single), 'a.sig', { allowLegacy: true }));
  });

  it('refuses other hashes under the name of sha256, bad names, digests and duplicates', () => {
    refusedLegacy(
      (d) => (d.subject[1].annotations.actual_hash_algorithm = 'file-blake2b'),
      /subject\[1\]\.annotations: expected .*file-sha256/,
    );
    refusedLegacy((d) => (d.subject[1].annotations = {}), /subject\[1\]\.annotations: expected/);
    refusedLegacy((d) => (d.subject[1].digest = { sha512: 'ab' }), /subject\[1\]\.digest: expected 64 lower-case hex digits, got ""/);
    refusedLegacy((d) => (d.subject[1].digest.sha256 = 'AB'), /subject\[1\]\.digest: expected 64 lower-case hex digits, got "AB"/);
    refusedLegacy((d) => (d.subject[1].name = '../x'), /subject\[1\]\.name: .*holds a "\.\." segment/);
    refusedLegacy((d) => (d.subject[1].name = 'a'), /subject\[1\]\.name: expected each name once/);
    refusedLegacy((d) => (d.subject[1].name = '.'), /subject: expected no "\." beside other files/);
    refusedLegacy((d) => (d.predicate.more = 1), /predicate\.more: expected no such field/);
    refusedLegacy((d) => (d.predicate = []), /predicate: expected an object, got an array of 0/);
  });
});

describe('statementPayload', () => {
  const segment = fc.string({
    unit: fc.constantFrom('a', 'b', '-', '.', ' ', ':', '0', 'ü', '"', '\uffff', '😀'),
    minLength: 1,
    maxLength: 4,
  });
  const name = fc
    .array(segment, { minLength: 1, maxLength: 3 })
    .map((segments) => segments.join('/'))
    .filter((text) => !text.split('/').some((part) => part === '.' || part === '..') && !/^[A-Za-z]:\//.test(text));
  const files: fc.Arbitrary<Manifest> = fc.uniqueArray(name, { minLength: 1, maxLength: 8 }).map((list) => filesManifest(...list));
  const shards: fc.Arbitrary<Manifest> = fc
    .uniqueArray(fc.tuple(name, fc.integer({ min: 1, max: 35 })), { minLength: 1, maxLength: 4, selector: ([path]) => path })
    .map((list) => ({
      serialization: { method: 'shards', hashType: 'sha256', shardSize: 10, allowSymlinks: true, ignorePaths: [] },
      resources: list.flatMap(([path, size]) =>
        Array.from({ length: Math.ceil(size / 10) }, (_, i) => {
          const shard = `${path}:${i * 10}:${Math.min(size, (i + 1) * 10)}`;
          return { name: shard, digest: digestOf(shard) };
        }),
      ),
    }));

  it('is read again as the same manifest, in code point order, and is valid by the published schema', () => {
    fc.assert(
      fc.property(fc.oneof(files, shards), (manifest) => {
        const payload = statementPayload('my model', manifest);
        assertValid('oms-statement', JSON.parse(Buffer.from(payload).toString()));
        const parsed = parseOmsStatement(payload, 'a.sig', MODERN);
        assert.equal(parsed.subjectName, 'my model');
        assert.deepEqual(parsed.manifest.serialization, manifest.serialization);
        const sorted = manifest.resources.toSorted((a, b) => Buffer.compare(Buffer.from(a.name), Buffer.from(b.name)));
        assert.deepEqual(parsed.manifest.resources, sorted);
      }),
      { numRuns: 200 },
    );
  });

  it('writes exactly these bytes', () => {
    const payload = Buffer.from(statementPayload('m', filesManifest('b', 'a'))).toString();
    const root = rootDigest(filesManifest('a', 'b').resources);
    assert.equal(
      payload,
      `{"_type":"https://in-toto.io/Statement/v1","subject":[{"name":"m","digest":{"sha256":"${root}"}}],` +
        '"predicateType":"https://model_signing/signature/v1.0","predicate":{"serialization":{"method":"files","hash_type":"sha256",' +
        '"allow_symlinks":false,"ignore_paths":[".git","model.sig"]},"resources":[' +
        `{"name":"a","algorithm":"sha256","digest":"${digestOf('a')}"},{"name":"b","algorithm":"sha256","digest":"${digestOf('b')}"}]}}`,
    );
  });

  it('orders as OMS does and not as JavaScript does', () => {
    const parsed = parseOmsStatement(statementPayload('m', filesManifest('\u{10000}', '\uffff', 'a/b', 'a-b')), 'a.sig', MODERN);
    const names = parsed.manifest.resources.map(({ name: listed }) => listed);
    assert.deepEqual(names, ['a-b', 'a/b', '\uffff', '\u{10000}']);
    assert.deepEqual(names, names.toSorted(compareCodePoints));
  });
});

describe('rootDigest', () => {
  it('is SHA-256 over the raw digests in order', () => {
    const resources = [
      { name: 'a', digest: '00'.repeat(32) },
      { name: 'b', digest: 'ff'.repeat(32) },
    ];
    // python3 -c "import hashlib; print(hashlib.sha256(b'\0'*32 + b'\xff'*32).hexdigest())"
    assert.equal(rootDigest(resources), 'bba91ca85dc914b2ec3efb9e16e7267bf9193b14350d20fba8a8b406730ae30a');
    assert.notEqual(rootDigest(resources), rootDigest(resources.toReversed()));
    const many = Array.from({ length: 2500 }, (_, i) => ({ name: `${i}`, digest: digestOf(`${i}`) }));
    const whole = Buffer.concat(many.map(({ digest }) => Buffer.from(digest, 'hex')));
    assert.equal(rootDigest(many), sha256Hex(whole));
  });
});
