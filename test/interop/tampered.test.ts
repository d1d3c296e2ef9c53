import assert from 'node:assert/strict';
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Hashing } from './driver.ts';
import type { WrittenBundle } from './forge.ts';
import { wayOf } from './matrix.ts';
import { treeModel } from './models.ts';
import { inWords, rejections, signWithMlsign, verifyWithMlsign } from './ours.ts';
import { LINK_TAMPERINGS, TAMPERINGS } from './tampering.ts';
import { nameOf, type Signer, useWorkbench, type Workbench } from './workbench.ts';

const WAYS: readonly Hashing[] = [{ method: 'files' }, { method: 'shards', shard_size: 1000 }];
const KEY: Signer = { key: 'p256' };
const TREE = treeModel();

describe('what was tampered with, both reject', () => {
  const workbench = useWorkbench();
  const tamperings = process.platform === 'win32' ? TAMPERINGS : [...TAMPERINGS, ...LINK_TAMPERINGS];

  for (const by of ['the reference', 'mlsign'] as const) {
    for (const hashing of WAYS) {
      // Shards that mlsign signs are named as OMS says; the reference must be told to name them so too.
      const theirs: Hashing = { ...hashing, specified: by === 'mlsign' && hashing.method === 'shards' };

      describe(`signed by ${by}, ${wayOf(hashing)}`, () => {
        for (const { name, codes, apply } of tamperings) {
          it(name, async () => {
            const bench = workbench();
            const model = await bench.model(TREE);
            const signature = await signed(bench, by, model, KEY, hashing);
            assert.equal((await bench.verifyWithReference(model, signature, KEY, theirs)).ok, true, 'before it is tampered with');
            await apply(model, bench.fresh('spare'));
            const verification = await verifyWithMlsign(model, signature, bench.trust(KEY));
            assert.equal(verification.verdict, 'rejected', inWords(verification));
            const got = rejections(verification);
            assert.ok(got.length > 0 && got.every((code) => codes.includes(code)), `${got} of ${codes}`);
            assert.equal((await bench.verifyWithReference(model, signature, KEY, theirs)).ok, false);
          });
        }
      });
    }

    for (const signer of [KEY, { certificate: 'p384' }] as const) {
      describe(`a bundle signed by ${by}, ${nameOf(signer)}`, () => {
        for (const { name, code, apply } of forgeries(signer)) {
          it(name, async () => {
            const bench = workbench();
            const model = await bench.model(TREE);
            const signature = await signed(bench, by, model, signer, {});
            const forged = bench.fresh('forged');
            await writeFile(forged, apply(await readFile(signature, 'utf8')));
            const verification = await verifyWithMlsign(model, forged, bench.trust(signer));
            assert.equal(verification.verdict, 'rejected', inWords(verification));
            assert.ok(code.test(rejections(verification).join()), rejections(verification).join());
            assert.equal((await bench.verifyWithReference(model, forged, signer)).ok, false);
          });
        }

        it("another signer's trust", async () => {
          const bench = workbench();
          const model = await bench.model(TREE);
          const signature = await signed(bench, by, model, signer, {});
          const other: Signer = 'key' in signer ? { key: 'p384' } : { certificate: 'rsa-issuers' };
          const verification = await verifyWithMlsign(model, signature, bench.trust(other));
          assert.equal(verification.verdict, 'rejected', inWords(verification));
          assert.equal((await bench.verifyWithReference(model, signature, other)).ok, false);
        });

        it('the bundle of another model', async () => {
          const bench = workbench();
          const model = await bench.model(TREE);
          const another = await bench.model(treeModel(99));
          const signature = await signed(bench, by, another, signer, {});
          const verification = await verifyWithMlsign(model, signature, bench.trust(signer));
          assert.equal(verification.verdict, 'rejected', inWords(verification));
          assert.equal((await bench.verifyWithReference(model, signature, signer)).ok, false);
        });
      });
    }
  }
});

async function signed(bench: Workbench, by: 'the reference' | 'mlsign', model: string, signer: Signer, hashing: Hashing): Promise<string> {
  if (by === 'the reference') return bench.theirs(model, signer, hashing);
  const signature = join(bench.fresh('ours'));
  await signWithMlsign(model, signature, await bench.signing(signer), hashing);
  return signature;
}

interface Forgery {
  readonly name: string;
  readonly code: RegExp;
  readonly apply: (bundle: string) => string;
}

/** Changes of a bundle that both must reject, and the code of our finding. */
function forgeries(signer: Signer): readonly Forgery[] {
  const wrong = /^signature-invalid$/u;
  const malformed = /^(bundle|json|statement|payload)-/u;
  return [
    { name: 'a flipped signature', code: wrong, apply: signature(flipLast) },
    { name: 'an empty signature', code: /./u, apply: signature(() => '') },
    { name: 'no signature', code: malformed, apply: edit((b) => (b.dsseEnvelope.signatures = [])) },
    {
      name: 'a digest changed in the payload',
      code: wrong,
      apply: payload((text) =>
        text.replace(/"digest": ?"[0-9a-f]/u, (m) => (m.endsWith('0') ? m.replace(/0$/u, '1') : m.replace(/.$/u, '0'))),
      ),
    },
    { name: 'a name changed in the payload', code: wrong, apply: payload((text) => text.replace('weights.bin', 'weightz.bin')) },
    { name: 'a resource taken out of the payload', code: wrong, apply: payload(withoutOneResource) },
    { name: 'white space added to the payload', code: wrong, apply: payload((text) => `${text}\n`) },
    { name: 'another payload type', code: malformed, apply: edit((b) => (b.dsseEnvelope.payloadType = 'text/plain')) },
    {
      name: 'another media type',
      code: malformed,
      apply: edit((b) => (b.mediaType = 'application/vnd.dev.sigstore.bundle.v9+json')),
    },
    { name: 'a truncated bundle', code: malformed, apply: (text) => text.slice(0, text.length / 2) },
    { name: 'an empty bundle', code: malformed, apply: () => '' },
    { name: 'no verification material', code: malformed, apply: edit((b) => (b.verificationMaterial = {})) },
    ...('key' in signer ? [{ name: 'the hint of another key', code: /^signer-untrusted$/u, apply: edit(otherHint) }] : []),
  ];
}

function edit(change: (bundle: WrittenBundle) => void): (text: string) => string {
  return (text) => {
    const bundle: WrittenBundle = JSON.parse(text);
    change(bundle);
    return JSON.stringify(bundle);
  };
}

function otherHint(bundle: WrittenBundle): void {
  bundle.verificationMaterial = { publicKey: { hint: '0'.repeat(64) } };
}

function payload(change: (text: string) => string): (text: string) => string {
  return edit((bundle) => {
    const before = Buffer.from(bundle.dsseEnvelope.payload, 'base64').toString();
    const after = change(before);
    assert.notEqual(after, before);
    bundle.dsseEnvelope.payload = Buffer.from(after).toString('base64');
  });
}

function signature(change: (base64: string) => string): (text: string) => string {
  return edit(({ dsseEnvelope }) => {
    for (const one of dsseEnvelope.signatures) one.sig = change(one.sig);
  });
}

function flipLast(base64: string): string {
  const bytes = Buffer.from(base64, 'base64');
  bytes[bytes.length - 1] = (bytes.at(-1) ?? 0) ^ 1;
  return bytes.toString('base64');
}

function withoutOneResource(text: string): string {
  const statement = JSON.parse(text);
  statement.predicate.resources.pop();
  return JSON.stringify(statement);
}
