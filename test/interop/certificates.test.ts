import assert from 'node:assert/strict';
import { CERTIFICATE_SETS } from './certificate-sets.ts';
import { treeModel } from './models.ts';
import { inWords, rejections, signWithMlsign, verifyWithMlsign } from './ours.ts';
import { useWorkbench } from './workbench.ts';

describe('certificates as they are in the field', () => {
  const workbench = useWorkbench();

  for (const { name, verdict, code, reference, refusal } of CERTIFICATE_SETS) {
    const signer = { certificate: name };

    it(`${name}: mlsign says ${verdict}, the reference ${reference ? 'accepts' : 'refuses'} (signed by the reference)`, async () => {
      const bench = workbench();
      const model = await bench.model(treeModel());
      const signature = await bench.theirs(model, signer);
      const verification = await verifyWithMlsign(model, signature, bench.trust(signer));
      assert.equal(verification.verdict, verdict, inWords(verification));
      assert.deepEqual(rejections(verification), code === undefined ? [] : [code]);
      assert.equal((await bench.verifyWithReference(model, signature, signer)).ok, reference);
    });

    it(`${name}: ${refusal !== undefined ? 'mlsign does not sign with it' : 'the same of what mlsign signs'}`, async () => {
      const bench = workbench();
      const model = await bench.model(treeModel());
      const signature = bench.fresh('ours');
      const signing = signWithMlsign(model, signature, await bench.signing(signer));
      if (refusal !== undefined) {
        await assert.rejects(signing, { code: refusal });
        return;
      }
      await signing;
      const verification = await verifyWithMlsign(model, signature, bench.trust(signer));
      assert.equal(verification.verdict, verdict, inWords(verification));
      assert.equal((await bench.verifyWithReference(model, signature, signer)).ok, reference);
    });
  }
});
