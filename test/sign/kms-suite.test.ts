import { KMS_SPECS, type KmsClient } from '../../src/aws/index.ts';
import { HAS_ML_DSA } from '../helpers/keys.ts';
import { KmsBench } from '../helpers/kms.ts';
import { kmsSuite } from '../helpers/kms-suite.ts';

describe('KMS over a real socket', () => {
  let bench: KmsBench;
  let client: KmsClient;
  before(async () => {
    bench = await KmsBench.start();
    client = bench.client();
  });
  after(() => bench.stop());

  kmsSuite('our own strict server', () => ({
    client,
    specs: KMS_SPECS.filter((spec) => HAS_ML_DSA || !spec.startsWith('ML_DSA')),
    prehash: true,
  }));
});
