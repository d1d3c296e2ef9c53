import assert from 'node:assert/strict';
import { createHash, randomBytes } from 'node:crypto';
import fc from 'fast-check';
import { DIGEST_BYTES, HASH_TYPES, type HashType } from '../../src/core/index.ts';
import { ENGINE_ALGORITHMS, type EngineName } from '../../src/digest/engine.ts';
import { chooseEngine, createHasher, type Hasher } from '../../src/digest/index.ts';

const MEBIBYTE = 1024 * 1024;

/** Bytes 0, 1, … 250, 0, 1, … as BLAKE3's test vectors take them. */
function counting(length: number): Uint8Array {
  return Uint8Array.from({ length }, (_, i) => i % 251);
}

/** FIPS 180-4 and NIST's examples, RFC 7693 and the BLAKE2 test vectors, BLAKE3's test_vectors.json. */
const VECTORS: Readonly<Record<HashType, readonly (readonly [input: Uint8Array, digest: string])[]>> = {
  sha256: [
    [Buffer.from(''), 'e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855'],
    [Buffer.from('abc'), 'ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad'],
    [
      Buffer.from('abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq'),
      '248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1',
    ],
    [Buffer.alloc(1_000_000, 'a'), 'cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0'],
  ],
  blake2b: [
    [
      Buffer.from(''),
      '786a02f742015903c6c6fd852552d272912f4740e15847618a86e217f71f5419d25e1031afee585313896444934eb04b903a685b1448b755d56f701afe9be2ce',
    ],
    [
      Buffer.from('abc'),
      'ba80a53f981c4d0d6a2797b69f12f6e94c212f14685ac4b74b12bb6fdbffa2d17d87c5392aab792dc252d5de4533cc9518d38aa8dbf1925ab92386edd4009923',
    ],
  ],
  blake3: [
    [counting(0), 'af1349b9f5f9a1a6a0404dea36dcc9499bcb25c9adc112b7cc9a93cae41f3262'],
    [counting(1), '2d3adedff11b61f14c886e35afa036736dcd87a74d27b5c1510225d0f592e213'],
    [counting(1024), '42214739f095a406f3fc83deb889744ac00df831c10daa55189b5d121c855af7'],
    [counting(1025), 'd00278ae47eb27b34faecf67b4fe263f82d5412916c1ffd97c8cb7fb814b8444'],
    [counting(31744), '62b6960e1a44bcc1eb1a611a8d6235b6b4b78f32e7abc4fb4c6cdcce94895c47'],
    [counting(102400), 'bc3e3d41a1146b069abffad3c0d44860cf664390afce4d9661f7902e7943e085'],
  ],
};

const PAIRS = (Object.keys(ENGINE_ALGORITHMS) as EngineName[]).flatMap((engine) =>
  ENGINE_ALGORITHMS[engine].map((algorithm) => [engine, algorithm] as const),
);

function inPieces(hasher: Hasher, data: Uint8Array, piece: number): string {
  hasher.begin();
  for (let at = 0; at < data.length; at += piece) hasher.update(data.subarray(at, at + piece));
  return hasher.end();
}

for (const [engine, algorithm] of PAIRS) {
  describe(`the ${engine} engine's ${algorithm}`, () => {
    let hasher: Hasher;
    before(async () => {
      hasher = await createHasher(engine, algorithm);
    });

    for (const [input, digest] of VECTORS[algorithm]) {
      it(`gives the published digest of ${input.length} bytes, at once and in pieces`, () => {
        assert.equal(hasher.digest(input), digest);
        assert.equal(inPieces(hasher, input, 1000), digest);
        assert.equal(digest.length, 2 * DIGEST_BYTES[algorithm]);
      });
    }

    it('gives one digest however the bytes are cut', () => {
      fc.assert(
        fc.property(fc.uint8Array({ maxLength: 5000 }), fc.integer({ min: 1, max: 5000 }), (data, piece) => {
          assert.equal(inPieces(hasher, data, piece), hasher.digest(data));
        }),
        { numRuns: 100 },
      );
    });

    it('keeps nothing of what it hashed before, even where that was never finished', () => {
      const empty = hasher.digest(new Uint8Array());
      hasher.begin();
      hasher.update(randomBytes(100));
      assert.equal(hasher.digest(new Uint8Array()), empty);
      hasher.begin();
      assert.equal(hasher.end(), empty);
    });

    for (const length of [MEBIBYTE - 1, MEBIBYTE, MEBIBYTE + 1]) {
      it(`agrees with the other engine, or with itself in pieces, on ${length} bytes`, async () => {
        const data = counting(length);
        const [other = engine] = PAIRS.filter(([name, type]) => type === algorithm && name !== engine).map(([name]) => name);
        assert.equal(hasher.digest(data), inPieces(await createHasher(other, algorithm), data, 65_537));
      });
    }
  });
}

describe('the choice of an engine', () => {
  it('takes the one that has the algorithm, and OpenSSL for sha256', async () => {
    assert.equal(await chooseEngine('auto', 'blake3'), 'wasm');
    assert.equal(await chooseEngine('auto', 'blake3', 2 ** 40), 'wasm');
    assert.equal(await chooseEngine('auto', 'sha256'), 'native');
    assert.equal(await chooseEngine('auto', 'sha256', 2 ** 40), 'native');
  });

  it('does not measure for little data, and measures briefly for much', async () => {
    assert.equal(await chooseEngine('auto', 'blake2b', 1000), 'native');
    await chooseEngine('auto', 'blake2b', 2 ** 30);
    const before = process.cpuUsage();
    assert.ok(['native', 'wasm'].includes(await chooseEngine('auto', 'blake2b', 2 ** 30)));
    assert.ok(process.cpuUsage(before).user < 200_000, 'a few milliseconds');
  });

  it('takes the one that is asked for', async () => {
    for (const [engine, algorithm] of PAIRS) assert.equal(await chooseEngine(engine, algorithm, 2 ** 30), engine);
  });

  it('refuses an engine that lacks the algorithm, as wrong usage', async () => {
    await assert.rejects(chooseEngine('native', 'blake3'), {
      name: 'MlsignError',
      outcome: 'usage',
      code: 'engine-lacks-algorithm',
      message: 'the native engine has no blake3',
      expected: 'sha256 or blake2b',
      suggestions: ['use --engine auto, which takes one that has it'],
    });
  });

  it('has an engine for every algorithm', async () => {
    for (const algorithm of HASH_TYPES) {
      const engine = await chooseEngine('auto', algorithm);
      assert.equal((await createHasher(engine, algorithm)).digest(Buffer.from('abc')).length, 2 * DIGEST_BYTES[algorithm]);
    }
  });

  it('agrees with node:crypto on what OpenSSL calls the algorithms', async () => {
    const data = randomBytes(1000);
    assert.equal((await createHasher('native', 'blake2b')).digest(data), createHash('blake2b512').update(data).digest('hex'));
  });
});
