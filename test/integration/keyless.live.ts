import { ended, KEYLESS_SIGNERS, useBench } from './bench.ts';
import { trustedIdentity, VERIFIERS } from './clients.ts';
import { identityOf } from './environment.ts';

describe('keyless signatures', () => {
  const bench = useBench();

  for (const signer of KEYLESS_SIGNERS) {
    for (const kind of ['email', 'github'] as const) {
      describe(`by ${signer} for ${kind === 'email' ? 'a person' : 'a GitHub workflow'}`, () => {
        let model: string;
        let bundle: string;

        before(async () => {
          model = await bench().model();
          bundle = await bench().signKeyless(signer, model, kind);
        });

        for (const { name, verify } of VERIFIERS) {
          it(`${name} verifies`, async () => ended(0, await verify(model, bundle, trustedIdentity(identityOf(kind)))));
        }
      });
    }
  }
});
