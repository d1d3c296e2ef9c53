import assert from 'node:assert/strict';
import type { Finding } from '../../src/core/index.ts';
import { together } from '../../src/lineage/together.ts';

describe('several places of one model', () => {
  const place = (where: string) => ({ where, signatures: async () => [], attestations: async () => [] });

  it('are one, and tell where there are more than were looked at', async () => {
    const findings: Finding[] = [];
    await together([place('a'), place('b')])?.attestations(findings);
    assert.deepEqual(findings, []);
    await together([place('a'), place('b')], 40)?.attestations(findings);
    assert.deepEqual(
      findings.map(({ code, severity, subject, got, message }) => [code, severity, subject, got, message]),
      [['too-many-copies', 'undetermined', 'a', '40', 'of the copies of this model only 2 were looked at']],
    );
  });
});
