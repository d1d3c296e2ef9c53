import assert from 'node:assert/strict';
import { composeProvenance, type ProvenanceRequest } from '../../src/app/compose-provenance.ts';
import { keepParameter } from '../../src/app/keep-parameter.ts';
import type { Finding } from '../../src/core/index.ts';

const NOTHING = { materials: [], findings: [] };

describe('a provenance out of several sources', () => {
  const subject = { name: 'model', modelId: 'a'.repeat(64) };
  const request: ProvenanceRequest = {
    materials: [],
    parameters: { epochs: '3' },
    metrics: { accuracy: 0.9 },
    builder: 'https://ci.example/a',
    invocation: 'run 1',
    facts: [
      {
        ...NOTHING,
        source: 'dvc.lock',
        parameters: { epochs: '4', seed: '1' },
        metrics: { accuracy: 0.8 },
        builder: 'https://ci.example/b',
        invocation: 'run 2',
      },
    ],
  };

  it('takes what was given first, and tells of what differs', () => {
    const { provenance, findings } = composeProvenance(subject, [], request);
    assert.deepEqual(provenance.parameters, { epochs: '3', seed: '1' });
    assert.deepEqual([provenance.metrics, provenance.builder, provenance.invocation], [{ accuracy: 0.9 }, 'https://ci.example/a', 'run 1']);
    assert.deepEqual(
      findings.map(({ code, severity, subject: from, expected, got }) => [code, severity, from, expected, got]),
      [
        ['builder-differs', 'warning', 'dvc.lock', 'https://ci.example/a', 'https://ci.example/b'],
        ['invocation-differs', 'warning', 'dvc.lock', 'run 1', 'run 2'],
        ['parameter-differs', 'warning', 'dvc.lock', '3', '4'],
        ['metric-differs', 'warning', 'dvc.lock', '0.9', '0.8'],
      ],
    );
    assert.match(findings[2]?.message ?? '', /the parameter epochs is another here; what was given first is attested/);
  });

  it('keeps no parameter that is a whole text', () => {
    const findings: Finding[] = [];
    const kept: Record<string, string> = {};
    keepParameter(kept, 'short', 'x'.repeat(8192), 'run', findings);
    keepParameter(kept, 'long', 'x'.repeat(8193), 'run', findings);
    keepParameter(kept, 'n'.repeat(1025), 'x', 'run', findings);
    assert.deepEqual(Object.keys(kept), ['short']);
    assert.deepEqual(
      findings.map(({ code, severity, message }) => [code, severity, message]),
      Array(2).fill(['parameter-too-long', 'warning', 'a parameter is longer than mlsign writes down, and is not attested']),
    );
  });
});
